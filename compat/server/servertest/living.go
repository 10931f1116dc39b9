package servertest

import (
	"fmt"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// living knows which sessions must live and which must end.
type living struct {
	sessions sessionTable
	changed  int64 // when leadership was last taken
}

type sessionTable map[session.ID]*sessionLife

// sessionLife is one session as the world sees it.
type sessionLife struct {
	client    *simClient
	timeoutMs int64
	abandoned bool    // its client is dead or has said goodbye
	ended     zxid.ID // 0: lives
	answered  int64   // when the newest request was sent that was answered
	slept     int64   // until when its client slept, last
}

func (l *living) created(s *Sim, id session.ID, timeoutMs int32) {
	if l.sessions[id] != nil {
		s.violate("session %v is created twice", id)
	}
	l.sessions[id] = &sessionLife{timeoutMs: int64(timeoutMs)}
	s.Stats.Sessions++
}

// opened: a client was told its new session.
func (l *living) opened(s *Sim, c *simClient, id session.ID) {
	x := l.sessions[id]
	if x == nil || x.client != nil {
		s.violate("client %d was given session %v, which is not in the history or another client's", c.id, id)
	}
	x.client = c
}

// connected: a client was told that its session lives.
func (l *living) connected(s *Sim, id session.ID) {
	x := l.sessions[id]
	if x == nil {
		s.violate("session %v is said to live, and the history does not know it", id)
	}
	x.answered = max(x.answered, x.client.times.began)
}

// abandon: its client will not come back.
func (l *living) abandon(id session.ID) {
	if x := l.sessions[id]; x != nil {
		x.abandoned = true
	}
}

// refused: a client was told that its session is over.
func (l *living) refused(s *Sim, c *simClient) {
	if c.session == 0 {
		return
	}
	if x := l.sessions[c.session]; x == nil || x.ended == 0 && !s.closing(c.session) {
		s.violate("client %d was told that session %v is over, and it lives", c.id, c.session)
	}
}

// closing says whether a leader has proposed the end of a session: it answers already as if it had ended.
func (s *Sim) closing(id session.ID) bool {
	for _, n := range s.nodes {
		if n.heard.closing[id] {
			return true
		}
	}
	return false
}

// answered: a client got the answer to a request.
func (l *living) answered(c *simClient, q *request) {
	if x := l.sessions[c.session]; x != nil {
		x.answered = max(x.answered, q.sentAt)
	}
}

// ended follows the history.
func (l *living) ended(s *Sim, id session.ID, z zxid.ID, expired bool) {
	x := l.sessions[id]
	if x == nil || x.ended != 0 {
		return
	}
	x.ended = z
	if !expired {
		return
	}
	s.Stats.Expired++
	if s.Now()-l.changed < 20*tickLen {
		s.Stats.ExpiredAtChange++
	}
	if x.abandoned || x.client == nil {
		return
	}
	s.Stats.ExpiredAlive++
	silent := (s.Now() - max(x.answered, x.slept)) / 1000
	s.trace("session %v of client %d expired, %d ms after a request that was answered", id, x.client.id, silent)
	if calm := s.Now() - s.calmAt; s.calm && calm > 3*x.timeoutMs*1000 && x.client.asleep < s.Now() {
		s.violate("session %v of client %d, which keeps asking, ended without a fault (timeout %d ms, last answer to what was sent %d ms ago)",
			id, x.client.id, x.timeoutMs, silent)
	}
}

func (l *living) leaderChanged(s *Sim) { l.changed = s.Now() }

// proposed sees what a server proposes: the end of a session must be due, as far as this server can know.
func (l *living) proposed(n *simNode, payload []byte) {
	var t znode.Txn
	if znode.DecodeTxn(payload, &t) != nil || t.Op.Kind != znode.KindCloseSession || t.Origin.Seq != 0 {
		return
	}
	s := n.sim
	s.Stats.Expiries++
	if !n.soft.Confirmed || n.soft.Role != zab.Leading {
		s.violate("server %d ends session %v and was told that it is not sure to lead: %+v", n.id, t.Session, n.soft)
	}
	x := l.sessions[t.Session]
	if x == nil {
		s.violate("server %d ends session %v, which nobody knows", n.id, t.Session)
	}
	if silent := n.mono()/1000 - n.heard.at[t.Session]; silent < x.timeoutMs-1 {
		s.violate("server %d ends session %v after %d ms of silence; its timeout is %d ms", n.id, t.Session, silent, x.timeoutMs)
	}
	n.heard.note(t.Session)
}

// final: nobody lives who is dead, on any server.
func (l *living) final(s *Sim) error {
	s.oracle.sound()
	for _, n := range s.nodes {
		if !n.Running() || !n.soft.Active {
			continue
		}
		var err error
		n.state.Sessions(func(id session.ID, _ int32) {
			if x := l.sessions[id]; x == nil || x.ended != 0 {
				err = fmt.Errorf("seed %d: server %d has session %v, which has ended", s.opt.Seed, n.id, id)
			} else if x.client == nil || x.abandoned || x.client.session != id {
				err = fmt.Errorf("seed %d: session %v of a dead client still lives after %d ms of calm (timeout %d ms)", s.opt.Seed, id, (s.Now()-s.calmAt)/1000, x.timeoutMs)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// heard is what a leader has heard of sessions, by its own monotonic clock in ms: a second book next to session.Tracker.
type heard struct {
	at      map[session.ID]int64
	closing map[session.ID]bool
}

// soft begins a new book when a server begins to lead: everyone gets a full timeout.
func (h *heard) soft(n *simNode, old, now zab.SoftState) {
	leads := now.Role == zab.Leading && now.Active
	if leads && (old.Role != zab.Leading || !old.Active) {
		h.at, h.closing = map[session.ID]int64{}, map[session.ID]bool{}
		ms := n.mono() / 1000
		n.state.Sessions(func(id session.ID, _ int32) { h.at[id] = ms })
	} else if !leads {
		h.at, h.closing = nil, nil
		n.alarm.heard = nil
	}
}

// note says that the end of a session was proposed.
func (h *heard) note(id session.ID) { h.closing[id] = true }

// touch: a session was heard of, from a server.
func (h *heard) touch(n *simNode, id session.ID, from zab.PeerID) {
	if h.at != nil {
		n.sim.trace("server %d hears of session %v from %d at its %d ms", n.id, id, from, n.mono()/1000)
		h.at[id] = n.mono() / 1000
	}
}

// own: the leader itself has got a frame.
func (h *heard) own(n *simNode, id session.ID) {
	if h.at != nil && id != 0 {
		h.touch(n, id, n.id)
	}
}

// delivery reads the reports and questions of other servers as the server will.
func (h *heard) delivery(n *simNode, d *zab.Delivery) {
	if h.at == nil {
		return
	}
	if d.Kind == zab.DeliverTouch {
		n.alarm.report(n, d)
		for r := jute.NewReader(d.Data); r.Len() >= 12; {
			id := session.ID(r.Long())
			r.Int()
			h.touch(n, id, d.From)
		}
	} else if len(d.Data) == 13 && d.Data[0] == 1 {
		r := jute.NewReader(d.Data[1:])
		id := session.ID(r.Long())
		h.touch(n, id, d.From)
	}
}
