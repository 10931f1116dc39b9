package zab

import (
	"fmt"
	"slices"
)

// Ask sends an opaque question to the leader (to itself, if it leads). It does not overtake what was forwarded before. ctx must never have been
// used in this process. Each question ends with one Delivery: the answer, or [ErrAskLost] when the leader or the link to it has
// changed, or when nothing has come for long. ErrNotActive, ErrLimit.
func (c *Core) Ask(ctx uint64, data []byte) error {
	if n := len(c.reads.asks); n >= c.cfg.Limits.PendingReads {
		return fmt.Errorf("%w: %d questions", ErrLimit, n)
	}
	switch {
	case c.role == Leading && c.lead.active:
		c.out.inbox = append(c.out.inbox, Delivery{Kind: DeliverAsk, From: c.cfg.ID, Ctx: ctx, Data: data})
	case c.role != Leading && c.follow.active:
		c.send(Message{Type: MsgAsk, To: c.leader, Epoch: c.epoch, Ctx: ctx, Link: c.follow.link, Seq: c.follow.sent, Data: data})
	default:
		return fmt.Errorf("%w: nobody to ask", ErrNotActive)
	}
	c.reads.asks = append(c.reads.asks, forwardedRead{ctx, c.now})
	return nil
}

// Answer sends the answer to a DeliverAsk.
func (c *Core) Answer(to PeerID, ctx uint64, data []byte) {
	if c.role != Leading {
		return
	}
	if to == c.cfg.ID {
		c.answered(to, ctx, data)
		return
	}
	c.send(Message{Type: MsgAnswer, To: to, Epoch: c.epoch, Ctx: ctx, Data: data})
}

// onAsk hands a question to the state machine, behind all that was forwarded before it: the answer may take away from others what it vouches
// for, and a request that is still on its way would then count as one of now.
func (c *Core) onAsk(l *learner, m *Message) {
	if m.Epoch < c.lead.first || m.Epoch > c.epoch || !c.lead.active || !c.linked(l, m.Link) || m.Seq > l.forwards {
		return
	}
	c.out.inbox = append(c.out.inbox, Delivery{Kind: DeliverAsk, From: m.From, Ctx: m.Ctx, Data: m.Data})
}

// answered ends a question, unless it has ended.
func (c *Core) answered(from PeerID, ctx uint64, data []byte) {
	i := slices.IndexFunc(c.reads.asks, func(r forwardedRead) bool { return r.ctx == ctx })
	if i < 0 {
		return
	}
	c.reads.asks = slices.Delete(c.reads.asks, i, i+1)
	c.out.inbox = append(c.out.inbox, Delivery{Kind: DeliverAnswer, From: from, Ctx: ctx, Data: data})
}

// askPatience is for how many election timeouts an answer is waited for. The leader may have to hear a quorum before it answers.
const askPatience = 4

// tickAsks gives up questions that were not answered for long.
func (c *Core) tickAsks() {
	n := 0
	for n < len(c.reads.asks) && c.now-c.reads.asks[n].at > askPatience*int64(c.election()) {
		n++
	}
	c.loseAsks(n)
}

// failAsks: the leader or the link to it has changed, and nothing will be answered any more.
func (c *Core) failAsks() { c.loseAsks(len(c.reads.asks)) }

// loseAsks ends the oldest n questions.
func (c *Core) loseAsks(n int) {
	for _, r := range c.reads.asks[:n] {
		c.out.inbox = append(c.out.inbox, Delivery{Kind: DeliverAnswer, Ctx: r.ctx, Err: ErrAskLost})
	}
	c.reads.asks = slices.Delete(c.reads.asks, 0, n)
}

// linked says whether a message of a learner belongs to the link that counts. If the learner uses a link that was left, as after a late
// message of its earlier life came behind the first one of this life, it is asked for a new one: otherwise its questions and its touches would be
// refused until it happens to forward something.
func (c *Core) linked(l *learner, link uint64) bool {
	if l.relinked(link) {
		return true
	}
	if link != 0 {
		c.send(Message{Type: MsgRelink, To: l.id, Epoch: c.epoch, Link: link})
	}
	return false
}
