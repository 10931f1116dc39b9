package server

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

// connect takes the first frame, unless it is held for a moment (see heldHandshakes).
func (c *conn) connect(frame []byte) (v listener.Verdict, held bool) {
	var q wire.ConnectRequest
	r := jute.NewReader(frame)
	if q.Decode(&r); r.Err() != nil {
		return c.refuse(fmt.Errorf("%w: %w", errBadHandshake, r.Err())), false
	}
	if c.s.hold(c, q.ReadOnly) {
		return listener.Pause, true
	}
	return c.judge(&q), false
}

// judge answers a connect request. The order of its checks shows outside. (ZooKeeperServer.processConnectRequest)
func (c *conn) judge(q *wire.ConnectRequest) listener.Verdict {
	s := c.s
	switch m := mode(s.mode.Load()); {
	case m == modeDown:
		s.stats.metrics.Conns.NotServing.Inc()
		return c.refuse(errNotServing)
	case m == modeIdle:
		s.stats.metrics.Conns.NotServing.Inc()
		return c.refuse(errLeadsOnly)
	case !s.conns.admit(q.Session != 0, s.opts.Clock.Mono()/1e6, s.conns.dice.float()):
		s.stats.metrics.Conns.Rejected.Inc()
		return c.refuse(errConnThrottled)
	case m == modeReadOnly && !q.ReadOnly:
		return c.refuse(errNoReadOnly)
	case q.LastZxid > s.lastZxid():
		return c.refuse(fmt.Errorf("%w: it has seen %v, this one is at %v", errZxidAhead, q.LastZxid, s.lastZxid()))
	case m == modeReadOnly && q.Session != 0 && !s.locals.has(q.Session):
		return c.refuse(errNotServing) // a global session cannot be proved without the leader
	}
	c.short = q.Short
	c.timeout = s.opts.Sessions.Limits.Negotiate(q.Timeout)
	c.lc.Established()
	s.stats.metrics.Conns.Requested.Inc()
	missing, _ := s.conns.deficit()
	s.stats.metrics.Conns.TokenDeficit.Observe(int64(missing))
	if q.Session == 0 {
		return c.createSession()
	}
	c.reattach(q.Session, [wire.PasswordSize]byte(padded(q.Password)), len(q.Password))
	return listener.Pause
}

func (c *conn) refuse(reason error) listener.Verdict {
	c.s.opts.Log.Info("connection refused", "remote", c.lc.Remote(), "reason", reason)
	return listener.Close
}

func padded(b []byte) []byte {
	out := make([]byte, wire.PasswordSize)
	copy(out, b)
	return out
}

// createSession proposes a session; the connection is not read until it is committed.
func (c *conn) createSession() listener.Verdict {
	s := c.s
	if _, err := io.ReadFull(s.opts.Rand, c.pw[:]); err != nil {
		return c.refuse(fmt.Errorf("no random password: %w", err))
	}
	id := s.sess.newID()
	if id == 0 {
		return c.refuse(errNotServing)
	}
	c.sid.Store(int64(id))
	if s.makesLocal() {
		return c.beginLocal()
	}
	t := s.turn(c, s.opts.Clock.Mono())
	defer t.end()
	t.setOp(znode.Op{Kind: znode.KindCreateSession, Timeout: c.timeout, Password: c.pw[:]})
	t.propose(wire.RequestHeader{Op: wire.OpCreateSession}, false, 0)
	return listener.Pause
}

// reattach gives a session to this connection. An older connection of it on this server ends first, before the password is looked
// at. A server that does not know the session asks the ensemble first whether it is up to date.
func (c *conn) reattach(id session.ID, pw session.Password, n int) {
	s := c.s
	if old := s.reg.of(id); old != nil && old != c {
		old.lc.Close(errReplaced)
	}
	s.stats.metrics.Conns.Revalidated.Inc()
	known, ok := s.checkPassword(id, pw, n)
	switch {
	case ok:
		c.pw = pw
		c.revalidate(id)
	case known:
		s.opts.Log.Warn("wrong password", "session", id, "remote", c.lc.Remote())
		c.refuseSession(id)
	case c.resumeLocal(id, pw, n):
	default:
		s.opts.Orderer.ReadIndex(func(err error) {
			if err != nil { // before any lock: this may be the goroutine of the protocol
				c.lc.Close(errors.Join(errUnconfirmed, err))
				return
			}
			if _, ok := s.checkPassword(id, pw, n); !ok {
				c.refuseSession(id)
				return
			}
			c.pw = pw
			c.revalidate(id)
		})
	}
}

func (s *Server) checkPassword(id session.ID, pw session.Password, n int) (known, ok bool) {
	s.state.RLock()
	_, want, known := s.state.st.Session(id)
	s.state.RUnlock()
	return known, known && n == wire.PasswordSize && subtle.ConstantTimeCompare(pw[:], want[:]) == 1
}

// revalidate asks the leader whether the session lives, and makes this server its owner.
func (c *conn) revalidate(id session.ID) {
	s := c.s
	if s.has(bugNoRevalidation) {
		c.validated(id, true)
		return
	}
	if valid, leading := s.sess.revalidate(id, c.timeout, s.opts.ID, s.nowMs()); leading {
		c.validated(id, valid)
		return
	}
	c.asked.Store(s.opts.Clock.Mono())
	s.opts.Orderer.Ask(askRevalidate(id, c.timeout), func(answer []byte, err error) {
		c.asked.Store(0)
		switch {
		case err != nil || len(answer) != 1 || answer[0] > answerValid:
			c.lc.Close(errors.Join(errUnconfirmed, err)) // nobody knows: the client tries again elsewhere
		default:
			// Not here: this is the goroutine of the protocol, and the state's lock may be held for a while.
			s.opts.Go(func() { c.validated(id, answer[0] == answerValid) })
		}
	})
}

// validated ends a re-attachment.
func (c *conn) validated(id session.ID, valid bool) {
	if !valid {
		c.refuseSession(id)
		return
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.sid.Store(int64(id))
	before := c.s.reg.attach(id, c)
	c.mu.Unlock()
	if before != nil && before != c {
		before.lc.Close(errReplaced)
	}
	c.open()
	c.lc.Flush()
}

// refuseSession tells the client that its session is over for good: timeout 0, then close.
func (c *conn) refuseSession(id session.ID) {
	c.s.opts.Log.Info("invalid session, probably expired", "session", id, "remote", c.lc.Remote())
	c.phase.Store(uint32(phaseLast))
	p := wire.Refusal(c.short)
	p.ReadOnly = c.s.is(modeReadOnly)
	c.sendConnect(&p)
	c.lc.CloseAfterFlush()
}

// open answers the handshake and lets requests in; the caller flushes, and nothing else of this connection may be in flight.
func (c *conn) open() {
	p := wire.ConnectResponse{Timeout: c.timeout, Session: c.sessionID(), Password: c.pw, Short: c.short, ReadOnly: c.s.is(modeReadOnly)}
	c.sendConnect(&p)
	c.phase.Store(uint32(phaseOpen))
	c.lc.Resume()
}

func (c *conn) sendConnect(p *wire.ConnectResponse) {
	b, mark := wire.BeginFrame(c.lc.Begin())
	b = p.Append(b)
	wire.EndFrame(b, mark)
	c.lc.End(b)
}

// opened is the end of createSession, in the apply goroutine. mu is held.
func (c *conn) opened(id session.ID, code znode.Code) {
	if code != znode.OK {
		c.refuseSession(id)
		return
	}
	c.s.reg.attach(id, c)
	c.open()
}
