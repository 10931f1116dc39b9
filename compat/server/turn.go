package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// turn is one batch of frames of one connection, on its goroutine. What it needs is pooled.
type turn struct {
	s   *Server
	c   *conn
	now int64

	batch bool   // a batch of reads runs: the state is locked for reading, and b is the connection's out buffer
	b     []byte // of the batch
	reads int    // in the batch

	txn      znode.Txn
	ops      []znode.Op // room for multis
	acl      []znode.ACL
	buf      []byte
	payloads [][]byte // to be proposed
	ticket   uint64   // of the syncs of this turn; 0 = none
	waited   int64    // how long its requests were held back by the request throttle, ns
	stale    bool     // nobody waits for them any more; see StaleOptions
	answered int      // reads answered at once
	received int
	last     wire.RequestHeader // of the reads answered at once
	sizes    sizes              // of their replies
}

// A batch of reads ends after so many reads or bytes of replies, so that whoever wants to write to the state is not held up.
const (
	batchReads = 64
	batchBytes = 256 << 10
)

func (s *Server) turn(c *conn, now int64) *turn {
	t, _ := s.pools.turns.Get().(*turn)
	if t == nil {
		t = &turn{s: s}
		t.txn.Origin.Boot = s.opts.Boot
	}
	t.c, t.now = c, now
	return t
}

// end sends what the turn collected and gives it back.
func (t *turn) end() {
	t.endReads()
	s, c := t.s, t.c
	writes := int64(len(t.payloads))
	t.flushProposals()
	if t.ticket != 0 {
		s.confirm(c, t.ticket)
	}
	if t.received > 0 {
		t.account(writes)
	}
	t.ticket, t.waited, t.stale, t.answered, t.received, t.sizes = 0, 0, false, 0, 0, sizes{}
	t.c = nil
	s.pools.turns.Put(t)
}

// account counts the turn, with one more look at the clock.
func (t *turn) account(writes int64) {
	s, c := t.s, t.c
	s.stats.received.Add(uint64(t.received))
	end := s.opts.Clock.Mono()
	if writes > 0 {
		s.stats.metrics.Requests.PrepTime.ObserveN((end-t.now)/writes, writes)
		s.stats.metrics.Requests.SessionQueue.Observe(int64(c.waits.Load()))
	}
	t.lockConn()
	c.info.received += uint64(t.received)
	if t.answered > 0 {
		c.info.sent += uint64(t.answered - 1)
		c.info.replied(t.last.Op, t.last.Xid, s.zxid.Load(), end, end-t.now)
	}
	c.mu.Unlock()
	if t.answered > 0 {
		s.stats.batch(int64(t.answered), end-t.now, &t.sizes)
	}
}

// run takes frames until there are no more or the connection must wait.
func (t *turn) run(in *listener.Frames) listener.Verdict {
	for in.Ready() {
		if t.mustWait() || t.behindSync(in) {
			return listener.Pause
		}
		frame, ok := in.Next()
		if !ok {
			return listener.Continue // the listener knows why, and ends the connection with that
		}
		t.received++
		if v := t.take(frame); v != listener.Continue {
			return v
		}
	}
	return listener.Continue
}

// mustWait holds a connection back that has enough unanswered requests, or while the server has.
func (t *turn) mustWait() bool {
	s, c := t.s, t.c
	if c.asked.Load() != 0 {
		return true // a reconfig is on its way to the leader
	}
	if s.load.full() && s.load.stall(c) {
		if c.stalled == 0 {
			c.stalled = t.now
		}
		return true
	}
	if c.stalled != 0 {
		t.waited, c.stalled = t.now-c.stalled, 0
		t.stale = t.isStale()
	}
	if c.waits.Load() == 0 {
		return false
	}
	t.lockConn()
	defer c.mu.Unlock()
	if c.pipe == nil || !s.load.crowded() && c.pipe.Bytes() < s.opts.Limits.QueuedBytes {
		return false
	}
	c.parked = true
	return true
}

// behindSync holds a write back while something before it waits to be confirmed; see Pipeline.Gated.
func (t *turn) behindSync(in *listener.Frames) bool {
	c := t.c
	if c.waits.Load() == 0 {
		return false
	}
	frame, _ := in.Peek()
	if len(frame) < 8 || !wire.IsWrite(int32(binary.BigEndian.Uint32(frame[4:]))) {
		return false
	}
	t.lockConn()
	defer c.mu.Unlock()
	if c.pipe == nil || !c.pipe.Gated() {
		return false
	}
	c.parked = true
	return true
}

// take deals with one request.
func (t *turn) take(frame []byte) listener.Verdict {
	s := t.s
	r := jute.NewReader(frame)
	var h wire.RequestHeader
	if h.Decode(&r); r.Err() != nil {
		return listener.Close
	}
	switch {
	case h.Op == wire.OpAuth:
		return t.auth(h, &r)
	case h.Op == wire.OpSASL:
		return t.saslStep(h, &r)
	case !t.authEnforced(h):
		return t.final()
	case t.dropStale(h.Op):
		return t.c.lc.Refuse(errStale)
	case !s.load.carry(len(frame)):
		return t.c.lc.Refuse(errLarge)
	}
	large := 0
	if s.load.isLarge(len(frame)) {
		large = len(frame)
	}
	switch {
	case !wire.Known(h.Op) || h.Op == wire.OpCheck:
		t.code(h, znode.ErrUnimplemented, true, large)
		return t.final()
	case t.overdue(h.Op):
		s.stats.metrics.Requests.Throttled.Inc()
		t.code(h, znode.ErrThrottledOp, false, large)
	case s.is(modeReadOnly) && (wire.IsWrite(h.Op) && h.Op != wire.OpCloseSession || h.Op == wire.OpSync):
		t.code(h, znode.ErrNotReadOnly, false, large)
	case wire.IsWrite(h.Op):
		return t.write(h, &r, large)
	case h.Op == wire.OpSync || t.mustConfirm(h.Op, r):
		t.sync(frame, large)
	default:
		return t.read(h, &r, frame, large)
	}
	return listener.Continue
}

// final ends the intake: what the client sends from here on is ignored.
func (t *turn) final() listener.Verdict {
	t.c.phase.Store(uint32(phaseLast))
	return listener.Pause
}

// overdue says whether the request throttle held the request back for too long (throttled_op_wait_time).
func (t *turn) overdue(op int32) bool {
	limit := t.s.opts.Limits.ThrottledOpWaitMs
	return limit > 0 && t.waited > limit*1e6 && op != wire.OpPing && op != wire.OpCloseSession
}

// read answers at once if nothing of the session waits, else it queues.
func (t *turn) read(h wire.RequestHeader, r *jute.Reader, frame []byte, large int) listener.Verdict {
	c := t.c
	if c.waits.Load() > 0 && !t.s.has(bugReadOvertakes) && t.queue(frame, large) {
		return listener.Continue
	}
	if large > 0 {
		t.s.load.large.Add(-int64(large))
	}
	t.beginReads()
	before := len(t.b)
	t.b = c.read(t.b, h, r)
	t.sizes.add(len(t.b) - before)
	t.answered++
	t.reads++
	t.last = h
	if c.greedy.Load() {
		t.endReads()
		return t.goodbye()
	}
	if t.reads < batchReads && len(t.b) < batchBytes {
		return listener.Continue
	}
	big := len(t.b) >= batchBytes
	t.endReads()
	if big {
		c.lc.Flush()
		if c.lc.Congested() {
			return listener.Pause
		}
	}
	return listener.Continue
}

// queue adds a read to the pipeline if something waits in it; false if nothing does (any more).
func (t *turn) queue(frame []byte, large int) bool {
	c := t.lockConn()
	defer c.mu.Unlock()
	if c.pipe == nil {
		return false
	}
	c.enqueue().Read(frame, arrival{t.now, large})
	return true
}

// code answers with an error, in its turn.
func (t *turn) code(h wire.RequestHeader, code znode.Code, fatal bool, large int) {
	c := t.lockConn()
	c.enqueue().Code(h.Xid, h.Op, int32(code), fatal, arrival{t.now, large})
	c.mu.Unlock()
	t.settleFirst()
}

// settleFirst answers what was just queued if nothing waits before it.
func (t *turn) settleFirst() {
	if t.c.waits.Load() == 1 {
		t.c.settleNow()
	}
}

// sync queues a request until the ensemble has confirmed that the state is up to date.
func (t *turn) sync(frame []byte, large int) {
	if t.ticket == 0 {
		t.ticket = t.s.syncs.tickets.Add(1)
	}
	c := t.lockConn()
	c.enqueue().Sync(t.ticket, frame, arrival{t.now, large})
	c.mu.Unlock()
}

// mustConfirm says whether a read waits for a confirmation: all of them if so configured, and virtual nodes that ask for it.
func (t *turn) mustConfirm(op int32, r jute.Reader) bool {
	s := t.s
	if s.opts.Features.LinearizableReads && s.is(modeServing) {
		return op != wire.OpPing && op != wire.OpSetWatches && op != wire.OpSetWatches2
	}
	switch {
	case s.opts.Virtual == nil:
		return false
	case op == wire.OpGetData, op == wire.OpExists:
		return s.needsConfirmation(r.Text())
	case op == wire.OpMultiRead && bytes.Contains(r.Rest(), []byte(virtualPrefix)): // any other need not be decoded twice
		return slices.ContainsFunc(wire.DecodeMultiRead(&r, nil), func(o wire.ReadOp) bool { return o.Op == wire.OpGetData && s.needsConfirmation(o.Path) })
	}
	return false
}

// needsConfirmation says whether a quorum must confirm a read of this path: what a virtual node says must be true now.
func (s *Server) needsConfirmation(path string) bool {
	if !isVirtualPath(path) {
		return false
	}
	virtual, confirm := s.opts.Virtual.Has(path)
	return virtual && confirm
}

// beginReads locks the state and the out buffer for a batch of reads, unless one runs.
func (t *turn) beginReads() {
	if !t.batch {
		t.s.state.RLock()
		t.b, t.batch, t.reads = t.c.lc.Begin(), true, 0
	}
}

// endReads ends the batch of reads, if one runs.
func (t *turn) endReads() {
	if t.batch {
		t.c.lc.End(t.b)
		t.s.state.RUnlock()
		t.b, t.batch = nil, false
	}
}

// lockConn locks the connection. Everything on the goroutine of the connection that needs its lock comes here: while the state is locked for
// reading the out buffer is locked too, and the lock of the connection stands before that one in the order of locks.
func (t *turn) lockConn() *conn {
	t.endReads()
	t.c.mu.Lock()
	return t.c
}

// settleNow answers what can be answered, from a goroutine that holds no lock.
func (c *conn) settleNow() {
	s := c.s
	s.state.RLock()
	c.mu.Lock()
	n := 0
	if !c.closed {
		b := c.lc.Begin()
		b, n = c.settle(b, s.opts.Clock.Mono())
		c.lc.End(b)
	}
	c.mu.Unlock()
	s.state.RUnlock()
	s.load.left(n)
	c.lc.Flush()
}

// flushProposals proposes what the turn has collected so far.
func (t *turn) flushProposals() {
	if len(t.payloads) == 0 {
		return
	}
	if err := t.s.opts.Orderer.Propose(t.payloads); err != nil {
		t.s.opts.Log.Warn("writes were not proposed", "session", t.c.sessionID(), "count", len(t.payloads), "err", err)
		t.c.lc.Close(errors.Join(errProposal, err))
	}
	clear(t.payloads)
	t.payloads = t.payloads[:0]
}
