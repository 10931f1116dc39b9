package zab

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// startSync begins with a learner whose history is said to end at last. The common part of the histories cannot be above the
// greatest of our zxids that is <= last.
func (c *Core) startSync(l *learner, last zxid.ID) {
	l.sent.clear()
	if last < c.hist.oldest() {
		c.startSnap(l)
		return
	}
	at := c.hist.floor(last)
	l.next = at
	if at == last {
		l.state = streaming // it has `at`, for it is its last: DIFF
		c.out.count.Diffs++
		if at == c.hist.last {
			c.sendProposal(l, at, nil) // nothing to send, but it must learn that its history is ours
		}
		return
	}
	l.state = probing
	c.probe(l)
}

// probe asks whether the learner has l.next, and sends what follows along with the question. If it has, whatever else it has
// after that point goes (TRUNC).
func (c *Core) probe(l *learner) {
	es, err := c.hist.entries(l.next, c.cfg.Limits.BatchBytes)
	if err != nil {
		c.startSnap(l)
		return
	}
	l.probeAt = c.now
	c.sendProposal(l, l.next, es)
}

// startSnap: the learner's history ends before our log begins. Then every entry that both have is below our base, and an image
// at or above the base loses nothing that the learner has acknowledged.
func (c *Core) startSnap(l *learner) {
	if l.state == snapshotting {
		return
	}
	if c.lead.snaps >= c.cfg.Limits.SnapshotsAtOnce || !c.hasImage() {
		l.state, l.next, l.probeAt = probing, 0, -1 // its next pong tries again
		return
	}
	l.state, l.digests = snapshotting, digests{}
	c.lead.snaps++
	c.out.count.Snaps++
	c.out.snaps = append(c.out.snaps, SnapSend{To: l.id, Epoch: c.epoch, Min: c.hist.oldest()})
}

// hasImage is false while our own state is being replaced by an image that is not durable yet.
func (c *Core) hasImage() bool { return c.hist.durable >= c.hist.oldest() }

// ReportSnapshot says how a SnapSend ended: z is the zxid of the image; ok if the receiver has all of it.
func (c *Core) ReportSnapshot(to PeerID, z zxid.ID, ok bool) {
	if c.elect.serving == to {
		c.elect.serving = 0
	}
	if c.role != Leading {
		return
	}
	l := c.lead.learner(to)
	if l == nil || l.state != snapshotting {
		return
	}
	c.lead.snaps--
	l.state, l.next, l.probeAt = probing, z, -1
	if ok {
		c.probe(l)
	}
}

// SnapshotMeta is the meta of an image of the state at z; z must be applied and not below Log.Base.
func (c *Core) SnapshotMeta(z zxid.ID) SnapshotMeta {
	return SnapshotMeta{Zxid: z, Ensemble: c.conf.at(z)}
}

// SnapMessage is the message that the receiver's shell must Step once the image is complete, verified and staged.
func (c *Core) SnapMessage(s SnapSend, meta SnapshotMeta) Message {
	m := Message{Type: MsgSnap, From: c.cfg.ID, To: s.To, Flag: s.Pull, Epoch: s.Epoch, Zxid: meta.Zxid}
	if len(meta.Ensemble.Members) > 0 {
		m.Data = []byte(meta.Ensemble.String())
	}
	return m
}

func (c *Core) pingAll() {
	for _, l := range c.lead.learners {
		c.ping(l)
	}
}

func (c *Core) ping(l *learner) {
	if c.hard.durable < c.epoch {
		return // nothing of an epoch leaves before our own promise of it is durable
	}
	m := Message{Type: MsgPing, To: l.id, Epoch: c.epoch, Commit: c.commit, Zxid: l.next, Seq: c.lead.round, Ctx: l.forwards, Link: l.link,
		Prev: zxid.New(c.lead.first, 0), Data: appendSlept(nil, c.lead.slept)}
	if l.state != streaming {
		m.Zxid = 0
	}
	m.Flag, m.Reject = c.now-l.heard < int64(c.election()), !c.votes(l.id)
	m.DigestZxid, m.Digest = c.digestForPing()
	l.sentCommit = max(l.sentCommit, c.commit)
	c.send(m)
}

// onPong hears a learner: it lives, this is where its history ends, these are its touches.
func (c *Core) onPong(l *learner, m *Message) {
	l.round, l.full = max(l.round, m.Seq), m.Flag
	if c.linked(l, m.Link) && len(m.Data) > 0 {
		c.out.inbox = append(c.out.inbox, Delivery{Kind: DeliverTouch, From: l.id, Data: m.Data})
	}
	c.onLearnerDigest(l, m)
	if m.Prev == 0 && l.state != snapshotting {
		l.match, l.digests = 0, digests{} // an empty disk: what it acknowledged before is gone
	}
	c.acked(l, zxid.ID(m.Ctx))
	switch {
	case l.state == probing && m.Zxid != 0:
		c.stream(l, m.Zxid)
	case l.state == probing && (l.probeAt < 0 || c.now-l.probeAt >= int64(c.cfg.Timing.Election)):
		c.startSync(l, m.Prev)
	case l.state == streaming && m.Zxid < m.Commit && m.Commit <= l.next:
		// What we sent before the ping is not there. It may be lost, or the learner may have restarted; or it is on its way: proposals
		// have a lane of their own, which may be much slower than that of pings, and sending everything again with each ping would
		// fill it for good. So the question goes behind the proposals; only a rejection says that they are lost.
		c.sendProposal(l, l.next, nil)
	}
	c.checkRounds()
}

// stream goes on from a zxid which the learner has.
func (c *Core) stream(l *learner, from zxid.ID) {
	l.state, l.next = streaming, max(from, l.match) // what it has made durable in this epoch it keeps
	l.sent.clear()
}

// becomeFollowing obeys the leader of epoch e, which has a quorum of promises, so that ours may be given without a question.
// first is the epoch in which its leadership began: if we followed it then, it has only rolled its epoch, and links stay.
func (c *Core) becomeFollowing(leader PeerID, e, first zxid.Epoch) {
	if c.role == Leading && c.epoch == e {
		panic(fmt.Sprintf("zab: %d and %d both lead epoch %d", c.cfg.ID, leader, e))
	}
	same := c.leader == leader && c.role != Looking && first <= c.epoch
	if e > c.hard.Promised {
		c.promise(e, leader)
	}
	active := same && c.follow.active
	if !same {
		if c.role == Leading && c.lead != nil {
			c.sendResign()
		}
		c.dropRole("found a leader")
		c.relink()
	}
	c.role, c.leader, c.epoch = c.learnerRole(), leader, e
	c.follow.matched, c.follow.acked, c.follow.active, c.follow.heard = 0, 0, active, c.now
	c.lookAt(c.patience())
}

func (c *Core) learnerRole() Role {
	if c.votes(c.cfg.ID) {
		return Following
	}
	return Observing
}

// following is what a server keeps while it obeys a leader.
type following struct {
	heard   int64   // tick
	doubt   int64   // tick from which the leader counts as gone unless it is heard; 0: nobody suspects it
	matched zxid.ID // our history up to here equals the leader's
	acked   zxid.ID // of that, acknowledged as durable
	again   bool    // repeat the last ack
	active  bool    // NEWLEADER is committed and durable here
	deaf    int64   // tick since which the leader says that it does not hear us; 0 if it does
	link    uint64
	sent    uint64 // forwards under this link
	markSeq uint64 // a forward whose arrival is awaited
	markAt  int64  // since this tick
	touch   []byte
}

func (c *Core) tickFollowing() {
	if c.leaderIsSilent() && c.now >= c.elect.deadline {
		c.suspect(c.leader, c.epoch, c.follow.heard)
		c.becomeLooking("leader is silent")
		c.campaign()
		return
	}
	c.tickReads()
}

func (c *Core) onPing(m *Message) {
	f := &c.follow
	c.elect.outside = m.Reject
	c.noteEmpty(m)
	c.lookAt(c.patience())
	c.learnCommit(m.Commit)
	c.checkForwards(m)
	switch {
	case m.Flag:
		f.deaf = 0
	case f.deaf == 0:
		f.deaf = max(1, c.now)
	case c.now-f.deaf > int64(c.election()) && f.active:
		f.active = false // a one-way link: our clients' writes go nowhere
	}
	c.onDigest(m)
	c.pong(m)
}

// pong answers a ping. It reveals our promise of this epoch, which must be durable before.
func (c *Core) pong(m *Message) {
	f := &c.follow
	p := Message{Type: MsgPong, To: m.From, Epoch: c.epoch, Zxid: f.matched, Prev: c.hist.last, Seq: m.Seq, Commit: m.Zxid,
		Ctx: uint64(min(f.matched, c.hist.durable)), Link: f.link, Data: f.touch}
	f.touch = nil
	p.Flag = c.applyFull()
	p.DigestZxid, p.Digest = c.digestForPong(m.DigestZxid)
	if c.hard.durable >= c.epoch {
		c.send(p)
		return
	}
	c.sendDurable(p)
}

// onProposal appends what follows a zxid that both have, and nothing else: no holes.
func (c *Core) onProposal(m *Message) {
	at, ok := c.appendMatching(m.Prev, m.Entries)
	if !ok {
		c.sendDurable(Message{Type: MsgAck, To: m.From, Epoch: c.epoch, Reject: true, Prev: m.Prev, Zxid: c.hist.floor(m.Prev)})
		return
	}
	f := &c.follow
	f.again = f.again || at <= f.matched
	f.matched = max(f.matched, at)
	c.learnCommit(m.Commit)
}

// appendMatching makes our history equal to prev followed by es, if we have prev; at is the last of es. Entries that we have
// already are left alone, so that a late duplicate does no harm; the first one that differs ends our own history there.
func (c *Core) appendMatching(prev zxid.ID, es []Entry) (at zxid.ID, ok bool) {
	if prev < c.commit && !c.has(bugSkipPrevCheck) {
		// Whoever leads has everything that is committed, in the same order: begin there.
		n := 0
		for n < len(es) && es[n].Zxid <= c.commit {
			n++
		}
		if n == len(es) {
			return c.commit, true
		}
		if es[n].Prev != c.commit {
			panic(fmt.Sprintf("zab: the leader's history has %v after %v, and %v is committed here", es[n].Zxid, es[n].Prev, c.commit))
		}
		prev, es = c.commit, es[n:]
	}
	if !c.hist.has(prev) {
		if !c.has(bugSkipPrevCheck) {
			return 0, false
		}
		if prev < c.hist.last {
			return 0, false
		}
		es = slices.Clone(es)
		if prev = c.hist.last; len(es) > 0 {
			es[0].Prev = prev
		}
	}
	at = prev
	for i, e := range es {
		if e.Zxid <= c.hist.last && c.hist.has(e.Zxid) {
			c.assertEqual(e)
			at = e.Zxid
			continue
		}
		c.truncate(at)
		c.append(es[i:])
		return c.hist.last, true
	}
	return at, true
}

// assertEqual: one zxid, one transaction. Checked as far as memory reaches.
func (c *Core) assertEqual(e Entry) {
	i := c.hist.index(e.Zxid)
	if i == 0 || c.hist.tail[i-1].Zxid != e.Zxid {
		return
	}
	if have := &c.hist.tail[i-1]; have.Prev != e.Prev || have.Kind != e.Kind || !bytes.Equal(have.Data, e.Data) {
		panic(fmt.Sprintf("zab: two different entries have the zxid %v", e.Zxid))
	}
}

func (c *Core) append(es []Entry) {
	for _, e := range es {
		c.hist.push(e)
		if e.Kind != EntryTxn {
			c.addEnsemble(&e)
		}
	}
}

// addEnsemble takes the ensemble that an entry at the end of the history makes, if it makes one.
func (c *Core) addEnsemble(e *Entry) {
	if err := c.conf.add(*e); err != nil {
		panic(err) // it was made by EncodeReconfig and guarded by checksums on its way
	}
	c.out.ensemble = c.out.ensemble || c.conf.latest().Version == e.Zxid
}

// truncate drops our history after z. Never anything committed: that would be a broken promise to some client.
func (c *Core) truncate(z zxid.ID) {
	if z >= c.hist.last {
		return
	}
	if z < c.commit {
		panic(fmt.Sprintf("zab: truncation to %v, and %v is committed", z, c.commit))
	}
	c.out.count.Truncs++
	c.hist.truncateTo(z)
	if c.conf.truncateTo(z) {
		c.out.ensemble = true
	}
}

// learnCommit: the leader has committed up to z. What of that equals our history is committed here.
func (c *Core) learnCommit(z zxid.ID) {
	if z = min(z, c.follow.matched); z > c.commit {
		c.advanceCommit(z)
	}
	if !c.follow.active && c.follow.deaf == 0 {
		nl := zxid.New(c.epoch, 0)
		c.follow.active = c.commit >= nl && c.hist.durable >= nl
	}
}

// onSnap: an image is staged here.
func (c *Core) onSnap(m *Message) {
	f := &c.follow
	if c.installSnap(m) || c.hist.has(m.Zxid) {
		f.matched = max(f.matched, m.Zxid)
		f.again = true
	}
}

// installSnap puts the image in the place of the history, unless the history is further already.
func (c *Core) installSnap(m *Message) bool {
	if m.Zxid <= c.commit || c.hist.has(m.Zxid) {
		return false
	}
	var ens Ensemble // none if the image is older than the first ensemble of the history
	if len(m.Data) > 0 {
		var err error
		if ens, err = ParseEnsemble(string(m.Data)); err != nil {
			c.fail(fmt.Errorf("zab: image at %v from server %d has no valid ensemble: %w", m.Zxid, m.From, err))
			return false
		}
	}
	c.out.count.Installs++
	c.hist.install(Snapshot{From: m.From, SnapshotMeta: SnapshotMeta{Zxid: m.Zxid, Ensemble: ens}})
	c.conf = beginMembership(ens, c.cfg.Ensemble)
	c.commit, c.applied = m.Zxid, m.Zxid
	c.out.applying.clear() // the image takes its place
	c.out.ensemble = true
	c.forgetDigests(m.Zxid)
	return true
}
