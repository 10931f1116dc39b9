package zab

import "fmt"

// Transfer hands leadership to a voter: no new proposals, wait until it has everything, tell it to campaign; nobody withholds
// the vote then. SoftState tells how it went; after an election timeout it is given up. Sessions are the shell's: the new
// leader gives them all their full timeout.
func (c *Core) Transfer(to PeerID) error {
	switch {
	case c.role != Leading:
		return ErrNotLeader
	case !c.lead.active:
		return ErrNotActive
	case c.cand != nil || c.lead.transferTo != 0:
		return ErrBusy
	case to == c.cfg.ID:
		return nil
	case !c.votes(to) || c.lead.learner(to) == nil:
		return fmt.Errorf("%w: server %d", ErrUnknownPeer, to)
	}
	c.lead.transferTo, c.lead.transferAt, c.lead.transferSent = to, c.now, -1
	return nil
}

// flushTransfer tells the successor to campaign as soon as it has everything.
func (c *Core) flushTransfer() {
	ld := c.lead
	l := ld.learner(ld.transferTo)
	if l == nil || l.match != c.hist.last || ld.transferSent == c.now {
		return
	}
	ld.transferSent = c.now // again with the next tick, for it may get lost
	c.send(Message{Type: MsgTimeoutNow, To: l.id, Epoch: c.epoch})
}

func (c *Core) tickTransfer() {
	ld := c.lead
	if ld.transferTo == 0 || c.now-ld.transferAt < int64(c.cfg.Timing.Election) {
		return
	}
	ld.transferTo = 0
	if !c.votes(c.cfg.ID) {
		c.becomeLooking("not a voter any more, and the successor did not take over")
	}
}

// afterReconfig: a leader that is no voter of the new ensemble hands over to the voter with the longest history (ZooKeeper: the
// designated leader).
func (c *Core) afterReconfig() {
	if c.votes(c.cfg.ID) || c.cand != nil {
		return
	}
	var best *learner
	for _, l := range c.lead.learners {
		if c.votes(l.id) && (best == nil || l.match > best.match) {
			best = l
		}
	}
	if best == nil {
		c.becomeLooking("not a voter any more")
		return
	}
	c.lead.transferTo, c.lead.transferAt, c.lead.transferSent = best.id, c.now, -1
}

// Resign gives up leadership now; followers are told. Call it before a planned end (after Transfer, if there is time).
func (c *Core) Resign() {
	if c.role == Leading {
		c.becomeLooking("asked to resign")
		c.lookAt(2 * c.cfg.Timing.Election)
	}
}

func (c *Core) sendResign() {
	if c.hard.durable < c.epoch {
		return
	}
	for _, l := range c.lead.learners {
		c.send(Message{Type: MsgResign, To: l.id, Epoch: c.epoch})
	}
}
