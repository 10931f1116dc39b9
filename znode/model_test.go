package znode

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// model is the tree once more, written to be obviously right: a map of paths, whole copies for a multi. It knows no quotas and only
// the open ACL and one that grants nothing to strangers.
type model struct {
	nodes    map[string]modelNode
	sessions map[session.ID]bool
}

type modelNode struct {
	data     string
	null     bool
	locked   bool // ACL digest:u:p only
	owner    int64
	czxid    int64
	mzxid    int64
	pzxid    int64
	ctime    int64
	mtime    int64
	version  int32
	raw      int32
	aversion int32
}

var lockedList = []ACL{{Perms: PermAll, Scheme: "digest", ID: "u:p"}}

func newModel() *model {
	m := &model{nodes: map[string]modelNode{}, sessions: map[session.ID]bool{}}
	for _, p := range []string{"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"} {
		m.nodes[p] = modelNode{}
	}
	c := m.nodes["/zookeeper/config"]
	c.aversion = -1
	m.nodes["/zookeeper/config"] = c
	return m
}

func modelParent(p string) string {
	if i := strings.LastIndex(p, "/"); i > 0 {
		return p[:i]
	}
	return "/"
}

func (m *model) get(p string) (modelNode, bool) {
	if p == "" {
		p = "/"
	}
	n, ok := m.nodes[p]
	return n, ok
}

func (m *model) children(p string) (names []string) {
	for c := range m.nodes {
		if c != "/" && modelParent(c) == p {
			names = append(names, c[strings.LastIndex(c, "/")+1:])
		}
	}
	slices.Sort(names)
	return names
}

func (m *model) stat(p string) Stat {
	n, _ := m.get(p)
	kids := int32(len(m.children(eventPath(p))))
	st := Stat{Czxid: n.czxid, Mzxid: n.mzxid, Pzxid: n.pzxid, Ctime: n.ctime, Mtime: n.mtime, Version: n.version, Cversion: 2*n.raw - kids,
		Aversion: n.aversion, DataLength: int32(len(n.data)), NumChildren: kids}
	if n.owner > 0 {
		st.EphemeralOwner = n.owner
	}
	return st
}

func (m *model) may(n modelNode, t *Txn) bool {
	return !n.locked || slices.Contains(t.Auth, Identity{"digest", "u:p"})
}

// validModel is the rule for paths in the words of the documentation.
func validModel(p string) bool {
	if p == "/" {
		return true
	}
	if !strings.HasPrefix(p, "/") {
		return false
	}
	for _, part := range strings.Split(p[1:], "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsAny(part, "\x00\x01\x7f") {
			return false
		}
	}
	return true
}

func (m *model) apply(z, now int64, t *Txn) (code Code, path string, st Stat, ops []Code) {
	switch t.Op.Kind {
	case KindCreateSession:
		m.sessions[t.Session] = true
		return OK, "", st, nil
	case KindCloseSession:
		for p, n := range maps.Clone(m.nodes) {
			if n.owner == int64(t.Session) {
				m.remove(z, p)
			}
		}
		delete(m.sessions, t.Session)
		return OK, "", st, nil
	case KindMulti:
		before := maps.Clone(m.nodes)
		for i := range t.Ops {
			c, _, _ := m.one(z, now, t, &t.Ops[i])
			ops = append(ops, c)
			if c != OK {
				m.nodes = before
				for range t.Ops[i+1:] {
					ops = append(ops, ErrRuntimeInconsistency)
				}
				return c, "", st, ops
			}
		}
		return OK, "", st, ops
	}
	code, path, st = m.one(z, now, t, &t.Op)
	return code, path, st, nil
}

func (m *model) remove(z int64, p string) {
	delete(m.nodes, p)
	up := m.nodes[modelParent(p)]
	up.pzxid = z
	m.nodes[modelParent(p)] = up
}

func (m *model) one(z, now int64, t *Txn, op *Op) (Code, string, Stat) {
	if !m.sessions[t.Session] {
		return ErrSessionExpired, "", Stat{}
	}
	switch op.Kind {
	case KindCreate:
		return m.create(z, now, t, op)
	case KindDelete:
		i := strings.LastIndex(op.Path, "/")
		if i < 0 || strings.Contains(op.Path, "\x00") || slices.Contains([]string{"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}, op.Path) {
			return ErrBadArguments, "", Stat{}
		}
		up, ok := m.get(op.Path[:i])
		n, found := m.nodes[op.Path]
		switch {
		case !ok:
			return ErrNoNode, "", Stat{}
		case !m.may(up, t):
			return ErrNoAuth, "", Stat{}
		case !found:
			return ErrNoNode, "", Stat{}
		case op.Version != -1 && op.Version != n.version:
			return ErrBadVersion, "", Stat{}
		case len(m.children(op.Path)) > 0:
			return ErrNotEmpty, "", Stat{}
		}
		m.remove(z, op.Path)
		return OK, "", Stat{}
	}
	n, found := m.nodes[op.Path]
	switch {
	case !validModel(op.Path):
		return ErrBadArguments, "", Stat{}
	case !found:
		return ErrNoNode, "", Stat{}
	case !m.may(n, t), op.Path == "/zookeeper/config" && op.Kind != KindCheck:
		return ErrNoAuth, "", Stat{}
	}
	have := n.version
	if op.Kind == KindSetACL {
		have = n.aversion
	}
	if op.Version != -1 && op.Version != have {
		return ErrBadVersion, "", Stat{}
	}
	switch op.Kind {
	case KindSetData:
		n.data, n.null, n.mzxid, n.mtime, n.version = string(op.Data), op.Data == nil, z, now, n.version+1
	case KindSetACL:
		n.locked, n.aversion = op.ACL[0].Scheme == "digest", n.aversion+1
	case KindCheck:
		return OK, "", Stat{}
	}
	m.nodes[op.Path] = n
	return OK, "", m.stat(op.Path)
}

func (m *model) create(z, now int64, t *Txn, op *Op) (Code, string, Stat) {
	i := strings.LastIndex(op.Path, "/")
	if i < 0 || strings.Contains(op.Path, "\x00") {
		return ErrBadArguments, "", Stat{}
	}
	up, ok := m.get(op.Path[:i])
	if !ok {
		return ErrNoNode, "", Stat{}
	}
	if !m.may(up, t) || op.Path[:i] == "/zookeeper/config" {
		return ErrNoAuth, "", Stat{}
	}
	path := op.Path
	if op.Mode == 2 || op.Mode == 3 {
		path += fmt.Sprintf("%010d", up.raw)
	}
	_, exists := m.nodes[path]
	switch {
	case !validModel(path):
		return ErrBadArguments, "", Stat{}
	case exists:
		return ErrNodeExists, "", Stat{}
	case up.owner > 0:
		return ErrNoChildrenForEphemerals, "", Stat{}
	}
	n := modelNode{data: string(op.Data), null: op.Data == nil, locked: op.ACL[0].Scheme == "digest", czxid: z, mzxid: z, pzxid: z, ctime: now, mtime: now}
	switch {
	case op.Wire == 19:
		n.owner = containerOwner
	case op.Wire == 21:
		n.owner = ttlOwner | op.TTL
	case op.Mode == 1 || op.Mode == 3:
		n.owner = int64(t.Session)
	}
	up.raw++
	up.pzxid = z
	m.nodes[modelParent(path)] = up
	m.nodes[path] = n
	return OK, path, m.stat(path)
}

// gen draws transactions over few names, so that they meet.
type gen struct{ *rand.Rand }

func (g gen) path() string {
	odd := []string{"", "/", "a", "/a/", "//a", "/./a", "/a/..", "/a\x00", "/a\x01", "/zookeeper", "/zookeeper/config", "x/y", "/zookeeper/quota"}
	if g.Intn(12) == 0 {
		return odd[g.Intn(len(odd))]
	}
	p := ""
	for range 1 + g.Intn(3) {
		p += "/" + string(rune('a'+g.Intn(4)))
	}
	return p
}

func (g gen) data() []byte {
	switch g.Intn(6) {
	case 0:
		return nil
	case 1:
		return []byte{}
	case 2:
		return bytes.Repeat([]byte("x"), g.Intn(3000))
	}
	return bytes.Repeat([]byte("y"), g.Intn(40))
}

func (g gen) op() Op {
	op := Op{Path: g.path(), Version: -1, Data: g.data(), ACL: openList}
	if g.Intn(8) == 0 {
		op.ACL = lockedList
	}
	if g.Intn(4) == 0 {
		op.Version = int32(g.Intn(3))
	}
	switch g.Intn(10) {
	case 0, 1, 2, 3:
		op.Kind, op.Wire, op.Mode = KindCreate, 1, Mode(g.Intn(4))
		switch g.Intn(6) {
		case 0:
			op.Wire, op.Mode = 19, ModeContainer
		case 1:
			op.Wire, op.Mode, op.TTL = 21, ModePersistentWithTTL, 1+g.Int63n(1000)
		}
	case 4, 5, 6:
		op.Kind = KindDelete
	case 7, 8:
		op.Kind = KindSetData
	default:
		op.Kind = KindCheck
	}
	return op
}

func (g gen) txn() *Txn {
	t := &Txn{Session: session.ID(0x100 + g.Intn(4)), Flags: FlagExtendedTypes}
	if g.Intn(2) == 0 {
		t.Auth = []Identity{{"ip", "10.0.0.1"}, {"digest", "u:p"}}
	}
	switch g.Intn(20) {
	case 0:
		t.Op = Op{Kind: KindCloseSession}
	case 1, 2:
		t.Op = Op{Kind: KindCreateSession, Timeout: 1000, Password: make([]byte, 16)}
	case 3:
		t.Op = g.op()
		t.Op.Kind, t.Op.Wire = KindSetACL, 7
	case 4, 5, 6:
		t.Op.Kind = KindMulti
		for range g.Intn(5) {
			t.Ops = append(t.Ops, g.op())
		}
	default:
		t.Op = g.op()
	}
	return t
}

func compareTree(t *testing.T, m *model, s *State) {
	t.Helper()
	super := []Identity{{"super", ""}}
	if s.NodeCount() != len(m.nodes)+1 {
		t.Fatalf("%d nodes, the model has %d", s.NodeCount()-1, len(m.nodes))
	}
	for p, n := range m.nodes {
		data, st, c := s.GetData(p, super, 0)
		if c != OK || st != m.stat(p) || string(data) != n.data || (data == nil) != n.null {
			t.Fatalf("%s: %v %+v %q, the model has %+v %q null=%v", p, c, st, data, m.stat(p), n.data, n.null)
		}
		var names []string
		s.Children(p, super, 0, func(name string) { names = append(names, strings.Clone(name)) })
		slices.Sort(names)
		if !reflect.DeepEqual(names, m.children(p)) {
			t.Fatalf("%s: children %v, the model has %v", p, names, m.children(p))
		}
		below := 0
		for q := range m.nodes {
			if q != p && strings.HasPrefix(q, strings.TrimSuffix(p, "/")+"/") {
				below++
			}
		}
		if got, _ := s.AllChildrenNumber(p, super, 0); int(got) != below {
			t.Fatalf("%s: %d descendants, the model has %d", p, got, below)
		}
	}
}

func TestApplyAgainstModel(t *testing.T) {
	for seed := int64(1); seed <= 30; seed++ {
		runModel(t, seed, 400)
	}
}

func runModel(t *testing.T, seed int64, steps int) {
	g := gen{rand.New(rand.NewSource(seed))}
	m, s, twin := newModel(), NewState(Options{}), NewState(Options{})
	store := map[string]string{}
	var r, r2 Result
	var decoded Txn
	for step := range steps {
		txn := g.txn()
		z, now := int64(step+1), int64(1000+step)
		raw := AppendTxn(nil, txn)
		if err := DecodeTxn(raw, &decoded); err != nil {
			t.Fatal(err)
		}
		s.Apply(zxid.ID(z), now, txn, &r)
		twin.Apply(zxid.ID(z), now, &decoded, &r2)
		code, path, st, ops := m.apply(z, now, txn)
		where := fmt.Sprintf("seed %d step %d %+v", seed, step, *txn)
		if r.Code != code || r.Path != path && code == OK && txn.Op.Kind == KindCreate {
			t.Fatalf("%s\n got %d %q\nwant %d %q", where, r.Code, r.Path, code, path)
		}
		if code == OK && st != (Stat{}) && r.Stat != st {
			t.Fatalf("%s\n got %+v\nwant %+v", where, r.Stat, st)
		}
		for i := range ops {
			if r.Ops[i].Code != ops[i] {
				t.Fatalf("%s\npart %d: got %d want %d", where, i, r.Ops[i].Code, ops[i])
			}
		}
		if err := s.CheckInvariants(); err != nil {
			t.Fatalf("%s\n%v", where, err)
		}
		if s.Digest() != twin.Digest() || !reflect.DeepEqual(r.Events, r2.Events) {
			t.Fatalf("%s\nthe second server differs", where)
		}
		if code != OK && len(r.Events) > 0 {
			t.Fatalf("%s\nevents of a failure: %v", where, r.Events)
		}
		put, del := func(k, v []byte) { store[string(k)] = string(v) }, func(k []byte) { delete(store, string(k)) }
		if step%3 == 1 { // a drain in pieces, with changes in between
			s.DrainSome(step%7, put, del)
		}
		if step%10 == 9 {
			s.DrainChanges(put, del)
		}
		if step%50 == 49 {
			compareTree(t, m, s)
			twin = reload(t, store, s)
		}
	}
}

// reload makes a state of what the store has, which must be what the live state dumps, and checks that it is the same state.
func reload(t *testing.T, store map[string]string, live *State) *State {
	t.Helper()
	dump := map[string]string{}
	live.Dump(func(k, v []byte) error { dump[string(k)] = string(v); return nil })
	if !maps.Equal(dump, store) {
		t.Fatalf("drained changes and dump differ: %d and %d records", len(store), len(dump))
	}
	s := NewState(Options{})
	s.BeginLoad()
	for k, v := range store { // in any order
		if err := s.LoadRecord([]byte(k), []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.EndLoad(); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
	if s.Digest() != live.Digest() || s.LastZxid() != live.LastZxid() || s.Pending() != 0 {
		t.Fatal("the loaded state differs")
	}
	checkRecords(t, store, live)
	return s
}

// checkRecords lets a Checker find that the records are whole, and that they are not when one is missing, or is another's.
func checkRecords(t *testing.T, store map[string]string, live *State) {
	t.Helper()
	check := func(without, with string) (*Checker, error) {
		c := NewChecker()
		for k, v := range store { // in any order
			if k == without {
				if v = with; v == "" {
					continue
				}
			}
			if err := c.LoadRecord([]byte(k), []byte(v)); err != nil {
				return c, err
			}
		}
		return c, c.EndLoad()
	}
	c, err := check("", "")
	if err != nil || c.Digest() != live.Digest() || c.LastZxid() != live.LastZxid() {
		t.Fatalf("a whole image is at %v with digest %x, %v; want %v, %x", c.LastZxid(), c.Digest(), err, live.LastZxid(), live.Digest())
	}
	for k, v := range store { // one of them, by the order of a map
		if _, err := check(k, ""); err == nil {
			t.Fatalf("nobody misses record %x", k)
		}
		swapped := []byte(v)
		swapped[len(swapped)-1] ^= 1
		if _, err := check(k, string(swapped)); err == nil {
			t.Fatalf("record %x may change: %x", k, v)
		}
		break
	}
}
