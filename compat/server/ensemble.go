package server

import (
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// Questions to the leader's server begin with a byte that says what they are.
const (
	questionRevalidate byte = 1 // session (8 bytes), timeout ms (4)
	questionReconfig   byte = 2 // the client's transaction; see reconfig.go
	questionAlarm      byte = 3 // nothing; see alarm.go
	questionFiles      byte = 4 // what the file of this server says; see files.go
)

// Answers to questionRevalidate.
const (
	answerInvalid byte = 0
	answerValid   byte = 1
)

// SoftStateChanged implements peer.StateMachine. Clients are dropped when the leader is lost: they look for another server and replay
// what they must. A new leader gives every session a full timeout.
func (s *Server) SoftStateChanged(now zab.SoftState) {
	before := s.soft.swap(now)
	s.stats.role.Store(uint32(now.Role))
	leads := now.Active && now.Role == zab.Leading
	// A leader that opens a new epoch without an election (the counter was full) keeps what it knows: its clients and those of its
	// followers stay where they are, and with them old connections of sessions that moved.
	if led := before.Active && before.Role == zab.Leading; leads && !led {
		s.View(func(st *znode.State) {
			s.sess.lead(st, s.nowMs())
			s.compareClock(st.LastTime())
		})
		s.alarmLeads()
	} else if !leads {
		s.sess.follow()
		s.alarmFollows()
	}
	s.sess.setHold(!now.Confirmed, s.nowMs())
	if changed := s.followActive(now); !changed && before.Link != now.Link {
		s.closeInDoubt()
	}
}

// closeInDoubt ends connections whose writes may be lost: what became of them is unknown, and order must not break.
func (s *Server) closeInDoubt() {
	s.reg.each(func(c *conn) {
		c.mu.Lock()
		doubt := c.pipe != nil && c.pipe.Writes() > 0
		c.mu.Unlock()
		if doubt {
			c.lc.Close(errProposal)
		}
	})
}

// Deliver implements peer.StateMachine: questions and reports of other servers.
func (s *Server) Deliver(d zab.Delivery) {
	switch d.Kind {
	case zab.DeliverTouch:
		s.takeTouches(d.From, d.Data)
	case zab.DeliverAsk:
		s.answer(d)
	}
}

func (s *Server) answer(d zab.Delivery) {
	if len(d.Data) == 0 {
		return
	}
	switch d.Data[0] {
	case questionRevalidate:
		r := jute.NewReader(d.Data[1:])
		id, timeout := session.ID(r.Long()), r.Int()
		if r.Err() != nil {
			return
		}
		if s.vouch(d, id, timeout) {
			return
		}
		// Not known here does not mean that it has ended: the leader applies what its own disk has, and when that is slower than a
		// majority, a follower knows a session first. A live session must never be refused, so ask again when all is applied that
		// was committed by now.
		s.opts.Orderer.ReadIndex(func(err error) {
			if err == nil && !s.vouch(d, id, timeout) {
				s.opts.Orderer.Answer(d.From, d.Ctx, []byte{answerInvalid})
			}
		})
	case questionReconfig:
		s.answerReconfig(d)
	case questionAlarm:
		s.answerAlarm(d)
	case questionFiles:
		s.answerFiles(d)
	}
}

// vouch answers that the session lives, if this leader knows it. A server that does not lead any more answers nothing: the question
// times out and the client tries again. False means that there is no such session among those that are applied here.
func (s *Server) vouch(d zab.Delivery, id session.ID, timeout int32) (settled bool) {
	valid, leading := s.sess.revalidate(id, timeout, d.From, s.nowMs())
	if leading && !valid {
		return false
	}
	if leading {
		s.leaveTo(id)
		s.opts.Orderer.Answer(d.From, d.Ctx, []byte{answerValid})
	}
	return true
}

// leaveTo ends the connection that a session has here: it moved to another server.
func (s *Server) leaveTo(id session.ID) {
	if c := s.reg.of(id); c != nil {
		c.lc.Close(errMoved)
	}
}

func askRevalidate(id session.ID, timeoutMs int32) []byte {
	return jute.AppendInt(jute.AppendLong([]byte{questionRevalidate}, int64(id)), timeoutMs)
}

// Vet is for the leader: it judges payloads that another server forwards. A write of a session that speaks through a third server by
// now is replaced by an error, so that its old connection cannot write any more (session moved). While a disk is nearly full every write gets
// the flag that refuses growth. The slice is changed in place. It runs on the goroutine of the protocol, so it waits for nobody and decodes
// only what it changes.
func (s *Server) Vet(from zab.PeerID, payloads [][]byte) {
	noGrow := s.znodeFlags() & znode.FlagNoGrow
	for i, p := range payloads {
		if noGrow != 0 {
			payloads[i] = znode.WithFlags(p, noGrow)
		}
		if id, ok := znode.PeekSession(p); !ok || id == 0 || !s.sess.owners.moved(id, from) {
			continue
		}
		var t znode.Txn
		if znode.DecodeTxn(p, &t) != nil || t.Op.Kind == znode.KindCreateSession {
			continue
		}
		t.Op, t.Ops, t.Auth = znode.Op{Kind: znode.KindError, Err: znode.ErrSessionMoved}, nil, nil
		payloads[i] = znode.AppendTxn(nil, &t)
	}
}
