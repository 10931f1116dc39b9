package zab

import (
	"fmt"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// pull is the fetching of the newest history among the promisers (ZAB paper, phase 1; ZooKeeper dropped it).
type pull struct {
	from   PeerID
	target zxid.ID // last of the source
	at     zxid.ID // the next question: what is after this one?
	snap   bool    // the source is sending an image
}

// checkPromises goes on as soon as a quorum has promised: with the newest history among it this server leads.
//
// Why that is enough: whatever is committed in a lower epoch was made durable by a quorum, and that quorum has a server in
// common with ours, which had it before it promised. So the newest history of our quorum has it. And nothing more can be
// committed in a lower epoch, because our quorum refuses.
func (c *Core) checkPromises() {
	cd := c.cand
	if cd == nil || cd.pull != nil || !c.electable(&cd.granted, &cd.blank) {
		return
	}
	best := cd.newest()
	if best.from == c.cfg.ID || best.last <= c.hist.last || c.has(bugNoHistoryPull) {
		c.establish()
		return
	}
	if c.role == Leading {
		c.becomeLooking("a follower has a newer history")
		return
	}
	c.fillUpTo(best.last) // what our quorum knows; a part of it, without the leadership, is no more than an empty disk
	cd.pull = &pull{from: best.from, target: best.last, at: c.hist.last}
	c.out.count.HistoryPulls++
	c.sendPull()
}

func (c *Core) sendPull() {
	p := c.cand.pull
	c.sendDurable(Message{Type: MsgPull, To: p.from, Epoch: c.cand.epoch, Zxid: p.at})
}

// onPull serves a prospective leader to which this server has given its promise; until that leader is there, nobody can change
// this history.
func (c *Core) onPull(m *Message) {
	if m.Epoch != c.hard.Promised || c.hard.Vote != m.From || c.role != Looking {
		return
	}
	resp := Message{Type: MsgHistory, To: m.From, Epoch: m.Epoch, Prev: m.Zxid}
	if !c.hist.has(m.Zxid) && m.Zxid >= c.hist.oldest() {
		resp.Reject, resp.Zxid = true, c.hist.floor(m.Zxid)
		c.send(resp)
		return
	}
	es, err := c.hist.entries(m.Zxid, c.cfg.Limits.BatchBytes)
	if err == nil {
		resp.Entries = es
		c.send(resp)
		return
	}
	resp.Flag = true // an image is on its way: patience
	c.send(resp)
	if c.elect.serving != m.From && c.hasImage() {
		c.elect.serving = m.From
		c.out.snaps = append(c.out.snaps, SnapSend{To: m.From, Epoch: m.Epoch, Min: c.hist.oldest(), Pull: true})
	}
}

// pullsFrom says whether m comes from the server that we pull from.
func (c *Core) pullsFrom(m *Message) bool {
	return c.cand != nil && c.cand.pull != nil && m.Epoch == c.cand.epoch && m.From == c.cand.pull.from
}

func (c *Core) onHistory(m *Message) {
	if !c.pullsFrom(m) {
		return
	}
	p := c.cand.pull
	if m.Prev != p.at {
		return // an answer to an older question
	}
	c.cand.progress = c.now
	if m.Flag {
		p.snap = true
		return
	}
	if m.Reject {
		p.at = c.hist.floor(m.Zxid)
		c.sendPull()
		return
	}
	if !c.hist.has(m.Prev) {
		return
	}
	// What we have beyond the common part is in no committed history: our promise quorum would know it.
	at, ok := c.appendMatching(m.Prev, m.Entries)
	if !ok {
		return
	}
	c.pulled(at)
}

func (c *Core) pulled(at zxid.ID) {
	p := c.cand.pull
	if at == p.at && at != p.target {
		return // nothing new: the source has less than it said, or this is a repetition
	}
	p.at, p.snap = at, false
	if at < p.target {
		c.sendPull()
		return
	}
	// We hold what the source held. The configurations in it may ask for more promises.
	for i := range c.cand.lasts {
		if c.cand.lasts[i].from == c.cfg.ID {
			c.cand.lasts[i].last = c.hist.last
		}
	}
	c.cand.pull = nil
	if !c.votes(c.cfg.ID) {
		c.becomeLooking("not a voter of the newest configuration")
		return
	}
	c.askVotes()
	c.checkPromises()
}

// onPulledSnap: the common part is below what the source has in its log, so that it sent an image.
func (c *Core) onPulledSnap(m *Message) {
	if !c.pullsFrom(m) {
		return
	}
	c.cand.progress = c.now
	p := c.cand.pull
	if !c.installSnap(m) && !c.hist.has(m.Zxid) {
		return
	}
	p.at, p.snap = m.Zxid, false
	if p.at == p.target {
		c.pulled(p.at)
		return
	}
	c.sendPull()
}

// establish opens the epoch: NEWLEADER goes to the log like any entry, and everything before it is committed through it.
func (c *Core) establish() {
	e := c.cand.epoch
	if e <= c.hist.last.Epoch() && !c.has(bugReuseEpoch) {
		panic(fmt.Sprintf("zab: epoch %d opened on a history that ends at %v", e, c.hist.last))
	}
	granted := c.cand.lasts
	old := c.lead
	c.cand, c.elect.pre = nil, nil
	c.role, c.leader, c.epoch = Leading, c.cfg.ID, e
	c.lead = newLeadership(c, old)
	if old != nil {
		c.out.count.EpochRolls++
	}
	c.openEpoch()
	c.pingAll()
	for _, g := range granted {
		if l := c.lead.learner(g.from); l != nil {
			c.startSync(l, g.last)
		}
	}
	c.maybeCommit()
}

// openEpoch appends the NEWLEADER. Where the history has no ensemble yet, it puts the one that elected this leader into it: from there on no server's
// configuration file says any more who belongs to the ensemble.
func (c *Core) openEpoch() {
	var ens *Ensemble
	if !c.conf.recorded() {
		first := c.conf.latest().Ensemble
		first.Version = zxid.New(c.epoch, 0)
		ens = &first
	}
	c.appendOwn(EntryNewLeader, c.hist.lastTime, newLeaderData(c.cfg.ID, ens))
	if ens != nil {
		c.addEnsemble(&c.hist.tail[len(c.hist.tail)-1])
	}
}

// onHigher: a server has promised an epoch above ours and cannot follow. If it has a leader there, we are deposed. If not, a leader
// with its quorum opens a new epoch above that promise, without an election, so that it can follow.
func (c *Core) onHigher(m *Message) {
	c.elect.seen = max(c.elect.seen, zxid.Epoch(m.Seq))
	if c.role != Leading || m.Epoch != c.epoch || zxid.Epoch(m.Seq) <= c.epoch || c.lead.learner(m.From) == nil {
		return
	}
	if m.Flag {
		c.becomeLooking("another leads a higher epoch")
		return
	}
	if c.cand == nil && zxid.Epoch(m.Seq) > c.hard.Promised {
		c.rollEpoch()
	}
}

// rollEpoch opens the next epoch without an election: the same promises, asked for by the leader that everyone hears. Until a
// quorum has given them there are no new proposals; what is in flight goes on.
func (c *Core) rollEpoch() {
	if c.cand == nil {
		c.askPromises(c.epoch)
	}
}
