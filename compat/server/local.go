package server

import (
	"crypto/subtle"
	"sync"

	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

// locals are the sessions that only this server knows (localSessionsEnabled, and those of read-only mode): begun, kept alive and ended
// without a transaction, refused elsewhere, gone with the process. An ephemeral node needs a session that the ensemble knows: the
// session becomes one, with the same id, by a KindCreateSession that is proposed before the create. The entry here goes when that is
// committed and not before, so that a client whose upgrade was lost can still come back. (UpgradeableSessionTracker)
//
// ZooKeeper forgets its local sessions whenever the server changes its role; here they live on and get a full timeout.
type locals struct {
	mu      sync.Mutex
	known   map[session.ID]localSession
	tracker *session.Tracker
	down    bool // nobody can be heard: nobody is late
	late    []session.ID
}

type localSession struct {
	timeoutMs int32
	password  session.Password
}

// begin makes a session.
func (l *locals) begin(id session.ID, timeoutMs int32, pw session.Password, tickMs, nowMs int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tracker == nil {
		l.known, l.tracker = map[session.ID]localSession{}, session.NewTracker(tickMs, nowMs)
	}
	l.known[id] = localSession{timeoutMs, pw}
	l.tracker.Add(id, timeoutMs, nowMs)
}

// resume gives a session a new timeout if the password is right.
func (l *locals) resume(id session.ID, pw session.Password, n int, timeoutMs int32, nowMs int64) (known, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, known := l.known[id]
	if !known || n != wire.PasswordSize || subtle.ConstantTimeCompare(pw[:], s.password[:]) != 1 || !l.tracker.Touch(id, timeoutMs, nowMs) {
		return known, false
	}
	s.timeoutMs = timeoutMs
	l.known[id] = s
	return true, true
}

// get looks one up.
func (l *locals) get(id session.ID) (s localSession, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok = l.known[id]
	return s, ok
}

func (l *locals) has(id session.ID) bool {
	_, ok := l.get(id)
	return ok
}

// end forgets a session and says whether it was there.
func (l *locals) end(id session.ID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.known[id]; !ok {
		return false
	}
	delete(l.known, id)
	l.tracker.Remove(id)
	return true
}

func (l *locals) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}

// each calls f for every session.
func (l *locals) each(f func(id session.ID, s localSession)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, s := range l.known {
		f(id, s)
	}
}

// restart gives every session a full timeout: for a while nobody could be heard. keep=false forgets them all.
func (l *locals) restart(keep, down bool, tickMs, nowMs int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	if l.tracker == nil {
		return
	}
	if !keep {
		clear(l.known)
	}
	l.tracker = session.NewTracker(tickMs, nowMs)
	for id, s := range l.known {
		l.tracker.Add(id, s.timeoutMs, nowMs)
	}
}

// expire takes out who is late.
func (l *locals) expire(nowMs int64) []session.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tracker == nil || l.down {
		return nil
	}
	l.late = l.tracker.Advance(nowMs, expirePerTick, l.late[:0])
	for _, id := range l.late {
		l.tracker.Remove(id)
		delete(l.known, id)
	}
	return l.late
}

// tickLocals is Tick for the sessions of this server alone. late is how long the server itself was away, ms.
func (s *Server) tickLocals(since, late, now int64) {
	l := &s.locals
	l.mu.Lock()
	if l.tracker == nil {
		l.mu.Unlock()
		return
	}
	s.reg.each(func(c *conn) {
		if seen := c.seen.Load(); seen >= since && c.local.Load() && c.in(phaseOpen) {
			l.tracker.Touch(c.sessionID(), c.timeout, seen/1e6)
		}
	})
	if late > 0 {
		l.tracker.Extend(late)
	}
	l.mu.Unlock()
	for _, id := range l.expire(now) {
		s.opts.Log.Info("expiring session", "session", id, "kind", "local")
		s.stats.metrics.Conns.StaleSessions.Inc()
		if c := s.reg.of(id); c != nil && c.local.Load() {
			c.lc.Close(errExpired)
		}
	}
}

// makesLocal says whether new sessions are local now.
func (s *Server) makesLocal() bool {
	return s.is(modeReadOnly) || s.opts.Sessions.Local && !s.opts.Features.Standalone
}

// beginLocal opens a session without a transaction.
func (c *conn) beginLocal() listener.Verdict {
	s := c.s
	s.locals.begin(c.sessionID(), c.timeout, c.pw, s.opts.Sessions.TickMs, s.nowMs())
	c.local.Store(true)
	s.reg.attach(c.sessionID(), c)
	c.open()
	return listener.Continue
}

// resumeLocal re-attaches a session of this server; handled is false if there is none, or the ensemble knows it by now.
func (c *conn) resumeLocal(id session.ID, pw session.Password, n int) (handled bool) {
	s := c.s
	switch known, ok := s.locals.resume(id, pw, n, c.timeout, s.nowMs()); {
	case !known:
		return false
	case !ok:
		s.opts.Log.Warn("wrong password", "session", id, "remote", c.lc.Remote())
		c.refuseSession(id)
		return true
	}
	c.pw = pw
	c.local.Store(true)
	c.validated(id, true)
	if !s.locals.has(id) { // its upgrade was committed in between
		c.local.Store(false)
	}
	return true
}

// closeLocal answers closeSession of a local session in its turn; the connection ends behind it.
func (t *turn) closeLocal(h wire.RequestHeader, large int) listener.Verdict {
	t.s.locals.end(t.c.sessionID())
	t.code(h, znode.OK, true, large)
	return t.final()
}

// upgrade makes the ensemble know a local session that is about to own a node. Without localSessionsUpgradingEnabled the state refuses
// the create (-120). (QuorumZooKeeperServer.checkUpgradeSession)
func (t *turn) upgrade(op int32) {
	s, c := t.s, t.c
	if !c.local.Load() || !s.opts.Sessions.LocalUpgrade || !makesEphemeral(op, &t.txn) {
		return
	}
	l, ok := s.locals.get(c.sessionID())
	if !ok {
		return
	}
	s.opts.Log.Info("a local session becomes global", "session", c.sessionID())
	x := znode.Txn{Session: c.sessionID(), Flags: s.znodeFlags(), Op: znode.Op{Kind: znode.KindCreateSession, Timeout: c.timeout, Password: l.password[:]}}
	t.payloads = append(t.payloads, znode.AppendTxn(nil, &x))
	c.local.Store(false)
}

// makesEphemeral says whether a request makes a node that its session owns. (The opcodes are those that ZooKeeper looks at.)
func makesEphemeral(op int32, x *znode.Txn) bool {
	is := func(o *znode.Op) bool {
		return o.Kind == znode.KindCreate && (o.Mode == znode.ModeEphemeral || o.Mode == znode.ModeEphemeralSequential)
	}
	switch op {
	case wire.OpCreate, wire.OpCreate2:
		return is(&x.Op)
	case wire.OpMulti:
		for i := range x.Ops {
			if is(&x.Ops[i]) {
				return true
			}
		}
	}
	return false
}

// upgraded follows a committed KindCreateSession: from here on the session is the ensemble's.
func (s *Server) upgraded(id session.ID) {
	if !s.locals.end(id) {
		return
	}
	if c := s.reg.of(id); c != nil {
		c.local.Store(false)
	}
}
