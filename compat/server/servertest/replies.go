package servertest

import (
	"slices"
	"strings"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// stamp numbers the calls and returns of all clients.
func (o *oracle) stamp() int64 {
	o.clock++
	return o.clock
}

// Registers are all operations on registers so far, for a linearizability checker. What was never answered is completed out of the
// history: if it took effect it has its outcome and returns never; if not, it is left out.
func (s *Sim) Registers() []RegisterOp {
	for i := range s.oracle.registers {
		if r := &s.oracle.registers[i]; !r.Known && r.Kind != RegisterRead {
			s.oracle.recall(r)
		}
	}
	return slices.DeleteFunc(slices.Clone(s.oracle.registers), func(r RegisterOp) bool { return !r.Known })
}

// reply takes a frame of an open connection.
func (c *simClient) reply(payload []byte) {
	s := c.sim
	r := jute.NewReader(payload)
	var h wire.ReplyHeader
	h.Decode(&r)
	if h.Xid == wire.XidEvent {
		var e wire.WatcherEvent
		if e.Decode(&r); r.Err() != nil {
			s.violate("client %d: event: %v", c.id, r.Err())
		}
		c.event(h.Zxid, &e)
		return
	}
	if len(c.pending) == 0 {
		s.violate("client %d got an answer to %d and asked nothing", c.id, h.Xid)
	}
	q := c.pending[0]
	c.pending = c.pending[1:]
	if q.xid != h.Xid {
		s.violate("client %d asked %d (%s) first and got the answer to %d", c.id, q.xid, wire.OpName(q.op), h.Xid)
	}
	if h.Zxid < c.lastZxid {
		s.violate("client %d: session %v has seen %v, and %s is answered at %v", c.id, c.session, c.lastZxid, wire.OpName(q.op), h.Zxid)
	}
	if (q.synced || s.opt.Clients.Linearize && q.op != wire.OpPing && q.op != wire.OpSetWatches) && h.Zxid < q.acked && !refusedHere(q, h, r) {
		s.violate("client %d: %s %s is answered at %v, and %v was acknowledged before it was sent", c.id, wire.OpName(q.op), q.path, h.Zxid, q.acked)
	}
	s.trace("client %d %s %s at %v code %v", c.id, wire.OpName(q.op), q.path, h.Zxid, h.Err)
	s.Stats.Answers++
	c.lastZxid = h.Zxid
	s.living.answered(c, q)
	if q.op == wire.OpSetWatches {
		c.caughtUp(h.Zxid)
	}
	c.fresh(h.Zxid)
	c.judge(q, h, &r)
}

// judge looks at an answer by the kind of its request.
func (c *simClient) judge(q *request, h wire.ReplyHeader, r *jute.Reader) {
	switch {
	case q.op == wire.OpPing, q.op == wire.OpSetWatches, q.op == wire.OpSync:
		if h.Err != znode.OK {
			c.sim.violate("client %d: %s is answered %v", c.id, wire.OpName(q.op), h.Err)
		}
		if q.op == wire.OpSync {
			c.sim.oracle.synced[c.session] = max(c.sim.oracle.synced[c.session], q.xid)
		}
	case wire.IsWrite(q.op):
		c.wrote(q, h, r)
	case strings.HasPrefix(q.path, tokens.TokenPrefix):
		c.token(q, h, r)
	default:
		c.saw(q, h, r)
	}
}

// wrote: the history has this very request at the zxid of its answer, with this outcome, behind everything that was acknowledged.
func (c *simClient) wrote(q *request, h wire.ReplyHeader, r *jute.Reader) {
	s := c.sim
	if refusedHere(q, h, *r) && s.oracle.turnedAway(writeKey{c.session, q.xid}) {
		c.lockOutcome(q, h.Err, nil)
		s.oracle.settled(q, h.Err, &decided{})
		return
	}
	d := s.oracle.done[h.Zxid]
	if d == nil || d.who != (writeKey{c.session, q.xid}) {
		s.violate("client %d: request %d of session %v is answered at %v, and the history has %+v there", c.id, q.xid, c.session, h.Zxid, d)
	}
	if h.Zxid <= q.acked || h.Zxid <= c.lastOwn {
		s.violate("client %d: %s at %v, and %v was acknowledged before it was sent (own: %v)", c.id, wire.OpName(q.op), h.Zxid, q.acked, c.lastOwn)
	}
	if d.code != h.Err && !(q.op == wire.OpMulti && d.ops > 0 && h.Err == znode.OK) {
		s.violate("client %d: request %d at %v is answered %v, and the history has %v", c.id, q.xid, h.Zxid, h.Err, d.code)
	}
	c.lastOwn, s.oracle.acked = h.Zxid, max(s.oracle.acked, h.Zxid)
	if s.calm && h.Err != znode.ErrQuotaExceeded { // that ends with the alarm
		c.calmDone++
	}
	if h.Err == znode.OK {
		c.outcome(q, d, r)
	}
	c.lockOutcome(q, h.Err, d)
	s.oracle.settled(q, h.Err, d)
	if q.op == wire.OpCloseSession {
		c.link.hangup()
		c.born()
	}
}

// outcome compares what the answer shows.
func (c *simClient) outcome(q *request, d *decided, r *jute.Reader) {
	s := c.sim
	path, stat := d.path, d.stat
	switch q.op {
	case wire.OpCreate2:
		path = r.Text()
		wire.DecodeStat(r, &stat)
	case wire.OpSetData:
		wire.DecodeStat(r, &stat)
	}
	if r.Err() != nil || path != d.path || stat != d.stat {
		s.violate("client %d: request %d is answered with %s %+v, and the history has %s %+v", c.id, q.xid, path, stat, d.path, d.stat)
	}
}

func (c *simClient) lockOutcome(q *request, code znode.Code, d *decided) {
	if q.op != wire.OpCreate2 || q.path != lockParent+"/lock-" {
		return
	}
	c.locks.node = ""
	if code == znode.OK {
		c.locks.node = d.path
	}
}

// refusedHere says whether a write may have been refused by its server alone, since a disk was low: that says nothing of the state.
func refusedHere(q *request, h wire.ReplyHeader, r jute.Reader) bool {
	if q.op != wire.OpMulti || h.Err != znode.OK {
		return wire.IsWrite(q.op) && h.Err == znode.ErrQuotaExceeded
	}
	for range q.multi {
		var part wire.MultiResult
		if part.Decode(&r); part.Type == wire.OpError && part.Code == znode.ErrQuotaExceeded {
			return true
		}
	}
	return false
}

// turnedAway notes a write that its server has refused by itself, since a disk was low; false if it is in the history. It must never get there.
func (o *oracle) turnedAway(who writeKey) bool {
	if z, written := o.writes[who]; written && z != refusedAlone {
		return false
	}
	o.writes[who] = refusedAlone
	return true
}

// recall looks up what became of a write that was never answered.
func (o *oracle) recall(r *RegisterOp) {
	if z, ok := o.writes[r.who]; ok && z != refusedAlone {
		d := o.done[z]
		r.Code, r.NewVersion, r.Known = d.code, d.stat.Version, true
	}
}

// settled completes an operation on a register.
func (o *oracle) settled(q *request, code znode.Code, d *decided) {
	if q.reg < 0 {
		return
	}
	op := &o.registers[q.reg]
	op.Return, op.Code, op.Known, op.NewVersion = o.stamp(), code, true, d.stat.Version
}

// saw: a read shows the node exactly as it is in the history at the zxid of its answer.
func (c *simClient) saw(q *request, h wire.ReplyHeader, r *jute.Reader) {
	s := c.sim
	at := s.oracle.node(q.path, h.Zxid)
	if at.ok != (h.Err == znode.OK) || !at.ok && h.Err != znode.ErrNoNode {
		s.violate("client %d: %s %s at %v is answered %v; in the history the node is there: %v", c.id, wire.OpName(q.op), q.path, h.Zxid, h.Err, at.ok)
	}
	if q.watch && (at.ok || q.op == wire.OpExists) {
		c.watches.leave(watchKey{q.path, q.op == wire.OpGetChildren2}, h.Zxid, !at.ok)
	}
	if at.ok {
		c.compare(q, h.Zxid, at, r)
	}
	if q.reg >= 0 {
		op := &s.oracle.registers[q.reg]
		op.Return, op.Code, op.Known, op.Value, op.Version = s.oracle.stamp(), h.Err, true, at.data, at.stat.Version
	}
}

func (c *simClient) compare(q *request, z zxid.ID, at nodeAt, r *jute.Reader) {
	data, children, stat := at.data, at.children, at.stat
	switch q.op {
	case wire.OpGetData:
		data = string(r.Buffer())
	case wire.OpGetChildren2:
		names := r.Vector().Texts()
		slices.Sort(names)
		children = strings.Join(names, ",")
	}
	wire.DecodeStat(r, &stat)
	if r.Err() != nil || data != at.data || children != at.children || stat != at.stat {
		c.sim.violate("client %d: %s %s at %v shows %q %s %+v, and the history has %q %s %+v", c.id, wire.OpName(q.op), q.path, z,
			data, children, stat, at.data, at.children, at.stat)
	}
}

// token: told only to who holds the lock at that point, never twice, never an older one behind a newer one.
func (c *simClient) token(q *request, h wire.ReplyHeader, r *jute.Reader) {
	s := c.sim
	node := strings.TrimPrefix(q.path, tokens.TokenPrefix)
	if s.Now()-s.living.changed < 20*tickLen {
		s.Stats.TokensAtChange++
	}
	at := s.oracle.node(node, h.Zxid)
	first := strings.SplitN(s.oracle.node(lockParent, h.Zxid).children, ",", 2)[0]
	holds := at.ok && lockParent+"/"+first == node && at.stat.EphemeralOwner == int64(c.session)
	if holds != (h.Err == znode.OK) {
		s.violate("client %d asks for the token of %s at %v: %v, and that it holds the lock is %v (first is %s)", c.id, node, h.Zxid, h.Err, holds, first)
	}
	if h.Err != znode.OK {
		return
	}
	var p wire.DataResponse
	if p.Decode(r); r.Err() != nil || len(p.Data) == 0 || p.Stat.Czxid != at.stat.Czxid {
		s.violate("client %d: token of %s: %v %+v", c.id, node, r.Err(), p.Stat)
	}
	s.Stats.Tokens++
	s.oracle.token(c, lockParent, p.Stat.Czxid, q.fence)
}
