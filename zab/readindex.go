package zab

import (
	"fmt"
	"slices"
)

// pendingRead waits on the leader until a quorum has answered a ping that was sent after the read came in.
type pendingRead struct {
	from  PeerID // 0: this server itself
	ctx   uint64
	round uint64
}

// forwardedReads are this server's questions to its leader.
type forwardedReads struct {
	list []forwardedRead
	asks []forwardedRead // see ask.go
}

type forwardedRead struct {
	ctx uint64
	at  int64
}

// ReadIndex asks for a zxid at which a read is linearizable. ctx must never have been used in this process, not even for another
// attempt of the same read: an answer to an older attempt proves nothing about now. The answer is a ReadState.
// ErrNotActive, ErrLimit.
func (c *Core) ReadIndex(ctx uint64) error {
	switch {
	case c.out.fatal != nil:
		return c.out.fatal
	case c.role == Leading && c.lead.active:
		if len(c.lead.reads) >= c.cfg.Limits.PendingReads {
			return fmt.Errorf("%w: %d reads", ErrLimit, len(c.lead.reads))
		}
		c.addRead(0, ctx)
		return nil
	case c.role != Leading && c.follow.active:
		if len(c.reads.list) >= c.cfg.Limits.PendingReads {
			return fmt.Errorf("%w: %d reads", ErrLimit, len(c.reads.list))
		}
		c.reads.list = append(c.reads.list, forwardedRead{ctx, c.now})
		c.send(Message{Type: MsgReadIndex, To: c.leader, Epoch: c.epoch, Ctx: ctx})
		return nil
	}
	return ErrNotActive
}

// addRead: everything that was acknowledged to anyone is in our history, for we have committed in our own epoch. What is left to prove is
// that nobody else leads by now; the next round does.
//
// The index is the end of our history when the round is over, not our commit point, which would do for a linearizable read: a client
// that moved here must not read past writes of its own that are proposed and will commit, since they would take effect behind
// its back later. ZooKeeper queues a sync behind the outstanding proposals for the same reason. If we are deposed before the index
// commits, the reader waits for the first entry of the next epoch, which is above it.
func (c *Core) addRead(from PeerID, ctx uint64) {
	c.lead.reads = append(c.lead.reads, pendingRead{from: from, ctx: ctx, round: c.lead.round + 1})
}

func (c *Core) onReadIndex(l *learner, m *Message) {
	if !c.lead.active || len(c.lead.reads) >= c.cfg.Limits.PendingReads {
		c.send(Message{Type: MsgReadIndexResp, To: m.From, Epoch: c.epoch, Ctx: m.Ctx, Reject: true})
		return
	}
	c.addRead(l.id, m.Ctx)
}

// flushReads starts a round for the reads that have none, unless one is under way: many reads share a round.
//
// While proposals are refused with [ErrBusy] nothing is confirmed: they wait outside of the core, were asked for before some of the
// reads, and belong to the end of the history that those are to see. Afterwards a new round begins, behind what the owner proposes then.
func (c *Core) flushReads() {
	ld := c.lead
	if c.busy() {
		ld.wasBusy = true
		return
	}
	if ld.wasBusy {
		ld.wasBusy = false
		for i := range ld.reads {
			ld.reads[i].round = ld.round + 1
		}
	}
	n := len(ld.reads)
	if n == 0 || ld.reads[n-1].round <= ld.round {
		return
	}
	if i := slices.IndexFunc(ld.reads, func(r pendingRead) bool { return r.round > ld.round }); i > 0 {
		return // the round of the first ones is not confirmed yet; its end, or the next heartbeat, starts ours
	}
	c.startRound()
}

func (c *Core) startRound() {
	c.lead.round++
	c.pingAll()
	c.checkRounds()
}

// checkRounds answers the reads whose round a quorum has confirmed.
func (c *Core) checkRounds() {
	ld := c.lead
	if ld == nil {
		return
	}
	if !ld.confirmed && c.roundDone(ld.proveRound) {
		ld.confirmed = true
	}
	if ld.wasBusy || c.busy() {
		return
	}
	n := 0
	for n < len(ld.reads) && ld.reads[n].round <= ld.round && (n > 0 && ld.reads[n].round == ld.reads[n-1].round || c.roundDone(ld.reads[n].round)) {
		n++
	}
	for _, r := range ld.reads[:n] {
		if r.from == 0 {
			c.out.reads = append(c.out.reads, ReadState{Ctx: r.ctx, Zxid: c.hist.last})
			continue
		}
		c.send(Message{Type: MsgReadIndexResp, To: r.from, Epoch: c.epoch, Ctx: r.ctx, Zxid: c.hist.last})
	}
	ld.reads = slices.Delete(ld.reads, 0, n)
}

func (c *Core) roundDone(round uint64) bool {
	if c.has(bugReadWithoutRound) {
		return true
	}
	var ids idSet
	ids.Add(uint32(c.cfg.ID))
	for _, l := range c.lead.learners {
		if l.round >= round {
			ids.Add(uint32(l.id))
		}
	}
	return c.quorum(&ids)
}

func (c *Core) onReadIndexResp(m *Message) {
	i := slices.IndexFunc(c.reads.list, func(r forwardedRead) bool { return r.ctx == m.Ctx })
	if i < 0 {
		return
	}
	c.reads.list = slices.Delete(c.reads.list, i, i+1)
	rs := ReadState{Ctx: m.Ctx, Zxid: m.Zxid}
	if m.Reject {
		rs.Err = ErrReadLost
	}
	c.out.reads = append(c.out.reads, rs)
}

// tickReads gives up reads that the leader has not answered for an election timeout.
func (c *Core) tickReads() {
	n := 0
	for n < len(c.reads.list) && c.now-c.reads.list[n].at > int64(c.election()) {
		c.out.reads = append(c.out.reads, ReadState{Ctx: c.reads.list[n].ctx, Err: ErrReadLost})
		n++
	}
	c.reads.list = slices.Delete(c.reads.list, 0, n)
}

// failReads: leadership changed, nothing will be confirmed any more.
func (c *Core) failReads() {
	for _, r := range c.reads.list {
		c.out.reads = append(c.out.reads, ReadState{Ctx: r.ctx, Err: ErrReadLost})
	}
	c.reads.list = c.reads.list[:0]
	if c.lead == nil {
		return
	}
	for _, r := range c.lead.reads {
		if r.from == 0 {
			c.out.reads = append(c.out.reads, ReadState{Ctx: r.ctx, Err: ErrReadLost})
		}
	}
	c.lead.reads = nil
}
