package server

import (
	"errors"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// auth judges an auth packet at once: its reply may overtake earlier requests, as in ZooKeeper (processPacket).
func (t *turn) auth(h wire.RequestHeader, r *jute.Reader) listener.Verdict {
	var q wire.AuthPacket
	if q.Decode(r); r.Err() != nil {
		return listener.Close
	}
	s, c := t.s, t.c
	peer, _ := c.peer()
	verdict := s.opts.Auth.Authenticate(peer, q.Scheme, q.Auth)
	s.countEnsemble(q.Scheme, &verdict)
	switch verdict.Outcome {
	case auth.Hangup:
		return listener.Close
	case auth.Refuse:
		s.stats.authFailed.Add(1)
		s.opts.Log.Warn("authentication failed", "scheme", q.Scheme, "remote", c.lc.Remote(), "session", c.sessionID(), "err", verdict.Why)
		t.answerNow(h.Xid, znode.ErrAuthFailed)
		return t.goodbye()
	}
	if len(verdict.IDs) > 0 && !c.addIdentities(verdict.IDs) {
		s.opts.Log.Warn("a client proves too many identities, and is closed", "remote", c.lc.Remote(), "session", c.sessionID())
		t.answerNow(h.Xid, znode.ErrAuthFailed)
		return t.goodbye()
	}
	t.answerNow(h.Xid, znode.OK)
	return listener.Continue
}

// countEnsemble feeds the counters of the ensemble scheme.
func (s *Server) countEnsemble(scheme string, v *auth.Verdict) {
	if scheme != auth.SchemeEnsemble {
		return
	}
	m := &s.stats.metrics.Auth
	switch {
	case v.Skipped:
		m.EnsembleSkip.Inc()
	case v.Outcome == auth.Accept:
		m.EnsembleSuccess.Inc()
	default:
		m.EnsembleFail.Inc()
	}
}

// answerNow appends a bare header with zxid 0, before whatever waits.
func (t *turn) answerNow(xid int32, code znode.Code) {
	t.endReads()
	t.c.lc.End(appendHeader(t.c.lc.Begin(), xid, 0, code))
}

// goodbye sends what is there and closes.
func (t *turn) goodbye() listener.Verdict {
	t.c.phase.Store(uint32(phaseLast))
	t.c.lc.CloseAfterFlush()
	return listener.Pause
}

// authEnforced answers -124 to a connection that has not proved an identity of the required schemes. (AuthenticationHelper)
func (t *turn) authEnforced(h wire.RequestHeader) bool {
	if t.s.opts.Auth.Permitted(t.c.identities()) {
		return true
	}
	t.answerNow(h.Xid, znode.ErrSessionClosedRequiresAuth)
	t.goodbye()
	return false
}

// saslStep makes one step of a SASL exchange, at once. Without SASL configured the token is null. (processSasl)
func (t *turn) saslStep(h wire.RequestHeader, r *jute.Reader) listener.Verdict {
	var q wire.SASLToken
	if q.Decode(r); r.Err() != nil || q.Token == nil {
		return listener.Close
	}
	s, c := t.s, t.c
	answer, add, err := c.saslToken(q.Token)
	if err != nil {
		required := s.opts.Features.SASLRequired
		s.opts.Log.Warn("SASL authentication failed", "remote", c.lc.Remote(), "err", err)
		if required || !s.opts.Features.AllowSASLFailed {
			code := znode.ErrAuthFailed
			if required {
				code = znode.ErrSessionClosedRequiresAuth
			}
			t.answerSASL(h.Xid, code, nil)
			return t.goodbye()
		}
	}
	if len(add) > 0 && !c.addIdentities(add) {
		t.answerSASL(h.Xid, znode.ErrAuthFailed, nil)
		return t.goodbye()
	}
	t.answerSASL(h.Xid, znode.OK, answer)
	return listener.Continue
}

// errNoMechanism: SASL is configured, and this server has no mechanism for it.
var errNoMechanism = errors.New("no SASL mechanism")

func (c *conn) saslToken(token []byte) (answer []byte, add []znode.Identity, err error) {
	switch {
	case c.s.opts.SASL != nil && c.sasl == nil:
		c.sasl = c.s.opts.SASL.Start()
	case c.s.opts.SASL == nil && c.s.opts.Auth.Flags()&znode.FlagSASL != 0:
		return nil, nil, errNoMechanism
	case c.s.opts.SASL == nil:
		return nil, nil, nil
	}
	return c.sasl(token)
}

// answerSASL sends the token also with an error, as ZooKeeper does.
func (t *turn) answerSASL(xid int32, code znode.Code, token []byte) {
	t.endReads()
	b, mark := wire.BeginFrame(t.c.lc.Begin())
	b = wire.ReplyHeader{Xid: xid, Err: code}.Append(b)
	b = jute.AppendBuffer(b, token)
	wire.EndFrame(b, mark)
	t.c.lc.End(b)
}
