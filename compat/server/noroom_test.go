package server

import (
	"bytes"
	"testing"

	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// crowded is a leader with a client and a node /a of 10,000 bytes, while the disk of another member is low.
type crowded struct {
	*alarmed
	h  *listener.Hand
	at zxid.ID
}

var anyone = []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}

func newCrowded(t *testing.T) *crowded {
	c := &crowded{alarmed: newAlarmed(t, 1), at: zxid.New(zxid.NewEpoch(0, 1), 0)}
	c.h = hello(c.s, wire.ConnectRequest{Timeout: 4000, Password: make([]byte, wire.PasswordSize)})
	c.apply(c.o.proposed[0])
	if p := c.send(create("/a")); len(p) < 10_000 || c.apply(p) != znode.OK {
		t.Fatal("a create while there is room")
	}
	c.says(2, true)
	return c
}

// apply does what was proposed, on this server.
func (c *crowded) apply(p []byte) znode.Code {
	c.at++
	c.s.Apply([]zab.Entry{{Zxid: c.at, Kind: zab.EntryTxn, Data: p}})
	c.h.Step()
	return c.s.apply.res.Code
}

// request sends a request, and returns what was proposed for it; nil if it was answered without a proposal.
func (c *crowded) request(op int32, body func([]byte) []byte) (payload []byte) {
	before := len(c.o.proposed)
	c.h.Feed(wire.AppendRequest(nil, 1, op, body))
	if c.h.Step(); len(c.o.proposed) == before {
		return nil
	}
	return c.o.proposed[before]
}

func (c *crowded) send(o znode.Op) []byte {
	return c.request(o.Wire, func(b []byte) []byte { return wire.AppendOp(b, &o) })
}

func (c *crowded) multi(ops ...znode.Op) []byte {
	return c.request(wire.OpMulti, func(b []byte) []byte { return wire.AppendMulti(b, ops) })
}

func create(path string) znode.Op {
	return znode.Op{Kind: znode.KindCreate, Wire: wire.OpCreate, Path: path, Data: make([]byte, 10_000), ACL: anyone}
}

func createWith(path string, m znode.Mode) znode.Op {
	o := create(path)
	o.Mode = m
	return o
}

func set(path string, size int, version int32) znode.Op {
	return znode.Op{Kind: znode.KindSetData, Wire: wire.OpSetData, Path: path, Data: make([]byte, size), Version: version}
}

func remove(path string) znode.Op {
	return znode.Op{Kind: znode.KindDelete, Wire: wire.OpDelete, Path: path, Version: -1}
}

func check(version int32) znode.Op {
	return znode.Op{Kind: znode.KindCheck, Wire: wire.OpCheck, Path: "/a", Version: version}
}

// A write that is refused for the disk's sake takes no place in a log, which is what fills the disk by then. What the state would refuse for
// another reason is told that reason.
func TestAWriteThatIsRefusedForTheDiskIsNotLogged(t *testing.T) {
	c := newCrowded(t)
	const refused = znode.ErrQuotaExceeded // without a proposal
	for _, row := range []struct {
		what string
		p    []byte
		want znode.Code
	}{
		{"a create", c.send(create("/b")), refused},
		{"a create of what is there", c.send(create("/a")), znode.ErrNodeExists},
		{"a create below nothing", c.send(create("/x/y")), znode.ErrNoNode},
		{"a create with flags that are unknown", c.send(createWith("/b", 77)), znode.ErrBadArguments},
		{"a sequential create", c.send(createWith("/a", znode.ModePersistentSequential)), refused},
		{"a sequential create without a prefix", c.send(createWith("/a/", znode.ModePersistentSequential)), refused},
		{"a setData that grows", c.send(set("/a", 10_001, -1)), refused},
		{"a setData that does not shrink", c.send(set("/a", 10_000, -1)), refused},
		{"a setData of another version", c.send(set("/a", 10_001, 7)), znode.ErrBadVersion},
		{"a setData of nothing", c.send(set("/b", 10_000, -1)), znode.ErrNoNode},
		{"a multi with a create", c.multi(check(0), create("/b"), remove("/a")), refused},
		{"a multi with a create of what it deleted", c.multi(remove("/a"), create("/a")), refused},
		{"a multi that sets as many bytes", c.multi(set("/a", 10_000, -1)), refused},
		{"a multi that grows what it made smaller", c.multi(set("/a", 10, -1), set("/a", 10, -1)), refused},
		{"a multi whose check fails", c.multi(check(7), create("/b")), znode.ErrBadVersion},
		{"a multi that creates what is there", c.multi(set("/a", 9_999, -1), create("/a")), znode.ErrNodeExists},
		{"a multi that sets what it deleted", c.multi(remove("/a"), set("/a", 10, -1)), znode.ErrNoNode},
		{"a setData that shrinks", c.send(set("/a", 9_000, -1)), znode.OK},
		{"a multi that shrinks", c.multi(check(0), set("/a", 8_000, -1)), znode.ErrBadVersion}, // the check is of a version that is gone when it is applied
	} {
		if proposed := row.p != nil; proposed != (row.want != refused) {
			t.Errorf("%s: proposed %v", row.what, proposed)
		} else if !proposed {
			continue
		}
		if code := c.apply(row.p); code != row.want {
			t.Errorf("%s is answered with %v, want %v", row.what, code, row.want)
		}
	}
}

// What is refused for another reason takes its place in the log without the data, if it is refused for certain.
func TestARefusedCreateIsLoggedWithoutItsData(t *testing.T) {
	c := newCrowded(t)
	for what, p := range map[string][]byte{
		"a create of what is there":             c.send(create("/a")),
		"a multi that fails for another reason": c.multi(set("/a", 9_999, 7), create("/b")),
	} {
		if len(p) == 0 || len(p) > 1000 {
			t.Errorf("%s takes %d bytes of the log", what, len(p))
		}
	}
	if p := c.multi(set("/a", 9_000, 0)); !bytes.Contains(p, make([]byte, 9_000)) {
		t.Errorf("a multi that may succeed takes %d bytes of the log", len(p))
	}
}
