package zab

import (
	"fmt"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// Propose gives the payloads their zxids, in order, all or none, and returns the first. nowMs is what the wall clock
// says: the entries bear it as it is, also when it is before the time of the entry before. ErrNotLeader, ErrNotActive, ErrBusy. Payloads must not change afterwards.
func (c *Core) Propose(nowMs int64, payloads [][]byte) (zxid.ID, error) {
	if err := c.mayPropose(len(payloads)); err != nil {
		return 0, err
	}
	first := c.nextZxid()
	for _, data := range payloads {
		c.appendOwn(EntryTxn, nowMs, data)
	}
	return first, nil
}

// mayPropose checks the role, and opens a new epoch if the counter has no room for n more.
func (c *Core) mayPropose(n int) error {
	switch {
	case c.out.fatal != nil:
		return c.out.fatal
	case c.role != Leading:
		return ErrNotLeader
	case !c.lead.active:
		return ErrNotActive
	case c.busy():
		return ErrBusy
	case n > int(c.cfg.Limits.LastCounter):
		return fmt.Errorf("%w: %d proposals at once", ErrLimit, n)
	}
	if int64(c.hist.last.Counter())+int64(n) > int64(c.cfg.Limits.LastCounter) {
		if c.rollEpoch(); c.cand != nil {
			return ErrBusy
		}
	}
	return nil
}

// busy says whether the leader opens a new epoch, hands over its leadership, or has too much to apply.
func (c *Core) busy() bool { return c.cand != nil || c.lead.transferTo != 0 || c.applyFull() }

func (c *Core) nextZxid() zxid.ID {
	if c.hist.last.Epoch() < c.epoch {
		return zxid.New(c.epoch, 0)
	}
	return c.hist.last + 1
}

// appendOwn proposes one entry: it goes to our log and to the learners with the next Ready, at the same time.
func (c *Core) appendOwn(kind EntryKind, nowMs int64, data []byte) zxid.ID {
	e := Entry{Zxid: c.nextZxid(), Prev: c.hist.last, Kind: kind, Time: nowMs, Data: data}
	if (e.Zxid.Counter() == 0) != (kind == EntryNewLeader) && !c.has(bugReuseEpoch) {
		panic(fmt.Sprintf("zab: entry of kind %d would get the zxid %v", kind, e.Zxid))
	}
	c.hist.push(e)
	return e.Zxid
}

// ProposeReconfig proposes a new ensemble (its Version is set here) followed by opaque data for the state machine. It needs, as
// in ZooKeeper, that a quorum of the new ensemble is connected and synchronized: it was sent all that is committed. It need not have
// acknowledged the newest commit: then a reconfig behind another write would be refused by chance.
// ErrNotLeader, ErrNotActive, ErrBusy, ErrReconfigInProgress, ErrNewConfigNoQuorum.
func (c *Core) ProposeReconfig(nowMs int64, next Ensemble, extra []byte) (zxid.ID, error) {
	if err := c.mayPropose(1); err != nil {
		return 0, err
	}
	if p, _ := c.conf.proposed(c.commit); p != nil || c.commit < zxid.New(c.epoch, 0) {
		return 0, ErrReconfigInProgress
	}
	if err := next.Valid(); err != nil {
		return 0, err
	}
	ready := c.caughtUp()
	if q := next.Quorums(); !q.Quorum(&ready) {
		return 0, ErrNewConfigNoQuorum
	}
	next.Version = c.nextZxid()
	z := c.appendOwn(EntryReconfig, nowMs, EncodeReconfig(next, extra))
	c.addEnsemble(&c.hist.tail[len(c.hist.tail)-1])
	c.conf.members(c.commit, func(id PeerID) { c.ensureLearner(c.lead, id) })
	c.maybeCommit()
	return z, nil
}

func (c *Core) sendProposal(l *learner, prev zxid.ID, es []Entry) {
	if c.hard.durable < c.epoch {
		return
	}
	bytes := 0
	for i := range es {
		bytes += len(es[i].Data) + entryOverhead
	}
	if len(es) > 0 {
		l.sent.add(es[len(es)-1].Zxid, bytes)
	}
	l.sentCommit = c.commit
	c.send(Message{Type: MsgProposal, To: l.id, Epoch: c.epoch, Prev: prev, Commit: c.commit, Entries: es})
}

// flushLearners sends what is new: proposals first (they carry the commit point), else the commit point alone.
func (c *Core) flushLearners() {
	if c.hard.durable < c.epoch {
		return
	}
	for _, l := range c.lead.learners {
		for l.state == streaming && !l.full && l.next < c.hist.last && l.sent.bytes < c.cfg.Limits.InflightBytes {
			es, err := c.hist.entries(l.next, c.cfg.Limits.BatchBytes)
			if err != nil || len(es) == 0 {
				c.startSync(l, l.next)
				break
			}
			c.sendProposal(l, l.next, es)
			l.next = es[len(es)-1].Zxid
		}
		if l.sentCommit < c.commit && l.state == streaming {
			l.sentCommit = c.commit
			c.send(Message{Type: MsgCommit, To: l.id, Epoch: c.epoch, Commit: c.commit})
		}
	}
}

// onAck: the learner has made our history durable up to Zxid, or does not have the zxid that we wanted to go on from.
func (c *Core) onAck(l *learner, m *Message) {
	if !m.Reject {
		l.full = m.Flag
		c.acked(l, m.Zxid)
		if l.state == probing && m.Zxid >= l.next && m.Zxid <= c.hist.last {
			c.stream(l, m.Zxid)
		}
		return
	}
	if l.state == snapshotting || l.state == probing && m.Prev != l.next {
		return // answered already
	}
	l.sent.clear()
	if m.Zxid < c.hist.oldest() {
		c.startSnap(l)
		return
	}
	// Probe, even if we have exactly what it says: several rejections may be on their way, and only one is to be answered.
	l.state, l.next = probing, c.hist.floor(m.Zxid)
	c.probe(l)
}

// acked notes a cumulative ack of this epoch.
func (c *Core) acked(l *learner, z zxid.ID) {
	if z > c.hist.last {
		return
	}
	l.sent.release(max(z, l.match)) // what is sent again and was acknowledged before is released at once
	if z <= l.match {
		return
	}
	l.match = z
	if l.state == snapshotting && z >= c.hist.oldest() {
		c.lead.snaps--
		c.stream(l, z)
	}
	c.maybeCommit()
}

// maybeCommit commits what a quorum has made durable, if it is of our own epoch. Older entries are committed through our
// NEWLEADER, never by counting: a quorum may hold an old entry and yet lose it to a leader that never saw it.
func (c *Core) maybeCommit() {
	for {
		z := c.commitPoint()
		if z <= c.commit || z.Epoch() != c.epoch && !c.has(bugCommitOldEpochs) {
			return
		}
		c.advanceCommit(z)
	}
}

func (c *Core) commitPoint() zxid.ID {
	reached := func(id uint32) int64 {
		if PeerID(id) == c.cfg.ID {
			return int64(c.hist.durable)
		}
		if l := c.lead.learner(PeerID(id)); l != nil {
			return int64(l.match)
		}
		return 0
	}
	if c.has(bugCountObservers) {
		return c.countEverybody(reached)
	}
	next, old := c.conf.proposed(c.commit)
	if next == nil || c.has(bugNewQuorumOnly) {
		return zxid.ID(c.conf.latest().q.Reached(reached))
	}
	byOld := zxid.ID(old.q.Reached(reached))
	if byOld < next.Version {
		return byOld // before the reconfiguration the old ensemble decides alone
	}
	byNew := zxid.ID(next.q.Reached(reached))
	if byNew < next.Version {
		return c.hist.floor(next.Version - 1)
	}
	c.out.count.DualCommits++
	return min(byOld, byNew)
}

// advanceCommit: everything up to z is committed, forever.
func (c *Core) advanceCommit(z zxid.ID) {
	if z > c.hist.last {
		panic(fmt.Sprintf("zab: commit of %v, and the history ends at %v", z, c.hist.last))
	}
	next, _ := c.conf.proposed(c.commit)
	c.commit = z
	if c.role == Leading && z >= zxid.New(c.epoch, 0) {
		c.lead.active = true
	}
	if next == nil || next.Version > z {
		return
	}
	c.out.ensemble = true
	switch c.role {
	case Leading:
		c.afterReconfig()
	case Following, Observing:
		c.role = c.learnerRole()
	}
}

func (c *Core) tickLeading() {
	if cd := c.cand; cd != nil {
		c.tickCandidate(cd)
		if c.role != Leading {
			return
		}
	}
	if !c.hearsQuorum() {
		c.suspect(c.cfg.ID, c.epoch, c.now-c.lead.silence)
		c.becomeLooking("no quorum is heard")
		return
	}
	c.tickTransfer()
	if c.role != Leading {
		return
	}
	if c.now%int64(c.cfg.Timing.Heartbeat) == 0 {
		c.pingAll()
		c.dropStrangers()
	}
	c.checkRounds()
}

// hearsQuorum is the quorum check: a leader which a majority does not answer makes room by itself.
func (c *Core) hearsQuorum() bool {
	age := c.quorumAge()
	if age <= c.lead.silence {
		c.waited(c.lead.silence) // it was heard since
	}
	c.lead.silence = age
	return age < int64(c.election())
}

// quorumAge is for how long no quorum has been heard, in ticks: the age of the oldest word of the freshest quorum.
func (c *Core) quorumAge() int64 {
	ids, age := idSet{}, int64(0)
	ids.Add(uint32(c.cfg.ID))
	for !c.quorum(&ids) {
		next := int64(-1)
		for _, l := range c.lead.learners {
			if a := c.now - l.heard; !ids.Has(uint32(l.id)) && (next < 0 || a < next) {
				next = a
			}
		}
		if next < 0 {
			return c.now + 1 // nobody is left to be heard
		}
		age = next
		for _, l := range c.lead.learners {
			if c.now-l.heard <= age {
				ids.Add(uint32(l.id))
			}
		}
	}
	return age
}
