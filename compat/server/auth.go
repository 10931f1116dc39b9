package server

import (
	"slices"

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
	add, outcome := s.opts.Auth.Auth(q.Scheme, q.Auth, c.lc.Remote().Addr(), c.lc.TLS())
	switch outcome {
	case AuthGoAway:
		return listener.Close
	case AuthFailed:
		s.stats.authFailed.Add(1)
		s.opts.Log.Warn("authentication failed", "scheme", q.Scheme, "remote", c.lc.Remote(), "session", c.sessionID())
		t.answerNow(h.Xid, znode.ErrAuthFailed)
		return t.goodbye()
	}
	if len(add) > 0 {
		c.addIdentities(add)
	}
	t.answerNow(h.Xid, znode.OK)
	return listener.Continue
}

// answerNow appends a bare header with zxid 0, before whatever waits.
func (t *turn) answerNow(xid int32, code znode.Code) {
	t.closeDesk()
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
	for _, id := range t.c.identities() {
		if slices.Contains(t.s.opts.Features.EnforceAuth, id.Scheme) {
			return true
		}
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
	var answer []byte
	if s.opts.SASL != nil {
		if c.sasl == nil {
			c.sasl = s.opts.SASL.Start()
		}
		var add []znode.Identity
		var err error
		answer, add, err = c.sasl(q.Token)
		required := slices.Contains(s.opts.Features.EnforceAuth, "sasl")
		if err != nil && (required || !s.opts.Features.AllowSASLFailed) {
			s.opts.Log.Warn("SASL authentication failed", "remote", c.lc.Remote(), "error", err)
			code := znode.ErrAuthFailed
			if required {
				code = znode.ErrSessionClosedRequiresAuth
			}
			t.answerSASL(h.Xid, code, nil)
			return t.goodbye()
		}
		if len(add) > 0 {
			c.addIdentities(add)
		}
	}
	t.answerSASL(h.Xid, znode.OK, answer)
	return listener.Continue
}

// answerSASL sends the token also with an error, as ZooKeeper does.
func (t *turn) answerSASL(xid int32, code znode.Code, token []byte) {
	t.closeDesk()
	b, mark := wire.BeginFrame(t.c.lc.Begin())
	b = wire.ReplyHeader{Xid: xid, Err: code}.Append(b)
	b = jute.AppendBuffer(b, token)
	wire.EndFrame(b, mark)
	t.c.lc.End(b)
}
