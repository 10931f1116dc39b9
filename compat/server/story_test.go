package server_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// TestStories plays testdata/server: each file is one claim about what a client can rely on. Commands:
//
//	world [servers=N] [options]      a fresh world; options: readonly local upgrade reconfig linearizable enforce limit=N throttle=N opwait=ms tokens=N
//	                                 large=bytes largebytes=N
//	connect C [to=N] [timeout=ms] [short] [session=C2] [password=bad] [lastZxid=n] [ro] [quiet]
//	send C                           lines of requests; they leave in one write
//	read C [n]                       n replies (default: as many as came), or "closed"
//	hold / commit [n] / release      transactions wait; some are applied; all are
//	proposed n                       wait until so many wait
//	waiting                          how many do wait
//	lose                             what waits is lost on the way
//	tick ms                          time passes, with a Tick every 250 ms
//	pause ms                         time passes and nobody ticks
//	ensemble                         what the servers are told about their ensemble, as lines of a dynamic configuration
//	soft server down|up|relink       the ensemble changes
//	disk server low|room             what the server says of its disk
//	low                              what each server says of all disks
//	drop C                           the client closes its socket
func TestStories(t *testing.T) {
	datadriven.Walk(t, filepath.Join("..", "..", "testdata", "server"), func(t *testing.T, path string) {
		s := &story{t: t, clients: map[string]*client{}}
		datadriven.RunTest(t, path, s.run)
	})
}

type story struct {
	t       *testing.T
	w       *world
	clients map[string]*client
	names   map[session.ID]string
}

type client struct {
	*raw
	xid int32
	ops map[int32][]int32 // opcodes by xid, in order of sending
	id  session.ID
	pw  []byte
}

func (s *story) run(t *testing.T, d *datadriven.TestData) string {
	s.t = t
	switch d.Cmd {
	case "world":
		return s.world(d)
	case "connect":
		return s.connect(d)
	case "send":
		c := s.client(d)
		var frames [][]byte
		for _, line := range strings.Split(d.Input, "\n") {
			frames = append(frames, c.request(t, line))
		}
		c.send(frames...)
		return ""
	case "read":
		return s.read(d)
	case "hold":
		s.w.history.Hold()
	case "commit":
		s.commit(d)
	case "proposed":
		n, _ := strconv.Atoi(d.CmdArgs[0].Key)
		s.proposed(n)
	case "waiting": // how many writes got through to the history
		before := -1
		for n := s.w.history.Waiting(); n != before; n = s.w.history.Waiting() {
			before = n
			<-time.After(60 * time.Millisecond)
		}
		return fmt.Sprintln(before)
	case "lose":
		s.w.history.Lose()
	case "release":
		s.w.history.Release()
	case "tick":
		ms, _ := strconv.Atoi(d.CmdArgs[0].Key)
		for ; ms > 250; ms -= 250 {
			s.tick(250)
		}
		s.tick(ms)
	case "pause":
		ms, _ := strconv.Atoi(d.CmdArgs[0].Key)
		s.tick(ms)
	case "ensemble":
		e, err := zab.ParseEnsemble(d.Input)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.w.history.SetEnsemble(e)
	case "soft":
		s.soft(d)
	case "disk":
		i, _ := strconv.Atoi(d.CmdArgs[0].Key)
		s.w.nodes[i-1].SetFlag(znode.FlagNoGrow, d.CmdArgs[1].Key == "low")
	case "low":
		var b strings.Builder
		for i, n := range s.w.nodes {
			fmt.Fprintf(&b, "server %d: %v\n", i+1, n.Report(0).Data.LowDisks)
		}
		return b.String()
	case "drop":
		s.client(d).nc.Close()
	default:
		t.Fatalf("%s: no such command", d.Cmd)
	}
	return ""
}

func (s *story) tick(ms int) {
	s.w.clock.advance(time.Duration(ms) * time.Millisecond)
	for _, n := range s.w.nodes {
		n.Tick()
	}
	s.w.history.Settle()
}

func (s *story) client(d *datadriven.TestData) *client {
	c := s.clients[d.CmdArgs[0].Key]
	if c == nil {
		d.Fatalf(s.t, "no client %s", d.CmdArgs[0].Key)
	}
	return c
}

func (s *story) world(d *datadriven.TestData) string {
	servers := 1
	d.MaybeScanArgs(s.t, "servers", &servers)
	s.clients, s.names = map[string]*client{}, map[session.ID]string{}
	s.w = newWorld(s.t, servers, func(o *server.Options) {
		o.Features.Standalone = servers == 1
		o.Features.ReadOnlyMode = d.HasArg("readonly")
		o.Features.ReconfigEnabled = d.HasArg("reconfig")
		o.Features.LinearizableReads = d.HasArg("linearizable")
		o.Sessions.Local, o.Sessions.LocalUpgrade = d.HasArg("local"), d.HasArg("upgrade")
		d.MaybeScanArgs(s.t, "limit", &o.Limits.GlobalOutstanding)
		d.MaybeScanArgs(s.t, "throttle", &o.Limits.ThrottleRequests)
		d.MaybeScanArgs(s.t, "opwait", &o.Limits.ThrottledOpWaitMs)
		d.MaybeScanArgs(s.t, "tokens", &o.Limits.Connection.Tokens)
		d.MaybeScanArgs(s.t, "large", &o.Limits.LargeThreshold)
		d.MaybeScanArgs(s.t, "largebytes", &o.Limits.LargeMaxBytes)
		o.Features.StandaloneEnabled = true
		if d.HasArg("enforce") {
			o.Auth, _ = auth.New(auth.Config{Enforce: auth.Enforce{Enabled: true, Schemes: []string{"digest"}}})
		}
	})
	return ""
}

func (s *story) connect(d *datadriven.TestData) string {
	name, to := d.CmdArgs[0].Key, 1
	q := wire.ConnectRequest{Timeout: 4000, Password: make([]byte, 16), Short: d.HasArg("short"), ReadOnly: d.HasArg("ro")}
	d.MaybeScanArgs(s.t, "to", &to)
	var timeout, last int64
	var as, pw string
	d.MaybeScanArgs(s.t, "timeout", &timeout)
	d.MaybeScanArgs(s.t, "lastZxid", &last)
	d.MaybeScanArgs(s.t, "session", &as)
	d.MaybeScanArgs(s.t, "password", &pw)
	if timeout != 0 {
		q.Timeout = int32(timeout)
	}
	q.LastZxid = zxid.ID(last)
	if o := s.clients[as]; o != nil {
		q.Session, q.Password = o.id, o.pw
	} else if as != "" {
		n, _ := strconv.ParseInt(as, 0, 64)
		q.Session = session.ID(n)
	}
	if pw != "" {
		q.Password = []byte(pw)
	}
	c := &client{raw: s.w.dial(to - 1), ops: map[int32][]int32{}}
	s.clients[name] = c
	frames := [][]byte{q.Append(nil)}
	if d.Input != "" {
		for _, line := range strings.Split(d.Input, "\n") {
			frames = append(frames, c.request(s.t, line))
		}
	}
	c.send(frames...)
	if d.HasArg("quiet") {
		return ""
	}
	return s.welcome(name)
}

// welcome reads the answer to a handshake.
func (s *story) welcome(name string) string {
	c := s.clients[name]
	f, err := c.next(soon)
	if err != nil {
		return says(err)
	}
	var p wire.ConnectResponse
	r := jute.NewReader(f)
	p.Decode(&r)
	c.id, c.pw = p.Session, append([]byte(nil), p.Password[:]...)
	who := "none"
	if p.Session != 0 {
		if s.names[p.Session] == "" {
			s.names[p.Session] = name
		}
		who = s.names[p.Session]
	}
	return fmt.Sprintf("%d bytes: timeout=%d session=%s zeros=%v ro=%v\n", len(f), p.Timeout, who, p.Password == [16]byte{}, p.ReadOnly)
}

func says(err error) string {
	if err == io.EOF {
		return "closed\n"
	}
	return "nothing\n"
}

// read prints what came. Without a number it reads as many as the story expects, and then until nothing comes for a moment.
func (s *story) read(d *datadriven.TestData) string {
	c := s.client(d)
	if d.HasArg("welcome") {
		return s.welcome(d.CmdArgs[0].Key)
	}
	most, due := 1<<30, strings.Count(d.Expected, "\n")
	if len(d.CmdArgs) > 1 {
		most, _ = strconv.Atoi(d.CmdArgs[1].Key)
		due = most
	}
	if d.Expected == "nothing\n" {
		due = 0
	}
	var out strings.Builder
	for i := range most {
		patience := 60 * time.Millisecond
		if i < due {
			patience = soon
		}
		f, err := c.next(patience)
		if err == errQuiet && out.Len() > 0 {
			break
		}
		if err != nil {
			out.WriteString(says(err))
			break
		}
		out.WriteString(s.describe(c, f) + "\n")
	}
	return out.String()
}

// describe renders a reply with the opcode of the request it answers; sessions get the names of their clients.
func (s *story) describe(c *client, f []byte) string {
	r := jute.NewReader(f)
	var h wire.ReplyHeader
	h.Decode(&r)
	op := wire.OpPing
	if list := c.ops[h.Xid]; len(list) > 0 {
		op, c.ops[h.Xid] = list[0], list[1:]
	}
	text := wire.DescribeReply(f, op)
	for id, name := range s.names {
		text = strings.ReplaceAll(text, fmt.Sprintf("owner=%#x", uint64(id)), "owner="+name)
	}
	return text
}

func (s *story) commit(d *datadriven.TestData) {
	n := 1 << 30
	if len(d.CmdArgs) > 0 {
		n, _ = strconv.Atoi(d.CmdArgs[0].Key)
	}
	s.proposed(1)
	s.w.history.Commit(n)
}

// proposed waits until n steps are held.
func (s *story) proposed(n int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(soon)
	for s.w.history.Waiting() < n {
		select {
		case <-tick.C:
		case <-end:
			s.t.Fatalf("%d proposals wait, not %d", s.w.history.Waiting(), n)
		}
	}
}

func (s *story) soft(d *datadriven.TestData) {
	i, _ := strconv.Atoi(d.CmdArgs[0].Key)
	m := s.w.nodes[i-1].member
	st := m.Active()
	switch d.CmdArgs[1].Key {
	case "down":
		st = zab.SoftState{}
	case "relink":
		st.Link++
	}
	m.Soft(st)
}

// request makes a frame of a line: op [path] [key=value]...
func (c *client) request(t *testing.T, line string) []byte {
	words := strings.Fields(line)
	if words[0] == "hex" {
		b, err := hex.DecodeString(strings.Join(words[1:], ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a := args{t: t, m: map[string]string{}}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		if strings.HasPrefix(k, "/") || k == `""` {
			k, v = "path", strings.Trim(w, `"`)
		}
		a.m[k] = v
	}
	op := opByName(t, words[0])
	c.xid++
	xid := c.xid
	switch op {
	case wire.OpPing:
		xid = wire.XidPing
	case wire.OpAuth:
		xid = wire.XidAuth
	case wire.OpSetWatches, wire.OpSetWatches2:
		xid = wire.XidSetWatches
	}
	if v, ok := a.m["xid"]; ok {
		n, _ := strconv.Atoi(v)
		xid = int32(n)
	}
	if xid != c.xid && xid < 0 {
		c.xid--
	}
	c.ops[xid] = append(c.ops[xid], op)
	b := wire.RequestHeader{Xid: xid, Op: op}.Append(nil)
	b = a.body(b, op)
	if cut, ok := a.m["cut"]; ok {
		n, _ := strconv.Atoi(cut)
		b = b[:len(b)-n]
	}
	return b
}

func opByName(t *testing.T, name string) int32 {
	for op := int32(-20); op < 200; op++ {
		if wire.OpName(op) == name {
			return op
		}
	}
	t.Fatalf("no operation %q", name)
	return 0
}

// args are the words of a request line.
type args struct {
	t *testing.T
	m map[string]string
}

func (a args) num(key string, def int64) int64 {
	v, ok := a.m[key]
	if !ok {
		return def
	}
	n, err := strconv.ParseInt(v, 0, 64)
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

func (a args) has(key string) bool { _, ok := a.m[key]; return ok }

func (a args) data() []byte {
	if v, ok := a.m["data"]; ok {
		return []byte(v)
	}
	return nil
}

func (a args) list(key string) jute.Vector {
	if v := a.m[key]; v != "" {
		return jute.NewVector(strings.Split(v, ","))
	}
	return jute.NewVector([]string{})
}

func (a args) acl() []znode.ACL {
	switch a.m["acl"] {
	case "":
		return []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}
	case "auth":
		return []znode.ACL{{Perms: znode.PermAll, Scheme: "auth"}}
	}
	n, _ := strconv.Atoi(a.m["acl"])
	return []znode.ACL{{Perms: znode.Perm(n), Scheme: "world", ID: "anyone"}}
}

func (a args) body(b []byte, op int32) []byte {
	path := a.m["path"]
	o := znode.Op{Kind: znode.KindCreate, Wire: op, Path: path, Data: a.data(), ACL: a.acl(), Mode: znode.Mode(a.num("flags", 0)),
		TTL: a.num("ttl", 0), Version: int32(a.num("version", -1))}
	switch op {
	case wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL, wire.OpDelete, wire.OpCheck, wire.OpSetData, wire.OpSetACL:
		return wire.AppendOp(b, &o)
	case wire.OpExists, wire.OpGetData, wire.OpGetChildren, wire.OpGetChildren2:
		return (&wire.PathWatch{Path: path, Watch: a.has("watch")}).Append(b)
	case wire.OpGetACL, wire.OpGetAllChildrenNumber:
		return (&wire.PathOnly{Path: path}).Append(b)
	case wire.OpSync, wire.OpGetEphemerals:
		if !a.has("path") {
			return jute.AppendNull(b)
		}
		return jute.AppendText(b, path)
	case wire.OpAddWatch:
		return (&wire.PathInt{Path: path, Value: int32(a.num("mode", 0))}).Append(b)
	case wire.OpCheckWatches, wire.OpRemoveWatches:
		return (&wire.PathInt{Path: path, Value: int32(a.num("type", 3))}).Append(b)
	case wire.OpSetWatches, wire.OpSetWatches2:
		q := wire.SetWatches{RelativeZxid: zxid.ID(a.num("since", 0)), Data: a.list("data"), Exist: a.list("exist"), Child: a.list("child"),
			Persistent: a.list("persistent"), PersistentRecurs: a.list("recursive")}
		return q.Append(b, op)
	case wire.OpAuth:
		return (&wire.AuthPacket{Scheme: a.m["scheme"], Auth: []byte(a.m["id"])}).Append(b)
	case wire.OpSASL:
		return (&wire.SASLToken{Token: []byte("hello")}).Append(b)
	case wire.OpReconfig:
		q := wire.ReconfigRequest{ConfigID: a.num("version", -1)}
		for key, field := range map[string]*[]byte{"members": &q.NewMembers, "join": &q.Joining, "leave": &q.Leaving} {
			if a.has(key) {
				*field = []byte(a.m[key])
			}
		}
		return q.Append(b)
	case wire.OpMulti:
		return a.multi(b)
	case wire.OpMultiRead:
		var ops []wire.ReadOp
		for _, p := range strings.Split(a.m["get"], ",") {
			ops = append(ops, wire.ReadOp{Op: wire.OpGetData, Path: p})
		}
		return wire.AppendMultiRead(b, ops)
	}
	return b
}

// multi understands create=/a,/b set=/c check=/d:3 delete=/e in this order.
func (a args) multi(b []byte) []byte {
	var ops []znode.Op
	for _, key := range []string{"create", "create2", "ephemeral", "set", "check", "delete"} {
		for _, p := range strings.Split(a.m[key], ",") {
			if p == "" {
				continue
			}
			p, v, _ := strings.Cut(p, ":")
			o := znode.Op{Path: p, ACL: a.acl(), Version: -1}
			if v != "" {
				n, _ := strconv.Atoi(v)
				o.Version = int32(n)
			}
			switch key {
			case "create":
				o.Kind, o.Wire = znode.KindCreate, wire.OpCreate
			case "ephemeral":
				o.Kind, o.Wire, o.Mode = znode.KindCreate, wire.OpCreate, znode.ModeEphemeral
			case "create2":
				o.Kind, o.Wire = znode.KindCreate, wire.OpCreate2
			case "set":
				o.Kind, o.Wire = znode.KindSetData, wire.OpSetData
			case "check":
				o.Kind, o.Wire = znode.KindCheck, wire.OpCheck
			case "delete":
				o.Kind, o.Wire = znode.KindDelete, wire.OpDelete
			}
			ops = append(ops, o)
		}
	}
	return wire.AppendMulti(b, ops)
}
