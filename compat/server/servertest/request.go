package servertest

import (
	"fmt"

	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// Paths that clients use. Registers and parents are never deleted.
const registers = 3

func parents() []string { return []string{"/e", "/q", lockParent, "/v"} }

const lockParent = "/lock"

// request is one that was sent and not answered.
type request struct {
	op     wire.Opcode
	xid    int32
	path   string
	watch  bool
	write  znode.Op   // of a single write
	multi  []znode.Op // of a multi
	value  string
	sentAt int64
	acked  zxid.ID // the greatest zxid of a write that anybody had been answered when this was sent
	fence  int64   // the greatest fence of the lock that anybody had been told
	synced bool    // its answer must not be older than acked
	behind bool    // a write of this session stood before it
	call   int64   // order of events, for porcupine
	reg    int     // index of a RegisterOp; -1
}

// locking is a client's try for the lock.
type locking struct {
	node string // "" = none
}

// RegisterOp is one operation on a register, for a linearizability checker: a versioned register that is created once.
type RegisterOp struct {
	Client       int
	Path         string
	Kind         RegisterKind
	Value        string // written, or read
	Version      int32  // expected (-1 any), or read
	Code         znode.Code
	NewVersion   int32 // after a write that took effect
	Call, Return int64 // Return -1: never answered
	Known        bool  // it was answered, or the history has it
	who          writeKey
}

// RegisterKind says what a RegisterOp did.
type RegisterKind uint8

// The operations on registers.
const (
	RegisterCreate RegisterKind = iota
	RegisterSet
	RegisterRead
)

// ask sends something, perhaps.
func (c *simClient) ask() {
	s := c.sim
	if len(c.pending) > 8 {
		return
	}
	if s.calm {
		if c.calmDone >= 3 || len(c.pending) > 0 {
			return
		}
		c.set(s.Rand.IntN(registers), -1)
		return
	}
	for n := s.opt.Clients.Ops; n > 0; n-- {
		if n < 1 && !s.Chance(n) || len(c.pending) > 0 && c.pending[len(c.pending)-1].op == wire.OpCloseSession {
			return
		}
		if c.xid < 3 {
			c.found()
		} else {
			c.one()
		}
	}
}

// found makes what everybody needs; most of the time it is there.
func (c *simClient) found() {
	n := c.sim.Rand.IntN(registers + len(parents()))
	if n < registers {
		c.createRegister(n)
		return
	}
	c.create(parents()[n-registers], "", znode.ModePersistent)
}

// one is a request by the dice.
func (c *simClient) one() {
	s := c.sim
	reg := s.Rand.IntN(registers)
	path := fmt.Sprintf("/r%d", reg)
	watch := s.Rand.IntN(3) == 0
	switch s.Rand.IntN(17) {
	case 0:
		c.found()
	case 1, 2:
		c.set(reg, -1)
	case 3:
		c.set(reg, int32(s.Rand.IntN(1+len(s.oracle.nodes[path]))))
	case 4, 5:
		c.read(wire.OpGetData, path, watch)
	case 6, 7:
		c.submit(&request{op: wire.OpSync, path: path, synced: true})
		c.read(wire.OpGetData, path, watch)
		c.pending[len(c.pending)-1].synced = true
		c.register(c.pending[len(c.pending)-1], RegisterRead)
	case 8:
		c.read(wire.OpExists, c.volatile(), watch)
	case 9:
		c.create(c.volatile(), "v", znode.ModePersistent)
	case 10:
		p := c.volatile()
		c.submit(&request{op: wire.OpDelete, path: p, write: znode.Op{Kind: znode.KindDelete, Path: p, Version: -1, Wire: wire.OpDelete}})
	case 11:
		c.create(fmt.Sprintf("/e/%d", s.Rand.IntN(6)), "e", znode.ModeEphemeral)
	case 12:
		c.create("/q/n-", "q", znode.ModePersistentSequential)
	case 13:
		c.read(wire.OpGetChildren2, parents()[s.Rand.IntN(len(parents()))], watch)
	case 14:
		c.both(path)
	default:
		c.lock()
	}
}

func (c *simClient) volatile() string { return fmt.Sprintf("/v/%d", c.sim.Rand.IntN(3)) }

func openACL() []znode.ACL { return []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}} }

func (c *simClient) create(path, data string, mode znode.Mode) *request {
	r := &request{op: wire.OpCreate2, path: path, write: znode.Op{Kind: znode.KindCreate, Path: path, Data: []byte(data), ACL: openACL(), Mode: mode, Wire: wire.OpCreate2}}
	c.submit(r)
	return r
}

// value is unlike any other.
func (c *simClient) value() string {
	c.sim.nextID++
	return fmt.Sprintf("%d.%d", c.id, c.sim.nextID)
}

func (c *simClient) createRegister(n int) {
	v := c.value()
	r := c.create(fmt.Sprintf("/r%d", n), v, znode.ModePersistent)
	r.value = v
	c.register(r, RegisterCreate)
}

// set writes a register, if it has this version.
func (c *simClient) set(n int, version int32) {
	path, v := fmt.Sprintf("/r%d", n), c.value()
	r := &request{op: wire.OpSetData, path: path, value: v,
		write: znode.Op{Kind: znode.KindSetData, Path: path, Data: []byte(v), Version: version, Wire: wire.OpSetData}}
	c.submit(r)
	c.register(r, RegisterSet)
}

// both is a multi of two parts that read and write together. Registers are left out: their histories are checked one by one.
func (c *simClient) both(path string) {
	v := c.volatile()
	c.submit(&request{op: wire.OpMulti, path: v, multi: []znode.Op{
		{Kind: znode.KindCheck, Path: path, Version: int32(c.sim.Rand.IntN(1 + len(c.sim.oracle.nodes[path]))), Wire: wire.OpCheck},
		{Kind: znode.KindSetData, Path: v, Data: []byte(c.value()), Version: -1, Wire: wire.OpSetData},
	}})
}

func (c *simClient) read(op wire.Opcode, path string, watch bool) {
	c.submit(&request{op: op, path: path, watch: watch})
}

// lock takes the lock step by step: queue up, ask for the token, leave.
func (c *simClient) lock() {
	s := c.sim
	switch {
	case c.locks.node == "":
		c.locks.node = "?"
		c.create(lockParent+"/lock-", "", znode.ModeEphemeralSequential)
	case c.locks.node == "?": // its answer is not here
	case s.Rand.IntN(3) == 0:
		p := c.locks.node
		c.locks.node = ""
		c.submit(&request{op: wire.OpDelete, path: p, write: znode.Op{Kind: znode.KindDelete, Path: p, Version: -1, Wire: wire.OpDelete}})
	default:
		c.submit(&request{op: wire.OpGetData, path: tokens.TokenPrefix + c.locks.node, synced: true})
	}
}

// register notes an operation on a register.
func (c *simClient) register(r *request, kind RegisterKind) {
	s := c.sim
	if c.link == nil {
		return
	}
	version := int32(-1)
	if kind == RegisterSet {
		version = r.write.Version
	}
	r.reg = len(s.oracle.registers)
	s.oracle.registers = append(s.oracle.registers, RegisterOp{Client: c.id, Path: r.path, Kind: kind, Value: r.value, Version: version,
		Call: r.call, Return: -1, who: writeKey{c.session, r.xid}})
}

// submit sends a request.
func (c *simClient) submit(r *request) {
	s := c.sim
	r.sentAt, r.acked, r.reg, r.call = s.Now(), s.oracle.acked, -1, s.oracle.stamp()
	r.fence = s.oracle.tokens[lockParent]
	for _, p := range c.pending {
		r.behind = r.behind || wire.IsWrite(p.op)
	}
	if r.behind && !wire.IsWrite(r.op) && r.op != wire.OpPing {
		s.Stats.ReadsBehind++
	}
	switch r.op {
	case wire.OpPing:
		r.xid = wire.XidPing
	case wire.OpSetWatches:
		r.xid = wire.XidSetWatches
	default:
		c.xid++
		r.xid = c.xid
	}
	c.pending = append(c.pending, r)
	c.times.sent = s.Now()
	b := wire.AppendRequest(nil, r.xid, r.op, func(b []byte) []byte { return c.body(b, r) })
	c.link.send(&c.link.up, parcel{b: b})
	s.Stats.Requests++
}

func (c *simClient) body(b []byte, r *request) []byte {
	switch r.op {
	case wire.OpPing, wire.OpCloseSession:
		return b
	case wire.OpSetWatches:
		return c.watches.append(b, c.lastZxid)
	case wire.OpSync:
		return (&wire.SyncRequest{Path: []byte(r.path)}).Append(b)
	case wire.OpMulti:
		return wire.AppendMulti(b, r.multi)
	case wire.OpGetData, wire.OpExists, wire.OpGetChildren2:
		return (&wire.PathWatch{Path: r.path, Watch: r.watch}).Append(b)
	}
	return wire.AppendOp(b, &r.write)
}

// unknown is the end of a request whose connection was lost.
func (r *request) unknown(c *simClient) {
	if r.op == wire.OpCloseSession {
		c.dead = true
	}
	if r.op == wire.OpCreate2 && r.path == lockParent+"/lock-" {
		c.locks.node = "" // it may be there: nobody's until the session ends
	}
}
