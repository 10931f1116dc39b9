package zab

import (
	"slices"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// syncState says how the leader sends to a learner.
type syncState uint8

const (
	// probing: the common part of both histories is being looked for; one message at a time.
	probing syncState = iota
	// streaming: everything after `next` is sent as it comes (DIFF, then live proposals: there is no difference).
	streaming
	// snapshotting: the common part is below the leader's log; an image is on its way.
	snapshotting
)

// String is for people.
func (s syncState) String() string { return [...]string{"probe", "stream", "snapshot"}[s] }

// learner is the leader's view of one follower or observer.
type learner struct {
	id         PeerID
	state      syncState
	next       zxid.ID // the history up to here was sent, or is known to be there
	match      zxid.ID // durable there, and equal to ours (cumulative ack)
	sent       inflights
	heard      int64   // tick
	round      uint64  // newest ping round it has answered
	sentCommit zxid.ID // the commit point that was sent to it last
	probeAt    int64   // tick of the probe that is under way; -1: there is none
	link       uint64  // of its forwarded requests
	forwards   uint64  // accepted under this link
	full       bool    // it has as much to apply as it may have: it is sent nothing more for the time
	retired    []uint64
	digests    digests // of its state, as it has reported them
	file       FileReport
}

// inflights are proposals that were handed out and not acknowledged yet, with their bytes, for a limit on these. A leader has them for each learner,
// and every server has them for its state machine.
type inflights struct {
	list  []inflight
	bytes int
}

type inflight struct {
	last  zxid.ID
	bytes int
}

func (f *inflights) add(last zxid.ID, bytes int) {
	f.list = append(f.list, inflight{last, bytes})
	f.bytes += bytes
}

// release forgets what is acknowledged up to z.
func (f *inflights) release(z zxid.ID) {
	n := 0
	for n < len(f.list) && f.list[n].last <= z {
		f.bytes -= f.list[n].bytes
		n++
	}
	f.list = slices.Delete(f.list, 0, n)
}

func (f *inflights) clear() { f.list, f.bytes = f.list[:0], 0 }

// leadership is what a server keeps while it leads.
type leadership struct {
	learners     []*learner // by id
	first        zxid.Epoch // the epoch in which this leadership began; later ones came by rolling
	active       bool       // NEWLEADER of the first epoch is committed
	confirmed    bool
	round        uint64 // newest ping round
	proveRound   uint64 // the round whose confirmation ends the doubt after a pause
	slept        int    // ticks of the pause that pings tell of now
	reads        []pendingRead
	wasBusy      bool // proposals were refused since the last round for reads
	transferTo   PeerID
	transferAt   int64   // tick at which it began
	transferSent int64   // tick of the last MsgTimeoutNow
	dispute      zxid.ID // the zxid at which digests differ, until all have reported theirs; 0 is none
	snaps        int     // images being sent
	silence      int64   // for how long no quorum has been heard, at the last tick
}

// newLeadership begins one, or goes on with `old` after an epoch roll: the links and the reads stay, what was acknowledged
// counts again only when it is acknowledged in the new epoch.
func newLeadership(c *Core, old *leadership) *leadership {
	ld := old
	if ld == nil {
		ld = &leadership{first: c.epoch, confirmed: true}
	}
	for _, l := range ld.learners {
		l.state, l.next, l.match, l.sentCommit, l.probeAt = probing, 0, 0, 0, -1
		l.sent.clear()
	}
	ld.snaps = 0
	c.conf.members(c.commit, func(id PeerID) { c.ensureLearner(ld, id) })
	return ld
}

func (ld *leadership) find(id PeerID) (int, bool) {
	return slices.BinarySearchFunc(ld.learners, id, func(l *learner, id PeerID) int { return l.id.Compare(id) })
}

// learner is nil for a stranger.
func (ld *leadership) learner(id PeerID) *learner {
	if i, ok := ld.find(id); ok {
		return ld.learners[i]
	}
	return nil
}

// ensureLearner returns the learner, a new one if need be.
func (c *Core) ensureLearner(ld *leadership, id PeerID) *learner {
	if id == c.cfg.ID {
		return nil
	}
	i, ok := ld.find(id)
	if !ok {
		ld.learners = slices.Insert(ld.learners, i, &learner{id: id, heard: c.now, probeAt: -1})
	}
	return ld.learners[i]
}

// onJoin: someone whom we do not ping wants to follow: a joiner, a removed server, or a member that has just restarted.
func (c *Core) onJoin(m *Message) {
	if c.role != Leading {
		return
	}
	if l := c.ensureLearner(c.lead, m.From); l != nil {
		c.ping(l)
	}
}

// dropStrangers forgets learners that are in no configuration and silent for long.
func (c *Core) dropStrangers() {
	var members idSet
	c.conf.members(c.commit, func(id PeerID) { members.Add(uint32(id)) })
	limit := int64(10 * c.cfg.Timing.Election)
	c.lead.learners = slices.DeleteFunc(c.lead.learners, func(l *learner) bool {
		return !members.Has(uint32(l.id)) && c.now-l.heard > limit
	})
}

// relinked notes a new link of a learner. A link that was left is never taken again: a late duplicate of its first forward
// would otherwise be executed twice.
func (l *learner) relinked(link uint64) bool {
	if link == l.link {
		return true
	}
	if link == 0 || slices.Contains(l.retired, link) {
		return false
	}
	if l.link != 0 {
		if len(l.retired) >= 16 {
			l.retired = slices.Delete(l.retired, 0, 1)
		}
		l.retired = append(l.retired, l.link)
	}
	l.link, l.forwards, l.file = link, 0, FileReport{}
	return true
}
