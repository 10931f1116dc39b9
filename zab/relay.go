package zab

// relink begins a new link: forwards are numbered from one again, and whatever was under way has an unknown outcome.
func (c *Core) relink() {
	f := &c.follow
	f.link = c.rand.Uint64() | 1
	f.sent, f.markSeq, f.markAt = 0, 0, 0
	c.failAsks()
}

// Forward sends proposals of this server's clients to the leader, in order. Works on Active followers and observers; on a leader
// use Propose. Delivery is in order and without holes while SoftState.Link stays the same. ErrNotActive.
func (c *Core) Forward(payloads [][]byte) error {
	if c.role != Following && c.role != Observing || !c.follow.active {
		return ErrNotActive
	}
	f := &c.follow
	f.sent++
	if f.markSeq == 0 {
		f.markSeq, f.markAt = f.sent, c.now
	}
	c.send(Message{Type: MsgForward, To: c.leader, Epoch: c.epoch, Seq: f.sent, Link: f.link, Payloads: payloads})
	return nil
}

// checkForwards finds a forward that was lost with nothing behind it: the leader's count does not reach it.
func (c *Core) checkForwards(m *Message) {
	f := &c.follow
	if f.markSeq == 0 {
		return
	}
	if m.Link == f.link && m.Ctx >= f.markSeq {
		f.markSeq = 0
		if m.Ctx < f.sent {
			f.markSeq, f.markAt = f.sent, c.now
		}
		return
	}
	if c.now-f.markAt > int64(c.cfg.Timing.Election) {
		c.relink()
	}
}

// onForward accepts the next forward of the link, and nothing after a hole.
func (c *Core) onForward(l *learner, m *Message) {
	if m.Epoch < c.lead.first || m.Epoch > c.epoch {
		return // sent to an earlier leadership of this server
	}
	if m.Link != l.link && m.Seq == 1 {
		l.relinked(m.Link)
	}
	if m.Link != l.link || m.Seq > l.forwards+1 || !c.lead.active {
		c.send(Message{Type: MsgRelink, To: l.id, Epoch: c.epoch, Link: m.Link})
		return
	}
	if m.Seq <= l.forwards {
		return // a duplicate
	}
	l.forwards = m.Seq
	c.out.inbox = append(c.out.inbox, Delivery{Kind: DeliverForward, From: m.From, Payloads: m.Payloads})
}

// Touch sets the payload that goes to the leader with the next heartbeat answer, once; it may be lost.
func (c *Core) Touch(data []byte) { c.follow.touch = data }
