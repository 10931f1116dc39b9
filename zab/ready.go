package zab

import (
	"fmt"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// HardState is what a server must remember besides its history. It is stored in the same stream as the history, so that a
// promise, a vote and the entries around them can never be torn apart by a crash.
type HardState struct {
	Promised zxid.Epoch // no leader of a lower epoch is ever obeyed again (ZAB paper: acceptedEpoch, f.p)
	Vote     PeerID     // the only server that may lead Promised as far as this one is concerned; 0 is none
	Commit   zxid.ID    // a zxid known to be committed: a hint, written along with something else, except after a reconfig
	// Fill is how far the history must reach again before this server has a vote: it began with an empty disk beside a leader, and perhaps
	// had lost another. 0 if it never did, or began as a founder.
	Fill zxid.ID
	// File tells which configuration file this server had when it learned of the newest committed ensemble; 0 if it had none, or learned of no ensemble.
	File uint64
}

// SnapshotMeta says what an exact image of the applied state stands for.
type SnapshotMeta struct {
	Zxid     zxid.ID  // the image holds every transaction up to this one and none after it
	Ensemble Ensemble // the last one that an entry at or before Zxid made; its zero value says "as configured at bootstrap"
}

// Log is the read side of the durable history. The core calls it from the goroutine that owns the core, and asks only for
// what it knows to be durable; an implementation must allow this while later batches are being written. It must show the
// effect of a [Persist] no later than the call of [Core.Persisted] for it.
type Log interface {
	// Base is where the retained history begins: entries up to and including Base().Zxid exist in an image only.
	// A log that never was compacted has the zero Base.
	Base() SnapshotMeta
	// Last is the zxid of the last durable entry, or Base().Zxid if there is none after it.
	Last() zxid.ID
	// Floor is the greatest zxid of the history that is <= z (Base().Zxid counts as one), or 0 if there is none.
	// Floor(z) == z therefore says "I have z".
	Floor(z zxid.ID) zxid.ID
	// Entries returns the entries after the given zxid in order: at least one if there is one, then as many as fit in
	// maxBytes of data. `after` is in the history. [ErrCompacted] if it is below Base.
	Entries(after zxid.ID, maxBytes int) ([]Entry, error)
	// Reconfigs returns all retained entries that make an ensemble ([Entry.Ensemble]), in order. The log has seen them when it was opened.
	Reconfigs() []Entry
	// HardState is the last durable one, or the zero value.
	HardState() HardState
}

// Persist is one batch for the log. Its parts take effect in the order of the fields. Batches are made durable in the order of
// Seq; several may be in flight, and the log may join them under one sync. An empty batch (nothing but Seq) is done as soon
// as all batches before it are. Nothing in it changes after it was handed out: it may be read from another goroutine.
type Persist struct {
	Seq       uint64
	HardState *HardState // replaces the stored one
	// Snapshot: the image that was staged for (From, Zxid) becomes the state, and the log becomes empty with this base. Atomically.
	Snapshot *Snapshot
	// Truncate: every entry after *Truncate is dropped. The core never truncates what it knows to be committed.
	Truncate *zxid.ID
	Entries  []Entry // appended; Entries[0].Prev is the last zxid of the log at this point
}

// Snapshot names an image which the shell has received and verified completely.
type Snapshot struct {
	From PeerID
	SnapshotMeta
}

// Ready is what the owner of a core has to do now. Slices other than those inside Persist and Entry values are valid until
// [Core.Advance]; Entry values and their Data are immutable forever.
//
// The one durability contract, in the order of work, which [Ready.Hand] keeps:
//
//  1. hand Persist to the log (its completion comes later: send After, then call [Core.Persisted] with its Seq);
//  2. tell the network about Ensemble, then send Messages, in order;
//  3. apply Committed, in order (all of it is durable on this server already);
//  4. tell others about Soft, answer Reads once the state has reached their zxid, start SnapSends, look at Inbox;
//  5. call [Core.Advance].
//
// If Fatal is set the process must end: print it, exit, never continue. If the log returns an error for a batch the process
// must end as well; a failed write or sync is never retried.
type Ready struct {
	Soft      *SoftState      // set if it changed
	Ensemble  *EnsembleChange // set if membership changed: dial and accept accordingly
	Persist   *Persist        // nil if there is nothing to write
	Messages  []Message       // may go at once
	After     []Message       // may go only when Persist.Seq is durable; owned by the receiver (not recycled by Advance)
	Committed []Entry         // durable here and committed by a quorum; every kind of entry, in zxid order, each exactly once per life
	Reads     []ReadState
	SnapSends []SnapSend
	Inbox     []Delivery // opaque payloads of peers for the shell
	Mismatch  []DigestMismatch
	Blank     bool // a vote was given that may not count, because this disk is blank and others hold a history: an operator should know
	Fatal     error
}

// Role is what a server is at the moment.
type Role uint8

const (
	// Looking has no leader (ZooKeeper: LOOKING); this covers pre-vote, vote and the discovery phase of a prospective leader.
	Looking Role = iota
	// Following obeys a leader and has a vote in the ensemble.
	Following
	// Leading has a quorum of promises and has opened an epoch.
	Leading
	// Observing obeys a leader and has no vote: an observer, a joiner, or a removed server.
	Observing
)

// SoftState is volatile: who leads, and whether clients can be served.
type SoftState struct {
	Role   Role
	Leader PeerID     // 0 while unknown
	Epoch  zxid.Epoch // of that leader; 0 while Looking
	// Active: NEWLEADER of this epoch is committed and durable here (ZooKeeper: UPTODATE). Only then clients are served,
	// and only then Propose or Forward work.
	Active bool
	// Confirmed is false on a leader from the moment it finds that it was paused until a quorum has answered again. While
	// it is false the leader must expire nobody. Always true on other servers that are Active.
	Confirmed bool
	// Link changes whenever the way of forwarded requests may have lost something (new leader, gap found, rejoin):
	// requests forwarded under an older Link and not yet seen in Committed have an unknown outcome.
	Link uint64
}

// EnsembleChange is the membership as this server knows it.
type EnsembleChange struct {
	Committed Ensemble  // in effect
	Proposed  *Ensemble // in the history and not known to be committed; its members must be reachable too
}

// ReadState answers one [Core.ReadIndex]. Each ctx is answered exactly once.
type ReadState struct {
	Ctx  uint64
	Zxid zxid.ID // a read of a state that has reached Zxid is linearizable; meaningless if Err is set
	Err  error   // [ErrReadLost]: leadership changed or a message was lost; try again with a new ctx
}

// SnapSend asks the shell to ship an image of the applied state to a peer. The shell takes an exact image at some zxid >= Min,
// asks [Core.SnapshotMeta] for its meta at that moment, streams the image and then delivers [MsgSnap] (see
// [Core.SnapMessage]) at the receiver's core when it is complete and verified there. It reports the end, good or bad, with
// [Core.ReportSnapshot].
type SnapSend struct {
	To    PeerID
	Epoch zxid.Epoch
	Min   zxid.ID
	Pull  bool // for a prospective leader that fetches our history in discovery
}

// DeliveryKind says what an opaque payload is.
type DeliveryKind uint8

const (
	// DeliverForward is a batch of proposals that a follower took from its clients: propose them in this order, all of them.
	// If [Core.Propose] says [ErrBusy], hold them and try again.
	DeliverForward DeliveryKind = iota + 1
	// DeliverAsk is a question of a follower; answer it with [Core.Answer].
	DeliverAsk
	// DeliverAnswer is the end of a [Core.Ask]: the leader's answer, or Err.
	DeliverAnswer
	// DeliverTouch is the touch payload of a follower (see [Core.Touch]).
	DeliverTouch
)

// Delivery is an opaque payload from another server's shell.
type Delivery struct {
	Kind     DeliveryKind
	From     PeerID
	Ctx      uint64   // of an ask or an answer
	Data     []byte   // of an ask, an answer or a touch
	Payloads [][]byte // of a forward
	Err      error    // of an answer that will not come
}

// output collects what the next Ready hands out.
type output struct {
	msgs      []Message
	spare     []Message // recycled by Advance
	after     []Message
	reads     []ReadState
	snaps     []SnapSend
	inbox     []Delivery
	mismatch  []DigestMismatch
	applying  inflights // handed out in Committed and not applied yet
	soft      SoftState // as last handed out
	ensemble  bool      // membership changed
	taken     bool      // a Ready is out and not advanced
	fatal     error
	fatalSent bool // fatal was handed out
	blank     bool // a vote of this server may not count, because its disk is blank
	why       string
	count     Counters
}

// prepare lets the role produce what it owes: batches are formed here, not where each event happens.
func (c *Core) prepare() {
	switch c.role {
	case Leading:
		c.flushReads()
		c.flushLearners()
		if c.lead.transferTo != 0 {
			c.flushTransfer()
		}
	case Following, Observing:
		if c.follow.matched > 0 && !c.follow.active {
			c.learnCommit(0)
		}
	}
	h := min(c.commit, c.hist.durable)
	c.noteFile(h)
	if h > c.hard.Commit {
		if v := c.conf.latest().Version; c.hard.Commit < v && v <= h {
			c.hard.dirty = true // which ensemble elects must be known after a crash without asking the old one
		}
		c.hard.Commit = h
	}
}

// HasReady says whether Ready would return anything.
func (c *Core) HasReady() bool {
	if c.out.taken {
		return false
	}
	if c.out.fatal != nil {
		return !c.out.fatalSent
	}
	c.prepare()
	o := &c.out
	return len(o.msgs)+len(o.after)+len(o.reads)+len(o.snaps)+len(o.inbox)+len(o.mismatch) > 0 || o.ensemble ||
		c.hist.dirty() || c.hard.dirty || c.softState() != o.soft || c.applied < min(c.commit, c.hist.durable) && !c.applyFull() || c.ackDue(c.hist.durable) > 0
}

// Ready hands out the work (see [Ready]); call Advance before the next Ready.
func (c *Core) Ready() Ready {
	if c.out.taken {
		panic("zab: Ready before Advance")
	}
	o := &c.out
	o.taken = true
	if o.fatal != nil {
		o.fatalSent = true
		return Ready{Fatal: o.fatal}
	}
	c.prepare()
	var r Ready
	r.Persist = c.takePersist()
	c.takeAck(r.Persist)
	if r.Persist == nil && len(o.after) > 0 {
		if len(c.hist.batches) > 0 {
			r.Persist = c.hist.take(c.now, nil) // wait for what is in flight
		} else {
			o.msgs = append(o.msgs, o.after...)
			o.after = nil
		}
	}
	r.Messages, r.After, o.after = o.msgs, o.after, nil
	r.Reads, r.SnapSends, r.Inbox, r.Mismatch = o.reads, o.snaps, o.inbox, o.mismatch
	o.msgs, o.spare = o.spare[:0], o.msgs
	o.reads, o.snaps, o.inbox, o.mismatch = nil, nil, nil, nil
	r.Committed = c.takeCommitted()
	if s := c.softState(); s != o.soft {
		o.soft = s
		r.Soft = &s
	}
	if o.ensemble {
		ch := c.conf.change(c.commit)
		r.Ensemble, o.ensemble = &ch, false
	}
	r.Blank, o.blank = o.blank, false
	if o.fatal != nil {
		r.Fatal, o.fatalSent = o.fatal, true
	}
	return r
}

func (c *Core) takePersist() *Persist {
	if !c.hist.dirty() && !c.hard.dirty {
		return nil
	}
	hs := c.hard.HardState
	if c.has(bugVoteNotPersisted) || c.has(bugReuseEpoch) && hs.Vote == c.cfg.ID {
		c.hard.durable = c.hard.Promised // so it believes
		hs.Promised, hs.Vote = c.cfg.Log.HardState().Promised, c.cfg.Log.HardState().Vote
	}
	c.hard.dirty = false
	return c.hist.take(c.now, &hs)
}

// ackDue is the zxid that a follower may acknowledge when everything up to durable is; 0 if there is nothing new to say.
func (c *Core) ackDue(durable zxid.ID) zxid.ID {
	f := &c.follow
	if c.role != Following && c.role != Observing {
		return 0
	}
	if z := min(f.matched, durable); z > f.acked || f.again && z > 0 {
		return z
	}
	return 0
}

// takeAck makes the cumulative ack: with the batch that makes it true, or at once if it is true already.
func (c *Core) takeAck(p *Persist) {
	durable := c.hist.durable
	if p != nil {
		durable = c.hist.last
	}
	if c.has(bugAckBeforeDurable) || c.has(bugAckSyncEarly) && c.follow.matched.Counter() == 0 {
		durable, p = c.hist.last, nil
	}
	z := c.ackDue(durable)
	if z == 0 {
		return
	}
	c.follow.acked, c.follow.again = z, false
	m := Message{Type: MsgAck, To: c.leader, Epoch: c.epoch, Zxid: z, Flag: c.applyFull()}
	if p == nil && c.hard.durable >= c.epoch {
		c.send(m)
		return
	}
	c.sendDurable(m)
}

func (c *Core) takeCommitted() []Entry {
	to := min(c.commit, c.hist.durable)
	if c.applied >= to || c.applyFull() {
		return nil
	}
	es, err := c.hist.entries(c.applied, c.cfg.Limits.BatchBytes)
	if err != nil || len(es) == 0 {
		c.fail(fmt.Errorf("zab: committed entries after %v cannot be read from the log: %w", c.applied, err))
		return nil
	}
	n := len(es)
	for es[n-1].Zxid > to {
		n--
		if n == 0 {
			panic(fmt.Sprintf("zab: no entry between %v and the committed %v", c.applied, to))
		}
	}
	c.applied = es[n-1].Zxid
	c.out.applying.add(c.applied, bytesOf(es[:n]))
	return es[:n:n]
}

func (c *Core) softState() SoftState {
	if c.role == Leading && c.hard.durable < c.epoch {
		// Nobody, not even our own clients, hears of an epoch whose promise a crash could still take back.
		if c.lead.first < c.epoch {
			return c.out.soft // a roll of an ensemble of one
		}
		return SoftState{}
	}
	s := SoftState{Role: c.role, Leader: c.leader, Epoch: c.epoch}
	switch c.role {
	case Leading:
		s.Active, s.Confirmed = c.lead.active, c.lead.confirmed
	case Following, Observing:
		s.Active, s.Confirmed, s.Link = c.follow.active, c.follow.active, c.follow.link
	}
	return s
}

// Advance says that the last Ready was dealt with: its Persist is queued, Messages are sent or dropped, Committed is applied or
// queued in order.
func (c *Core) Advance() {
	if !c.out.taken {
		panic("zab: Advance without Ready")
	}
	c.out.taken = false
	clear(c.out.spare[:cap(c.out.spare)])
	c.out.spare = c.out.spare[:0]
	c.hist.trim(c.cfg.Limits.TailBytes)
}

// Persisted says that all batches up to and including seq are durable.
func (c *Core) Persisted(seq uint64) {
	c.hard.durable = max(c.hard.durable, c.hist.persisted(seq))
	if c.role == Leading {
		c.maybeCommit()
	}
}
