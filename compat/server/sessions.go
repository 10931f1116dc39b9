package server

import (
	"slices"
	"sync"
	"time"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// sessions is what this server knows about who is alive. Facts (which sessions exist) are in the state; here is time.
type sessions struct {
	mu        sync.Mutex
	gen       *session.Generator
	tracker   *session.Tracker // nil unless this server leads
	hold      bool             // the leader is not sure of its leadership: nobody is expired
	heldAt    int64            // ms: since when
	tickMs    int64
	tickEvery int64 // ms between two calls of Tick
	lastTick  int64 // ms; 0 before the first
	lastSeen  int64 // ns: touches up to here were reported
	sweepAt   int64 // ms: when containers are looked at next
	wall      wallClock
	late      []session.ID
	closed    []closedConn // connections that have ended since the last report
	owners    owners       // of this leadership
}

// closedConn is what a connection that has ended heard last. It is kept until it was reported: else a client that loses its connection right
// after a request would seem to have been silent since the report before.
type closedConn struct {
	id      session.ID
	timeout int32
	seen    int64 // Clock.Mono
}

// noteClosed keeps what a connection heard last when it ends.
func (x *sessions) noteClosed(p closedConn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = append(x.closed, p)
}

func (x *sessions) init(o *Options) {
	if !o.Sessions.AwaitFirstByte {
		x.begin(uint8(o.ID), o.Clock.Wall())
	}
	x.tickMs = o.Sessions.TickMs
	x.tickEvery = max(1, min(x.tickMs/2, 1000))
}

// begin lets ids begin with a byte. mu is held, or nobody else has x yet.
func (x *sessions) begin(first uint8, wall int64) {
	switch {
	case first == 0:
		x.gen = nil
	case x.gen == nil || x.gen.Peer() != first:
		x.gen = session.NewGenerator(first, wall)
	}
}

// newID makes an id; 0 says that this server may make none yet.
func (x *sessions) newID() session.ID {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gen == nil {
		return 0
	}
	return x.gen.Next()
}

func (s *Server) nowMs() int64 { return s.opts.Clock.Mono() / 1e6 }

// added and removed follow the history.
func (x *sessions) added(id session.ID, timeoutMs int32, nowMs int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.tracker != nil {
		x.tracker.Add(id, timeoutMs, nowMs)
	}
}

func (x *sessions) removed(id session.ID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.tracker != nil {
		x.tracker.Remove(id)
	}
	x.owners.forget(id)
}

// revalidate is the leader's answer to a re-attachment: the session lives, has this timeout now, and speaks through this server.
func (x *sessions) revalidate(id session.ID, timeoutMs int32, server zab.PeerID, nowMs int64) (valid, leading bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.tracker == nil {
		return false, false
	}
	valid = x.tracker.Touch(id, timeoutMs, nowMs)
	if valid {
		x.owners.set(id, server)
	}
	return valid, true
}

// lead begins to track all sessions with a full timeout each (ZooKeeper does the same: an election prolongs sessions).
func (x *sessions) lead(st *znode.State, nowMs int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tracker = session.NewTracker(x.tickMs, nowMs)
	x.owners.reset()
	st.Sessions(func(id session.ID, timeoutMs int32) { x.tracker.Add(id, timeoutMs, nowMs) })
	x.sweepAt = 0
	if x.lastTick == 0 { // a pause may come before the first Tick
		x.lastTick = max(nowMs, 1)
	}
}

func (x *sessions) follow() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tracker = nil
	x.owners.reset()
}

// setHold stops expiry while the leader is not sure of its leadership; the time until it is sure again is given back.
func (x *sessions) setHold(on bool, nowMs int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.hold && !on && x.tracker != nil {
		x.tracker.Extend(nowMs - x.heldAt)
	}
	if !x.hold && on {
		x.heldAt = nowMs
	}
	x.hold = on
}

// expirePerTick bounds one batch of closeSession proposals; the rest goes with the next Tick.
const expirePerTick = 2000

// askPatienceMs is how long a question to the leader may stay without an answer.
const askPatienceMs = 10_000

// TickEvery is how often the owner must call Tick: twice in each tickTime, and at least once in a second, so that a session ends on time
// also where ticks are long.
func (s *Server) TickEvery() time.Duration {
	return time.Duration(s.sess.tickEvery) * time.Millisecond
}

// Tick moves the time of sessions: it collects who was heard, reports it to the leader, and on the leader ends sessions that are late
// and nodes whose time is over. Call it every TickEvery, from one goroutine. A call that comes late gives all sessions the time back: the
// silence was ours.
func (s *Server) Tick() {
	nowNs := s.opts.Clock.Mono()
	now := nowNs / 1e6
	x := &s.sess
	x.mu.Lock()
	late := int64(0)
	if x.lastTick != 0 {
		late = now - x.lastTick - x.tickEvery
	}
	x.lastTick = now
	leading := x.tracker != nil
	since := x.lastSeen
	x.lastSeen = nowNs
	x.mu.Unlock()
	x.wall.look(now, s.opts.Clock.Wall(), s.nowMs(), s.opts.Log)
	s.endStuck(nowNs)
	s.held.tick(now)
	s.tickReadOnly(now)
	if late <= x.tickEvery/2 {
		late = 0
	}
	s.tickLocals(since, late, now)
	s.tickFiles(leading, nowNs)
	if !leading {
		// Twice the span, because a report may be lost on the way.
		if data := s.touches(since - x.tickEvery*1e6); len(data) > 0 && s.is(modeServing) {
			s.opts.Orderer.Touch(data)
		}
		if s.is(modeServing) {
			s.askAlarm(nowNs)
		}
		return
	}
	s.tickAlarm()
	s.touchOwn(since) // before the time is given back: what was heard before the pause counts from then
	if late > 0 {
		s.giveBack(late)
	}
	s.expire(now)
	s.sweep(now)
}

// giveBack makes all sessions live longer by the time in which this server did not listen.
func (s *Server) giveBack(ms int64) {
	x := &s.sess
	x.mu.Lock()
	defer x.mu.Unlock()
	if ms > 2*x.tickMs {
		s.opts.Log.Warn("this server was paused; sessions get the time back", "ms", ms)
	}
	s.stats.metrics.Conns.PauseTime.Observe(ms * 1e6)
	if x.tracker != nil {
		x.tracker.Extend(ms)
	}
}

// endStuck closes connections whose question to the leader was lost: they try again, here or elsewhere.
func (s *Server) endStuck(nowNs int64) {
	s.reg.each(func(c *conn) {
		if at := c.asked.Load(); at != 0 && nowNs-at > askPatienceMs*1e6 {
			c.lc.Close(errUnconfirmed)
		}
	})
}

// touchOwn gives the tracker what the connections of this server heard.
func (s *Server) touchOwn(since int64) {
	x := &s.sess
	x.mu.Lock()
	defer x.mu.Unlock()
	s.reg.each(func(c *conn) {
		if seen := c.seen.Load(); seen >= since && c.in(phaseOpen) && !c.local.Load() && x.tracker != nil {
			x.tracker.Touch(c.sessionID(), c.timeout, seen/1e6)
		}
	})
	for _, p := range x.closed {
		if x.tracker != nil {
			x.tracker.Touch(p.id, p.timeout, p.seen/1e6)
		}
	}
	x.closed = x.closed[:0]
}

// touches is a follower's report: (session, timeout) pairs of all sessions heard after since, and the alarm of its disk (alarmSession).
func (s *Server) touches(since int64) (data []byte) {
	s.reg.each(func(c *conn) {
		if c.seen.Load() >= since && c.in(phaseOpen) && !c.local.Load() {
			data = jute.AppendInt(jute.AppendLong(data, int64(c.sessionID())), c.timeout)
		}
	})
	x := &s.sess
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = slices.DeleteFunc(x.closed, func(p closedConn) bool { return p.seen < since })
	for _, p := range x.closed {
		data = jute.AppendInt(jute.AppendLong(data, int64(p.id)), p.timeout)
	}
	if low, say := s.alarm.report(); say {
		data = jute.AppendInt(jute.AppendLong(data, int64(alarmSession)), boolInt(low))
	}
	return data
}

func boolInt(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// takeTouches is the leader's side of touches. A report counts wherever the session speaks: it says that its client sent something. Who
// gave a server up while that server slept may speak through another one when the first wakes up and takes the session.
func (s *Server) takeTouches(from zab.PeerID, data []byte) {
	s.sess.touch(data, s.nowMs())
	for r := jute.NewReader(data); r.Len() >= 12; {
		if id, what := session.ID(r.Long()), r.Int(); id == alarmSession {
			s.heardAlarm(from, what != 0)
		}
	}
}

func (x *sessions) touch(data []byte, nowMs int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.tracker == nil {
		return
	}
	for r := jute.NewReader(data); r.Len() >= 12; {
		id, timeout := session.ID(r.Long()), r.Int()
		x.tracker.Touch(id, timeout, nowMs) // alarmSession is nobody's
	}
}

// expire proposes the end of late sessions, in one batch.
func (s *Server) expire(now int64) {
	x := &s.sess
	x.mu.Lock()
	if x.tracker == nil || x.hold && !s.has(bugExpireUnconfirmed) {
		x.mu.Unlock()
		return
	}
	x.late = x.tracker.Advance(now, expirePerTick, x.late[:0])
	late := append([]session.ID(nil), x.late...)
	x.mu.Unlock()
	if len(late) == 0 {
		return
	}
	payloads := make([][]byte, len(late))
	for i, id := range late {
		txn := closeTxn(id)
		payloads[i] = znode.AppendTxn(nil, &txn)
		s.opts.Log.Info("expiring session", "session", id)
	}
	s.stats.metrics.Conns.StaleSessions.Add(int64(len(late)))
	if err := s.opts.Orderer.Propose(payloads); err != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, id := range late {
			if x.tracker != nil {
				x.tracker.Reopen(id, now)
			}
		}
	}
}

// sweepDue says whether it is time again. The first call after a new leadership only sets the time of the next.
func (x *sessions) sweepDue(now, everyMs int64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if now < x.sweepAt || everyMs <= 0 {
		return false
	}
	first := x.sweepAt == 0
	x.sweepAt = now + everyMs
	return !first
}

// sweep proposes the end of containers and TTL nodes that are due. (ContainerManager)
func (s *Server) sweep(now int64) {
	lim := &s.opts.Limits
	if !s.sess.sweepDue(now, lim.ContainerCheckMs) {
		return
	}
	most := int(max(1, int64(lim.ContainerPerMinute)*lim.ContainerCheckMs/60_000))
	s.state.RLock()
	paths := s.state.st.ExpiredContainers(s.sess.wall.age, most, lim.ContainerNeverMs)
	s.state.RUnlock()
	if len(paths) == 0 {
		return
	}
	payloads := make([][]byte, len(paths))
	for i, p := range paths {
		txn := znode.Txn{Flags: s.znodeFlags(), Op: znode.Op{Kind: znode.KindDeleteContainer, Path: p, TTL: lim.ContainerNeverMs}}
		payloads[i] = znode.AppendTxn(nil, &txn)
	}
	if err := s.opts.Orderer.Propose(payloads); err != nil {
		s.opts.Log.Warn("containers stay for now", "count", len(paths), "err", err)
	}
}
