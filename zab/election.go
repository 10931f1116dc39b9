package zab

import (
	"fmt"
	"slices"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// election is what a server without a leader keeps.
type election struct {
	deadline int64      // tick at which patience ends: a follower's with its leader, a looker's with its last attempt
	seen     zxid.Epoch // highest promise heard of; a real candidacy goes above it
	pre      *preVote   // a round of pre-votes in progress
	// connected: the last complete round of pre-votes was answered by a quorum (granted or not), so that others may expect
	// this server to lead. A server that is not connected must not stand in the way of one that is, whatever the histories say.
	connected bool
	empty     int64  // ticks for which this server has looked for others with an empty disk
	history   bool   // a voter said that it holds a history, so that nothing is founded without it
	outside   bool   // the last leader says that this server has no vote
	serving   PeerID // a prospective leader that gets an image from us; 0 is none
}

type preVote struct {
	granted, answered, blank idSet
}

// candidacy is a request for promises: the discovery phase of a prospective leader.
type candidacy struct {
	epoch    zxid.Epoch
	byOrder  zxid.Epoch // if not 0, the leader of this epoch has asked for it (to hand over, or to open a new epoch), and its followers do not refuse their votes
	granted  idSet
	blank    idSet // of these, the servers that may have lost what they acknowledged
	lasts    []promise
	progress int64 // tick of the last thing that went well
	pull     *pull // the newest history of the quorum is being fetched
}

type promise struct {
	from PeerID
	last zxid.ID
}

// lookAt sets when patience ends, in ticks from now.
func (c *Core) lookAt(in int) { c.elect.deadline = c.now + int64(in) }

// firstLook is when a server that starts looks for votes first: as its owner says, or at random.
func (c *Core) firstLook() int {
	if t := c.cfg.Timing.FirstLook; t > 0 {
		return t
	}
	return 1 + c.rand.IntN(max(1, c.cfg.Timing.Election/2))
}

// patience is an election timeout and at random up to another one, so that rarely two servers lose it together.
func (c *Core) patience() int { return c.election() + c.rand.IntN(c.cfg.Timing.Election) }

// Suspect is a hint: the process of a server seems to have ended, for its link broke and dialling it anew fails at once. It only shortens
// the patience with it, if it leads: who hears nothing from it for two more heartbeats takes it for dead. One word of it, and all is as before.
func (c *Core) Suspect(id PeerID) {
	if c.out.fatal != nil || c.leader != id || c.role != Following && c.role != Observing {
		return
	}
	grace := 2 * c.cfg.Timing.Heartbeat
	c.follow.doubt = c.now + int64(grace)
	c.elect.deadline = min(c.elect.deadline, c.now+int64(grace+c.rand.IntN(grace+1)))
}

// retryDelay is the time for one round of pre-votes or votes.
func (c *Core) retryDelay() int {
	e := c.election()
	return max(1, e/2) + c.rand.IntN(max(1, e/2))
}

// becomeLooking drops every volatile thing of the role before; the history stays as it is.
func (c *Core) becomeLooking(why string) {
	if c.role == Leading && c.lead != nil {
		c.sendResign()
	}
	c.dropRole(why)
	c.role, c.leader, c.epoch = Looking, 0, 0
	c.elect.connected = true // innocent until proven: the first round has yet to show
	c.lookAt(c.patience())
}

// dropRole ends what depended on the leader that was.
func (c *Core) dropRole(why string) {
	c.out.why = why
	c.failReads()
	c.failAsks()
	c.lead, c.cand, c.elect.pre = nil, nil, nil
	c.follow = following{link: c.follow.link}
}

func (c *Core) tickLooking() {
	if c.hist.last == 0 {
		c.elect.empty++
	}
	if cd := c.cand; cd != nil {
		c.tickCandidate(cd)
		return
	}
	if c.now >= c.elect.deadline {
		if p := c.elect.pre; p != nil {
			c.elect.connected = c.quorum(&p.answered)
		}
		c.campaign()
		return
	}
	if c.elect.pre != nil && c.now%int64(c.cfg.Timing.Heartbeat) == 0 {
		c.askPreVotes() // messages get lost, and minds change
	}
}

// campaign begins a round of pre-votes, or asks who leads if this server has no vote.
func (c *Core) campaign() {
	c.lookAt(c.retryDelay())
	c.askByFile()
	if !c.votes(c.cfg.ID) || c.partlyFilled() || c.isOutside() {
		c.elect.pre = nil
		c.conf.members(c.commit, c.askWhoLeads)
		return
	}
	p := &preVote{}
	p.granted.Add(uint32(c.cfg.ID))
	p.answered = p.granted
	if c.blank() {
		p.blank = p.granted
	}
	c.elect.pre = p
	if c.electable(&p.granted, &p.blank) || c.has(bugNoPreVote) {
		c.askPromises(0)
		return
	}
	c.askPreVotes()
}

// askWhoLeads asks a server to let this one follow, if it leads.
func (c *Core) askWhoLeads(id PeerID) {
	if id != c.cfg.ID {
		c.sendDurable(Message{Type: MsgJoin, To: id, Epoch: c.hard.Promised, Zxid: c.hist.last})
	}
}

// askByFile asks those that are members by the configuration file of this server alone. While it was away the ensemble may have gone on to servers of which
// its history does not know.
func (c *Core) askByFile() {
	var known idSet
	c.conf.members(c.commit, func(id PeerID) { known.Add(uint32(id)) })
	for _, m := range c.cfg.File.Members {
		if !known.Has(uint32(m.ID)) {
			c.askWhoLeads(m.ID)
		}
	}
}

// isOutside says whether this server is a voter by its bootstrap configuration alone, and a leader has said that it is none: it joins an ensemble, and its
// file is ahead of the history. It does not stand, since its quorums need not meet those of the members.
func (c *Core) isOutside() bool {
	return c.elect.outside && c.conf.bootstraps(c.commit)
}

// askPreVotes asks those that have not said yes, also those that said no: who heard the leader a moment ago may be about to lose it too.
func (c *Core) askPreVotes() {
	p := c.elect.pre
	c.conf.members(c.commit, func(id PeerID) {
		if c.votes(id) && !p.granted.Has(uint32(id)) {
			c.send(Message{Type: MsgPreVote, To: id, Epoch: max(c.hard.durable, c.elect.seen) + 1, Zxid: c.historyClaim()})
		}
	})
}

// leaderIsAlive is the reason to withhold a vote: this server leads, or hears its leader.
func (c *Core) leaderIsAlive() bool {
	switch c.role {
	case Leading:
		return true
	case Following, Observing:
		return !c.leaderIsSilent()
	}
	return false
}

// leaderIsSilent: nothing was heard of the leader for an election timeout, or since it was suspected.
func (c *Core) leaderIsSilent() bool {
	f := &c.follow
	return c.now-f.heard >= int64(c.election()) || f.doubt != 0 && c.now >= f.doubt
}

// refuses says whether a history up to last is a reason to refuse a vote: it is older than ours, and we could lead ourselves.
// Who cannot lead (not connected, or removed from the ensemble) does not refuse: the candidate will fetch our history.
func (c *Core) refuses(m *Message) bool {
	return m.Zxid < c.hist.last && c.elect.connected && c.votes(c.cfg.ID) && !c.partlyFilled()
}

// blank says whether this disk may have lost what it acknowledged: it is empty, or it was when it found its last leader, or stood for one itself, and was not
// filled since. Perhaps it never held anything; only an operator can know, and says so by Config.Founder.
func (c *Core) blank() bool { return c.hist.last == 0 && !c.cfg.Founder || c.partlyFilled() }

// partlyFilled says whether this disk is blank in the sense of blank and holds a part of a history: it was empty when it found a leader, and was not filled to the end.
func (c *Core) partlyFilled() bool {
	return c.hist.last != 0 && c.hist.last < c.hard.Fill && !c.cfg.Founder
}

// electable says whether these servers, some of them blank, can elect. A quorum must know everything that is committed, as far as a majority of
// disks has survived. One without blank servers does. So do all voters together: if all are blank, the ensemble is being founded; if some are whole, each ensemble
// in effect must have one of them, since one whose voters all have lost their disks may be of the past, and they may have acknowledged the next one. A quorum of
// blank servers does after it has waited for the others. Any other might be a lagging server and one that has lost what the two others had made durable.
func (c *Core) electable(granted, blank *idSet) bool {
	if !c.quorum(granted) {
		return false
	}
	whole, all, none := *granted, true, true
	c.conf.members(c.commit, func(id PeerID) {
		if blank.Has(uint32(id)) {
			whole.Remove(uint32(id))
		}
		none = none && !whole.Has(uint32(id))
		all = all && (granted.Has(uint32(id)) || !c.votes(id))
	})
	return all && (none || c.conf.meets(&whole, c.commit)) || c.quorum(&whole) || c.quorum(blank) && c.hasWaited()
}

// hasWaited says whether this empty server may help to found an ensemble without those that nobody has heard: it has given them time, and nobody of whom it
// heard holds a history. Data outweighs emptiness.
func (c *Core) hasWaited() bool {
	return c.has(bugFoundBesideData) || !c.elect.history && c.cfg.Timing.Found >= 0 && c.elect.empty >= int64(c.cfg.Timing.Found)
}

// awaited are the voters for which a founding waits; none if this server founds nothing.
func (c *Core) awaited() (ids []PeerID) {
	p := c.elect.pre
	if c.role != Looking || c.hist.last != 0 || p == nil || !c.quorum(&p.blank) || c.hasWaited() {
		return nil
	}
	c.conf.members(c.commit, func(id PeerID) {
		if c.votes(id) && !p.answered.Has(uint32(id)) {
			ids = append(ids, id)
		}
	})
	return ids
}

// hearHistory notes that another server has a history, by what it says of its end.
func (c *Core) hearHistory(m *Message) {
	c.elect.history = c.elect.history || m.Zxid != 0 && c.votes(m.From)
}

// noteEmpty remembers, when an empty disk finds a leader, how far the history of others goes: whatever this server acknowledged before it lost its
// disk, and somebody was told to be committed, is in the leader's history up to there.
func (c *Core) noteEmpty(m *Message) { c.fillUpTo(max(m.Commit, zxid.New(m.Epoch, 0))) }

// fillUpTo makes an empty disk blank until it has the history up to end, also after a start.
func (c *Core) fillUpTo(end zxid.ID) {
	if c.hist.last == 0 && !c.cfg.Founder && end > c.hard.Fill {
		c.hard.Fill, c.hard.dirty = end, true
	}
}

func (c *Core) onPreVote(m *Message) {
	c.hearHistory(m)
	reject := c.leaderIsAlive() || c.refuses(m)
	// Two that try at the same moment: (epoch, zxid, id) decides, so that one of them gets all.
	trying := c.role == Looking && (c.elect.pre != nil || c.cand != nil) && c.elect.connected
	if trying && m.Zxid == c.hist.last && m.From.Compare(c.cfg.ID) < 0 {
		reject = true
	}
	if c.has(bugNoPreVote) {
		reject = false
	}
	c.out.blank = c.out.blank || c.blank() && m.Zxid != 0 && !reject
	c.sendDurable(Message{Type: MsgPreVoteResp, To: m.From, Epoch: m.Epoch, Reject: reject, Zxid: c.hist.last, Seq: uint64(c.hard.Promised), Flag: c.blank()})
	if c.role == Leading {
		c.onJoin(m) // it does not know us, or not that we live
	}
}

func (c *Core) onPreVoteResp(m *Message) {
	c.hearHistory(m)
	c.elect.seen = max(c.elect.seen, zxid.Epoch(m.Seq))
	p := c.elect.pre
	if p == nil || c.role != Looking || c.cand != nil {
		return
	}
	p.answered.Add(uint32(m.From))
	if !m.Reject {
		p.granted.Add(uint32(m.From))
		if m.Flag {
			p.blank.Add(uint32(m.From))
		}
	}
	if c.electable(&p.granted, &p.blank) {
		c.elect.connected = true
		c.askPromises(0)
	}
}

// nextEpoch is above every epoch this server has heard of, and in a generation not below the configured one.
func (c *Core) nextEpoch() (zxid.Epoch, error) {
	top := max(c.hard.Promised, c.elect.seen)
	if c.has(bugReuseEpoch) {
		top = c.hard.Promised
	}
	if top.Generation() < c.cfg.Generation {
		return zxid.NewEpoch(c.cfg.Generation, 1), nil
	}
	if top.Term() == zxid.MaxTerm {
		return 0, fmt.Errorf("zab: generation %d has no epochs left; restore into a new generation", top.Generation())
	}
	return top + 1, nil
}

// askPromises starts discovery: promise the next epoch to ourselves, durably, then ask the others for the same. Nothing of the
// new epoch leaves this server before its own promise is on disk: after a crash it would otherwise use the same numbers twice.
func (c *Core) askPromises(byOrder zxid.Epoch) {
	e, err := c.nextEpoch()
	if err != nil {
		c.fail(err)
		return
	}
	claim := c.historyClaim()
	c.promise(e, c.cfg.ID)
	c.elect.pre = nil
	c.cand = &candidacy{epoch: e, byOrder: byOrder, progress: c.now}
	c.cand.granted.Add(uint32(c.cfg.ID))
	if c.blank() {
		c.cand.blank.Add(uint32(c.cfg.ID))
	}
	c.cand.lasts = append(c.cand.lasts, promise{c.cfg.ID, claim})
	c.askVotes()
	c.checkPromises()
}

// promise never to obey a leader below e, and to let nobody but `to` lead e as far as our vote goes.
func (c *Core) promise(e zxid.Epoch, to PeerID) {
	if e < c.hard.Promised {
		panic(fmt.Sprintf("zab: promise of epoch %d after %d", e, c.hard.Promised))
	}
	c.hard.Promised, c.hard.Vote, c.hard.dirty = e, to, true
	if c.has(bugVoteNotPersisted) || c.has(bugReuseEpoch) && to == c.cfg.ID {
		c.hard.dirty, c.hard.durable = false, e
	}
}

// askVotes asks those that have not promised yet, and keeps those quiet that have.
func (c *Core) askVotes() {
	c.conf.members(c.commit, func(id PeerID) {
		if id != c.cfg.ID && c.votes(id) {
			c.sendDurable(Message{Type: MsgVote, To: id, Epoch: c.cand.epoch, Zxid: c.cand.lasts[0].last,
				Flag: c.cand.byOrder != 0, Seq: uint64(c.cand.byOrder)})
		}
	})
}

// historyClaim is how far our history goes, as a candidate tells it.
func (c *Core) historyClaim() zxid.ID {
	if c.has(bugEpochBeforeHistory) {
		return max(c.hist.last, zxid.New(c.hard.Promised, 0))
	}
	return c.hist.last
}

func (c *Core) onVote(m *Message) {
	granted := m.Epoch == c.hard.Promised && c.hard.Vote == m.From
	if m.Epoch > c.hard.Promised && c.grants(m) {
		granted = true
		byLeader := c.leader == m.From && c.role != Looking // an epoch roll: we go on following
		if !byLeader {
			c.becomeLooking("promised a higher epoch")
		}
		c.promise(m.Epoch, m.From)
		c.cand = nil
	}
	if granted && c.role == Looking {
		c.lookAt(c.patience())
	}
	resp := Message{Type: MsgVoteResp, To: m.From, Epoch: m.Epoch, Reject: !granted, Zxid: c.hist.last, Seq: uint64(c.hard.Promised), Flag: c.blank()}
	if c.has(bugVoteNotPersisted) {
		c.send(resp)
		return
	}
	c.sendDurable(resp)
}

func (c *Core) grants(m *Message) bool {
	if c.has(bugNoPreVote) || m.Flag && (c.role == Looking || c.epoch <= zxid.Epoch(m.Seq)) {
		return true
	}
	return !c.leaderIsAlive() && !c.refuses(m)
}

func (c *Core) onVoteResp(m *Message) {
	c.hearHistory(m)
	c.elect.seen = max(c.elect.seen, zxid.Epoch(m.Seq))
	cd := c.cand
	if cd == nil || m.Epoch != cd.epoch || m.Reject {
		c.heardAgain(c.cfg.ID, m.Epoch, 0)
		return
	}
	if !cd.granted.Has(uint32(m.From)) {
		cd.granted.Add(uint32(m.From))
		if m.Flag {
			cd.blank.Add(uint32(m.From))
		}
		cd.lasts = append(cd.lasts, promise{m.From, m.Zxid})
		cd.progress = c.now
	}
	if c.role == Leading {
		if l := c.lead.learner(m.From); l != nil {
			l.heard = c.now
		}
	}
	c.checkPromises()
}

func (c *Core) tickCandidate(cd *candidacy) {
	limit := int64(c.election())
	if cd.pull != nil {
		limit *= 2
		if cd.pull.snap {
			limit *= 10 // an image takes its time
		}
	}
	if c.now-cd.progress > limit {
		c.suspect(c.cfg.ID, cd.epoch, cd.progress)
		c.cand = nil
		if c.role == Leading {
			c.becomeLooking("no quorum for a new epoch")
			return
		}
		c.lookAt(c.retryDelay())
		return
	}
	if c.now%int64(c.cfg.Timing.Heartbeat) == 0 {
		c.askVotes()
		if cd.pull != nil {
			c.sendPull()
		}
	}
}

// newest is the promiser with the most advanced history.
func (cd *candidacy) newest() promise {
	return slices.MaxFunc(cd.lasts, func(a, b promise) int {
		if a.last != b.last {
			return int(min(1, max(-1, a.last-b.last)))
		}
		return int(b.from) - int(a.from)
	})
}

// onTimeoutNow: the leader wants this server to take over.
func (c *Core) onTimeoutNow() {
	if !c.votes(c.cfg.ID) {
		return
	}
	epoch := c.epoch
	c.becomeLooking("leadership is handed to us")
	c.askPromises(epoch)
}
