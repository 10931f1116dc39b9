package zab

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// Timing is counted in ticks. The zero value of a field means its default.
type Timing struct {
	Heartbeat    int // a leader pings every so many ticks; default 1
	Election     int // no word from a leader for 1 to 2 times as long starts a pre-vote; a leader without a quorum for as long resigns; default 10
	FirstLook    int // ticks until a server that starts looks for votes; default: at random within half of Election
	Found        int // ticks for which empty servers wait, once, for a founder that they have not heard; default 10*Election; negative is forever
	Pause        int // a Tick of more than this many ticks is a pause of this process; default Election/2
	DiskStepDown int // a leader whose oldest unfinished batch is older resigns; default 2*Election
	DiskFatal    int // any server whose oldest unfinished batch is older ends (Ready.Fatal); default 20*Election; negative is never
}

// Limits bound memory and messages. The zero value of a field means its default.
type Limits struct {
	BatchBytes      int    // data in one message or one Ready.Committed; default 1 MiB (one larger entry still goes alone)
	InflightBytes   int    // data sent to one learner and not acknowledged; default 16 MiB
	ApplyBytes      int    // data handed out in Ready.Committed and not reported by Applied; default 16 MiB
	TailBytes       int    // data of durable entries kept in memory; default 64 MiB
	PendingReads    int    // unanswered reads; default 65536
	LastCounter     uint32 // the counter at which a new epoch is opened; default zxid.MaxCounter; tests make it small
	SnapshotsAtOnce int    // images being sent by a leader; default 3
}

// Config is what a core is made of.
type Config struct {
	ID         PeerID
	Ensemble   Ensemble // the bootstrap configuration; used only while the history knows none
	File       Ensemble // what the configuration file of this server says; nobody if it says nothing. See S13 in the manual
	Log        Log
	Applied    zxid.ID     // the state machine has applied everything up to here; Committed goes on after it
	Generation uint32      // new epochs have at least this generation; raised by restore and import
	Founder    bool        // the operator's word that an empty disk of this server has never held anything: its vote counts at once
	Rand       rand.Source // election timeouts and link numbers; seeded by the owner
	Timing     Timing
	Limits     Limits
}

// Core is one server's part of the protocol: a pure state machine. It starts no goroutine, reads no clock, does no I/O except
// reading [Log], and is not safe for concurrent use. After any call, look at HasReady.
type Core struct {
	cfg     Config
	rand    *rand.Rand
	hist    history
	hard    hardState
	conf    membership
	role    Role
	leader  PeerID     // whom this server obeys; itself when Leading
	epoch   zxid.Epoch // of that leader
	commit  zxid.ID    // known to be committed; may be ahead of durable
	applied zxid.ID    // handed out in Ready.Committed
	now     int64      // ticks, own pauses left out
	elect   election
	pat     patience
	cand    *candidacy  // while asking for promises (Looking, or Leading during an epoch roll)
	lead    *leadership // while Leading
	follow  following   // while Following or Observing
	reads   forwardedReads
	compare comparison
	out     output
	bugs    bugs
}

// hardState is the HardState to be, and how much of it is on disk.
type hardState struct {
	HardState
	dirty   bool       // differs from what the last batch carried, in a way that must be written
	durable zxid.Epoch // the promise that is on disk
}

// New starts a core from what is durable. A server that is an ensemble of its own opens its epoch in
// its first Ready, and leads as soon as that batch is durable.
func New(cfg Config) (*Core, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	hist, err := newHistory(cfg.Log)
	if err != nil {
		return nil, err
	}
	c := &Core{cfg: cfg, rand: rand.New(cfg.Rand), hist: hist}
	c.hard.HardState = cfg.Log.HardState()
	c.hard.durable = c.hard.Promised
	if c.hard.Promised < hist.last.Epoch() {
		// An image or a log made by a restore tool carries no promise; its history is one.
		c.hard.Promised, c.hard.Vote = hist.last.Epoch(), 0
	}
	c.applied = cfg.Applied
	c.commit = max(c.hard.Commit, c.applied)
	if c.applied > hist.last || c.applied < hist.base || !hist.has(c.applied) {
		return nil, fmt.Errorf("zab: the state has applied %v, which the log (%v..%v) does not have; rebuild the state from a checkpoint",
			cfg.Applied, hist.base, hist.last)
	}
	if c.commit > hist.last {
		return nil, fmt.Errorf("zab: committed up to %v but the log ends at %v: acknowledged entries are missing; repair this log from a peer",
			c.commit, hist.last)
	}
	if c.conf, err = newMembership(cfg.Log, cfg.Ensemble); err != nil {
		return nil, err
	}
	c.out.ensemble, c.elect.connected = true, true
	c.out.soft = SoftState{Link: ^uint64(0)} // differs from anything: the first Ready tells
	c.lookAt(c.firstLook())
	if c.aloneIsEnough() {
		c.campaign()
	}
	return c, nil
}

func (cfg *Config) complete() error {
	if !cfg.ID.Valid() {
		return fmt.Errorf("zab: %d names no server", uint32(cfg.ID))
	}
	if cfg.Log == nil || cfg.Rand == nil {
		return errors.New("zab: Config needs a Log and a Rand")
	}
	if cfg.Generation > zxid.MaxGeneration {
		return fmt.Errorf("zab: generation %d is above %d", cfg.Generation, zxid.MaxGeneration)
	}
	t, l := &cfg.Timing, &cfg.Limits
	setDefault(&t.Heartbeat, 1)
	setDefault(&t.Election, 10)
	setDefault(&t.Found, 10*t.Election)
	setDefault(&t.Pause, max(1, t.Election/2))
	setDefault(&t.DiskStepDown, 2*t.Election)
	setDefault(&t.DiskFatal, 20*t.Election)
	setDefault(&l.BatchBytes, 1<<20)
	setDefault(&l.InflightBytes, 16<<20)
	setDefault(&l.ApplyBytes, 16<<20)
	setDefault(&l.TailBytes, 64<<20)
	setDefault(&l.PendingReads, 1<<16)
	setDefault(&l.SnapshotsAtOnce, 3)
	if l.LastCounter == 0 {
		l.LastCounter = zxid.MaxCounter
	}
	if t.Heartbeat < 0 || t.Election < 2*t.Heartbeat {
		return fmt.Errorf("zab: an election timeout of %d ticks must be at least two heartbeats of %d", t.Election, t.Heartbeat)
	}
	return nil
}

func setDefault(v *int, d int) {
	if *v == 0 {
		*v = d
	}
}

// Tick says that n >= 1 ticks really have passed since the last call. n above Timing.Pause is taken as a pause of this process:
// no timer of this server runs during it, and a leader proves its quorum anew before it counts as Confirmed.
func (c *Core) Tick(n int) {
	if c.out.fatal != nil || n <= 0 {
		return
	}
	if c.IsPause(n) {
		c.afterPause(n)
		n = 1
	}
	for range n {
		c.now++
		c.tickDisk()
		c.tickAsks()
		switch c.role {
		case Looking:
			c.tickLooking()
		case Leading:
			c.tickLeading()
		default:
			c.tickFollowing()
		}
	}
}

// IsPause says whether so many ticks at once are a pause of this process. Its Tick comes before what arrived meanwhile: a leader tells of it while it leads.
func (c *Core) IsPause(n int) bool { return n > c.cfg.Timing.Pause }

// afterPause: others may have moved on. What a leader hears from now on counts, what it heard before does not.
func (c *Core) afterPause(ticks int) {
	if c.role == Leading && c.lead != nil {
		c.lead.confirmed = false
		c.lead.round++
		c.lead.proveRound = c.lead.round
		c.lead.slept = ticks
		c.pingAll()
		c.lead.slept = 0
		c.checkRounds()
	}
}

// tickDisk watches the oldest batch in flight. Heartbeats do not wait for the disk, so that a stalled one must be found here.
func (c *Core) tickDisk() {
	if len(c.hist.batches) == 0 {
		return
	}
	late := int(c.now - c.hist.batches[0].at)
	t := c.cfg.Timing
	if t.DiskFatal >= 0 && late > t.DiskFatal {
		c.fail(fmt.Errorf("zab: the log has not finished a write for %d ticks: the disk is stuck; this server ends so that others can go on", late))
		return
	}
	if c.role == Leading && late > t.DiskStepDown {
		c.out.count.DiskSteps++
		c.becomeLooking("disk is late")
		c.lookAt(2 * t.Election)
	}
}

// fail ends this core: the next Ready says why, and nothing else happens any more.
func (c *Core) fail(err error) {
	if c.out.fatal == nil {
		c.out.fatal = err
	}
}

// Step takes a message of another server. An error says why the message is nonsense (drop the link); it changed nothing.
func (c *Core) Step(m Message) error {
	if c.out.fatal != nil {
		return nil
	}
	if err := m.valid(); err != nil {
		return err
	}
	if m.To != c.cfg.ID || m.From == c.cfg.ID {
		return fmt.Errorf("zab: %v from %d to %d arrived at %d", m.Type, m.From, m.To, c.cfg.ID)
	}
	switch m.Type {
	case MsgPreVote:
		c.onPreVote(&m)
	case MsgPreVoteResp:
		c.onPreVoteResp(&m)
	case MsgVote:
		c.onVote(&m)
	case MsgVoteResp:
		c.onVoteResp(&m)
	case MsgPull:
		c.onPull(&m)
	case MsgHistory:
		c.onHistory(&m)
	case MsgJoin:
		c.onJoin(&m)
	case MsgHigher:
		c.onHigher(&m)
	case MsgPong, MsgAck, MsgForward, MsgAsk, MsgReadIndex:
		c.stepLeader(&m)
	default:
		c.stepLearner(&m)
	}
	return nil
}

// stepLearner takes what only a leader says.
func (c *Core) stepLearner(m *Message) {
	if m.Type == MsgSnap && m.Flag {
		c.onPulledSnap(m)
		return
	}
	slept := int64(0)
	if m.Type == MsgPing {
		slept = sleptTicks(m)
		c.excuse(slept)
		c.heardAgain(m.From, m.Epoch, slept)
	}
	if m.Epoch < c.hard.Promised && !c.has(bugObeyOldEpoch) {
		if m.Type == MsgPing {
			c.sendDurable(Message{Type: MsgHigher, To: m.From, Epoch: m.Epoch, Seq: uint64(c.hard.Promised),
				Flag: c.role != Looking && c.epoch > m.Epoch})
		}
		return
	}
	if m.Type == MsgPing && (c.leader != m.From || c.epoch != m.Epoch) {
		c.becomeFollowing(m.From, m.Epoch, m.Prev.Epoch())
	}
	if c.leader != m.From || c.epoch != m.Epoch || c.role == Leading {
		return
	}
	if !m.Type.Bulk() { // what is in the slower lane may have waited there since its sender ended
		c.waited(c.now - c.follow.heard - slept)
		c.follow.heard, c.follow.doubt = c.now, 0
	}
	switch m.Type {
	case MsgPing:
		c.onPing(m)
	case MsgProposal:
		c.onProposal(m)
	case MsgCommit:
		c.learnCommit(m.Commit)
	case MsgSnap:
		c.onSnap(m)
	case MsgResign:
		c.becomeLooking("leader resigned")
		c.lookAt(1 + c.rand.IntN(3))
	case MsgTimeoutNow:
		c.onTimeoutNow()
	case MsgDiverged:
		c.onDiverged(m)
	case MsgRelink:
		if m.Link == c.follow.link {
			c.relink()
		}
	case MsgAnswer:
		c.answered(m.From, m.Ctx, m.Data)
	case MsgReadIndexResp:
		c.onReadIndexResp(m)
	}
}

// stepLeader takes what a learner says to its leader.
func (c *Core) stepLeader(m *Message) {
	if c.role != Leading {
		if m.Type == MsgPong {
			c.heardAgain(c.cfg.ID, m.Epoch, 0)
		}
		return
	}
	l := c.lead.learner(m.From)
	if l == nil {
		return
	}
	switch m.Type {
	case MsgForward:
		c.onForward(l, m)
		return
	case MsgAsk:
		c.onAsk(l, m)
		return
	}
	if m.Epoch != c.epoch {
		return
	}
	l.heard = c.now
	switch m.Type {
	case MsgPong:
		c.onPong(l, m)
	case MsgAck:
		c.onAck(l, m)
	case MsgReadIndex:
		c.onReadIndex(l, m)
	}
}

// send queues a message that may go at once.
func (c *Core) send(m Message) {
	m.From = c.cfg.ID
	c.out.msgs = append(c.out.msgs, m)
}

// sendDurable queues a message that may go when everything this core knows by now is durable.
func (c *Core) sendDurable(m Message) {
	m.From = c.cfg.ID
	c.out.after = append(c.out.after, m)
}

// quorum says whether these servers are enough, by every configuration in effect.
func (c *Core) quorum(ids *idSet) bool { return c.conf.quorum(ids, c.commit) }

// votes says whether id is a voter of a configuration in effect.
func (c *Core) votes(id PeerID) bool { return c.conf.votes(id, c.commit) }

// aloneIsEnough: an ensemble of one.
func (c *Core) aloneIsEnough() bool {
	var ids idSet
	ids.Add(uint32(c.cfg.ID))
	return c.quorum(&ids)
}
