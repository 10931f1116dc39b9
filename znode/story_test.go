package znode

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// The stories under testdata/znode. One line of "do" is one transaction, all lines of "multi" are the parts of one:
//
//	[sN] create|create2|container|ttl PATH [flags=N] [data=TEXT|null] [acl=SCHEME:ID:PERMS,...] [ttl=MS]
//	[sN] delete|check PATH [version=N]      [sN] set PATH [data=...] [version=N]      [sN] setacl PATH acl=... [version=N]
//	[sN] session [timeout=MS] [password=X]  [sN] close     collect PATH [ttl=MS]     config [data=...]     secret NAME [data=...]
//
// s1 asks unless the line begins with another session; s0 is the server itself. Paths and data may be Go-quoted. "auth" and "flags" hold
// until they are given again. Reads: get, exists, ls, acl, count, ephemerals (one path a line), tree, expired, totals.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "../testdata/znode", func(t *testing.T, path string) {
		f := newFixture(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			out := f.run(t, d)
			if err := f.s.CheckInvariants(); err != nil {
				t.Fatal(err)
			}
			return out
		})
	})
}

type fixture struct {
	s    *State
	now  int64
	auth []Identity
	fl   Flags
	res  Result
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{s: NewState(Options{}), now: 1000, fl: FlagExtendedTypes}
	f.apply(&Txn{Session: 1, Op: Op{Kind: KindCreateSession, Timeout: 1000, Password: make([]byte, 16)}})
	if f.res.Code != OK {
		t.Fatal(f.res.Code)
	}
	return f
}

func (f *fixture) apply(t *Txn) {
	f.now += 10
	t.Auth, t.Flags = f.auth, f.fl
	raw := AppendTxn(nil, t)
	var decoded Txn
	if err := DecodeTxn(raw, &decoded); err != nil {
		panic(err)
	}
	f.s.Apply(f.s.LastZxid()+1, f.now, &decoded, &f.res)
}

func (f *fixture) run(t *testing.T, d *datadriven.TestData) string {
	lines := strings.FieldsFunc(d.Input, func(r rune) bool { return r == '\n' })
	var b strings.Builder
	switch d.Cmd {
	case "do":
		for _, line := range lines {
			who, op := f.parse(t, line)
			f.apply(&Txn{Session: who, Op: op})
			f.describe(&b, line)
		}
	case "multi":
		txn := &Txn{Session: 1, Op: Op{Kind: KindMulti}}
		for _, line := range lines {
			who, op := f.parse(t, line)
			txn.Session = who
			txn.Ops = append(txn.Ops, op)
		}
		f.apply(txn)
		f.describeMulti(&b)
	case "auth":
		f.auth = nil
		for _, a := range d.CmdArgs {
			scheme, id, _ := strings.Cut(a.String(), ":")
			f.auth = append(f.auth, Identity{scheme, id})
		}
	case "flags":
		f.fl = 0
		for _, a := range d.CmdArgs {
			f.fl |= storyFlags[a.Key]
		}
	case "time":
		d.ScanArgs(t, "now", &f.now)
	default:
		f.read(t, d, lines, &b)
	}
	if b.Len() == 0 {
		return "ok\n"
	}
	return b.String()
}

var storyFlags = map[string]Flags{"extended": FlagExtendedTypes, "enforce": FlagEnforceQuota, "nogrow": FlagNoGrow, "skipacl": FlagSkipACL,
	"nodigest": FlagNoDigest, "x509": FlagX509, "sasl": FlagSASL}

var storyVerbs = map[string]Op{
	"create": {Kind: KindCreate, Wire: 1}, "create2": {Kind: KindCreate, Wire: 15}, "container": {Kind: KindCreate, Wire: 19},
	"ttl": {Kind: KindCreate, Wire: 21}, "delete": {Kind: KindDelete, Wire: 2}, "set": {Kind: KindSetData, Wire: 5},
	"setacl": {Kind: KindSetACL, Wire: 7}, "check": {Kind: KindCheck, Wire: 13}, "session": {Kind: KindCreateSession},
	"close": {Kind: KindCloseSession}, "collect": {Kind: KindDeleteContainer}, "config": {Kind: KindReconfig}, "secret": {Kind: KindPutSecret},
	"error": {Kind: KindError},
}

// words splits at blanks outside quotes.
func words(line string) (out []string) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		i, quoted := 0, false
		for ; i < len(line) && (quoted || line[i] != ' '); i++ {
			if line[i] == '"' && line[max(i-1, 0)] != '\\' {
				quoted = !quoted
			}
		}
		out = append(out, line[:i])
		line = line[i:]
	}
	return out
}

func unquote(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}

func (f *fixture) parse(t *testing.T, line string) (session.ID, Op) {
	who := session.ID(1)
	w := words(line)
	if n, err := strconv.Atoi(strings.TrimPrefix(w[0], "s")); err == nil && w[0][0] == 's' {
		who, w = session.ID(n), w[1:]
	}
	op, ok := storyVerbs[w[0]]
	if !ok {
		t.Fatalf("unknown verb in %q", line)
	}
	op.Version, op.ACL, op.Timeout, op.Password = -1, openList, 1000, make([]byte, 16)
	for i, word := range w[1:] {
		key, value, isArg := strings.Cut(word, "=")
		if !isArg || strings.HasPrefix(word, `"`) {
			if i == 0 {
				op.Path = unquote(word)
			}
			continue
		}
		n, _ := strconv.ParseInt(value, 10, 64)
		switch key {
		case "flags":
			op.Mode = Mode(n)
		case "version":
			op.Version = int32(n)
		case "ttl":
			op.TTL = n
		case "wire":
			op.Wire = int32(n)
		case "timeout":
			op.Timeout = int32(n)
		case "password":
			op.Password = slices.Repeat([]byte(value), 16)
		case "data":
			if op.Data = []byte(unquote(value)); value == "null" {
				op.Data = nil
			}
		case "acl":
			op.ACL = storyACL(value)
		case "err":
			op.Err = Code(n)
		default:
			t.Fatalf("unknown word %q in %q", word, line)
		}
	}
	return who, op
}

// storyACL reads scheme:id:perms,... with perms out of rwcda or a number; "none" is an empty list, "null" no list.
func storyACL(text string) []ACL {
	switch text {
	case "none":
		return []ACL{}
	case "null":
		return nil
	}
	var list []ACL
	for _, part := range strings.Split(text, ",") {
		i, j := strings.Index(part, ":"), strings.LastIndex(part, ":")
		a := ACL{Scheme: part[:i]}
		if j > i {
			a.ID = part[i+1 : j]
		}
		n, err := strconv.Atoi(part[j+1:])
		if a.Perms = Perm(n); err != nil {
			for _, c := range part[j+1:] {
				a.Perms |= 1 << strings.IndexRune("rwcda", c)
			}
		}
		list = append(list, a)
	}
	return list
}

func showACL(list []ACL) string {
	var out []string
	for _, a := range list {
		perms := ""
		for i, c := range "rwcda" {
			if a.Perms&(1<<i) != 0 {
				perms += string(c)
			}
		}
		if a.Perms&^PermAll != 0 || a.Perms == 0 {
			perms = strconv.Itoa(int(a.Perms))
		}
		out = append(out, a.Scheme+":"+a.ID+":"+perms)
	}
	return strings.Join(out, ",")
}

func showStat(st Stat) string {
	out := fmt.Sprintf("c=%d m=%d p=%d ctime=%d mtime=%d v=%d cv=%d av=%d len=%d kids=%d", st.Czxid, st.Mzxid, st.Pzxid, st.Ctime, st.Mtime,
		st.Version, st.Cversion, st.Aversion, st.DataLength, st.NumChildren)
	if st.EphemeralOwner != 0 {
		out += " owner=" + session.ID(st.EphemeralOwner).String()
	}
	return out
}

var eventNames = map[EventType]string{EventCreated: "created", EventDeleted: "deleted", EventDataChanged: "changed", EventChildrenChanged: "children"}

func (f *fixture) describe(b *strings.Builder, line string) {
	r := &f.res
	if r.Code != OK {
		fmt.Fprintf(b, "%d  <- %s\n", r.Code, line)
		return
	}
	fmt.Fprintf(b, "ok")
	if r.Path != "" {
		fmt.Fprintf(b, " %q", r.Path)
	}
	if r.Stat != (Stat{}) {
		fmt.Fprintf(b, " %s", showStat(r.Stat))
	}
	if len(r.Closed) > 0 {
		fmt.Fprintf(b, " closed=%v", r.Closed)
	}
	b.WriteString("\n")
	f.describeEvents(b)
}

func (f *fixture) describeEvents(b *strings.Builder) {
	for _, e := range f.res.Events {
		fmt.Fprintf(b, "  %s %s", eventNames[e.Type], e.Path)
		if !isOpen(e.ACL) {
			fmt.Fprintf(b, " for %s", showACL(e.ACL))
		}
		b.WriteString("\n")
	}
}

func (f *fixture) describeMulti(b *strings.Builder) {
	fmt.Fprintf(b, "code %d\n", f.res.Code)
	for _, o := range f.res.Ops {
		fmt.Fprintf(b, "%d wire=%d", o.Code, o.Wire)
		if o.Path != "" {
			fmt.Fprintf(b, " %q", o.Path)
		}
		if o.Stat != (Stat{}) {
			fmt.Fprintf(b, " %s", showStat(o.Stat))
		}
		b.WriteString("\n")
	}
	f.describeEvents(b)
}

func (f *fixture) read(t *testing.T, d *datadriven.TestData, lines []string, b *strings.Builder) {
	super := []Identity{{"super", ""}}
	for _, line := range lines {
		path := unquote(line)
		switch d.Cmd {
		case "get":
			data, st, c := f.s.GetData(path, f.auth, f.fl)
			text := strconv.Quote(string(data))
			if data == nil {
				text = "null"
			}
			fmt.Fprintf(b, "%s: %d %s %s\n", line, c, text, showStat(st))
		case "exists":
			st, c := f.s.Exists(path, f.auth, f.fl)
			fmt.Fprintf(b, "%s: %d %s\n", line, c, showStat(st))
		case "acl":
			list, st, c := f.s.GetACL(path, f.auth, f.fl)
			fmt.Fprintf(b, "%s: %d %s av=%d\n", line, c, showACL(list), st.Aversion)
		case "count":
			n, c := f.s.AllChildrenNumber(path, f.auth, f.fl)
			fmt.Fprintf(b, "%s: %d %d\n", line, c, n)
		case "ls":
			var names []string
			_, c := f.s.Children(path, f.auth, f.fl, func(n string) { names = append(names, strings.Clone(n)) })
			slices.Sort(names)
			fmt.Fprintf(b, "%s: %d %v\n", line, c, names)
		case "ephemerals":
			paths := f.s.Ephemerals(1, path)
			slices.Sort(paths)
			fmt.Fprintf(b, "%s: %v\n", line, paths)
		case "canread":
			fmt.Fprintf(b, "%s: %v\n", line, Permits(storyACL(line), PermRead, f.auth, f.fl))
		}
	}
	switch d.Cmd {
	case "tree":
		f.s.Walk(func(im *Image) error {
			data, _, _ := f.s.GetData(im.Path, super, 0)
			fmt.Fprintf(b, "%s %q\n", im.Path, data)
			return nil
		})
	case "expired":
		var unused int64
		d.MaybeScanArgs(t, "unused", &unused)
		paths := f.s.ExpiredContainers(func(mtime int64) int64 { return f.now - mtime }, 100, unused)
		slices.Sort(paths)
		fmt.Fprintf(b, "%v\n", paths)
	case "totals":
		fmt.Fprintf(b, "nodes=%d size=%d ephemerals=%d sessions=%d zxid=%v\n", f.s.NodeCount(), f.s.DataSize(), f.s.EphemeralCount(),
			f.s.SessionCount(), zxid.ID(f.s.LastZxid()))
	}
}
