package peer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Steps are what the three loops of a running peer do, as plain functions: they start no goroutine and wait for nothing but the log in
// [Steps.Append]. [Peer.Run] takes them from its loops. A simulator gets them from [Peer.ByHand] and takes them from one
// goroutine: the steps of the core (Turn, Tick and their parts), of the log (TakeBatches, Append, Written) and of the state machine
// (Apply) may be mixed as it likes, those of each of the three in turn.
type Steps struct {
	peer *Peer
	See  func(*zab.Ready) // sees each Ready before it is handed out, for checkers; nil: nobody looks
}

// ByHand opens a peer whose steps the caller takes himself, in the place of Run.
func (p *Peer) ByHand(env Environment) Steps {
	p.begin.Do(func() { p.open(env) })
	return Steps{peer: p}
}

// open lets the mailbox take everything, unless the peer has ended.
func (p *Peer) open(env Environment) {
	p.env = env
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	if p.box.refuse == ErrNotRunning {
		p.box.refuse = nil
	}
}

// Core is the peer's core, for a simulator that gives it orders; call [Steps.Drain] afterwards.
func (s Steps) Core() *zab.Core { return s.peer.core }

// Ended is why the peer has ended by itself, after a Fatal of the core or an error; nil while it runs.
func (s Steps) Ended() error {
	if s.peer.ended() == nil {
		return nil
	}
	return cmp.Or(s.peer.err, errStopped)
}

// Due says which of the loops have something to do.
func (s Steps) Due() (core, log, apply bool) {
	p := s.peer
	select {
	case <-p.box.wake:
		core = true
		p.box.wake <- struct{}{}
	default:
	}
	return core, !p.logQ.empty(), !p.applyQ.empty()
}

// waiting is what the core loop keeps of those who wait for the core.
type waiting struct {
	held  [][]byte // proposals that the core does not take at the moment
	why   error    // the last answer of the core to a proposal
	ctx   uint64   // the last number of a read or a question that was given out
	reads map[uint64]func(error)
	asks  map[uint64]func([]byte, error)
	blank bool // the operator was warned of an empty disk
}

// Turn gives the core everything that waits in the mailbox and deals with what comes of it. m is reused from turn to turn.
func (s Steps) Turn(m *Mail) {
	s.Take(m)
	s.Feed(m)
	s.Drain()
}

// Tick lets n ticks pass. What has arrived is heard before the time is counted in which it was not, unless the process was paused for that long; what
// is held is proposed behind it, before any read that waited with it is confirmed.
func (s Steps) Tick(m *Mail, n int) {
	s.Take(m)
	if s.peer.core.IsPause(n) {
		s.peer.core.Tick(n)
		n = 0
	}
	s.Feed(m)
	if n > 0 {
		s.peer.core.Tick(n)
		s.peer.propose()
	}
	s.Drain()
}

// Take empties the mailbox into m.
func (s Steps) Take(m *Mail) {
	select {
	case <-s.peer.box.wake:
	default:
	}
	s.peer.box.take(m)
}

// Feed gives one mailful to the core: completions first, since they set free what waits; proposals before calls, since a read or a question
// that was asked after a proposal must not be answered without it.
func (s Steps) Feed(m *Mail) {
	p := s.peer
	if m.Persisted > 0 {
		p.core.Persisted(m.Persisted)
	}
	if m.Applied > 0 {
		p.core.Applied(m.Applied)
	}
	for i := range m.Messages {
		if err := p.core.Step(m.Messages[i]); err != nil {
			p.cfg.Logger.Warn("a peer's message was refused", "from", m.Messages[i].From, "err", err)
		}
	}
	p.waiting.held = append(p.waiting.held, m.Proposals...)
	p.propose()
	for _, call := range m.Calls {
		call(p.ended())
	}
}

// pieceBytes is how much is proposed at once, as long as it is more than one proposal: a piece that travels to the leader is one message.
const pieceBytes = 1 << 20

// piece is how many of the payloads are proposed at once.
func piece(held [][]byte, most int) int {
	n, bytes := 0, 0
	for n < len(held) && n < most {
		if bytes += len(held[n]); n > 0 && bytes > pieceBytes {
			break
		}
		n++
	}
	return n
}

// propose hands the held payloads to the core, on the leader, or through it to the leader: in pieces that fit into a message, and into an
// epoch, since the core refuses more than an epoch has numbers for.
func (p *Peer) propose() {
	w := &p.waiting
	most := int(cmp.Or(p.cfg.Core.Limits.LastCounter, zxid.MaxCounter))
	for len(w.held) > 0 {
		n := piece(w.held, most)
		_, err := p.core.Propose(p.cfg.Clock.Now().UnixMilli(), w.held[:n:n])
		if errors.Is(err, zab.ErrNotLeader) {
			err = p.core.Forward(w.held[:n:n])
		}
		if w.why = err; errors.Is(err, zab.ErrBusy) {
			return // held until the next turn
		}
		if err != nil { // no leader: SoftState.Link tells the owner that these are in doubt
			p.cfg.Logger.Debug("proposals dropped", "count", n, "err", err)
		}
		w.held = w.held[n:]
	}
	w.held = nil
}

// Held says how many proposals wait for the core, and why.
func (s Steps) Held() (int, error) { return len(s.peer.waiting.held), s.peer.waiting.why }

// Drain deals with every Ready there is. A Fatal ends the peer.
func (s Steps) Drain() {
	p := s.peer
	for p.core.HasReady() {
		rd := p.core.Ready()
		if rd.Fatal != nil {
			p.end(fmt.Errorf("peer: %w", rd.Fatal))
			return
		}
		if s.See != nil {
			s.See(&rd)
		}
		s.Hand(&rd)
		p.core.Advance()
	}
}

// Hand distributes one Ready in the order of its contract.
func (s Steps) Hand(rd *zab.Ready) { rd.Hand(owner{s.peer}) }

// refuseAll answers what still waits for the core when the core loop ends.
func (p *Peer) refuseAll() {
	if p.ticker != nil {
		p.ticker.Stop()
	}
	for _, call := range p.box.close() {
		call(errStopped)
	}
	for _, done := range p.waiting.reads {
		done(errStopped)
	}
	for _, done := range p.waiting.asks {
		done(nil, errStopped)
	}
}

// logJob is one batch for the log, and what may be said once it is durable.
type logJob struct {
	persist *zab.Persist
	after   []zab.Message
}

// Batches are what the log makes durable in one go.
type Batches struct {
	jobs    []logJob
	persist []zab.Persist
}

func (b *Batches) fill(jobs []logJob) {
	b.jobs, b.persist = jobs, b.persist[:0]
	for i := range jobs {
		b.persist = append(b.persist, *jobs[i].persist)
	}
}

// TakeBatches takes everything that waits for the log; false if nothing does.
func (s Steps) TakeBatches(b *Batches) bool {
	b.fill(s.peer.logQ.takeAll(b.jobs))
	return len(b.jobs) > 0
}

// Append makes the batches durable. It waits for the disk. An error is final.
func (s Steps) Append(b *Batches) error {
	if err := s.peer.cfg.Log.Append(b.persist...); err != nil {
		return fmt.Errorf("peer: the log cannot be written, and what is in doubt is never retried: %w", err)
	}
	return nil
}

// Written goes on with what had to wait for the batches, which are durable by now: it says what may be said, lets the state machine
// install the images that the log names, and then tells the core. Entries behind an image must find it in the queue before them, and the core
// hands them out only after it was told.
func (s Steps) Written(b *Batches) {
	s.SendAfter(b)
	s.QueueInstalls(b)
	s.ReportDurable(b)
}

// SendAfter is the first part of [Steps.Written].
func (s Steps) SendAfter(b *Batches) {
	for i := range b.jobs {
		s.peer.send(b.jobs[i].after)
	}
}

// QueueInstalls is the second part of [Steps.Written]. The log names the image by now: a crash from here on finds it by the log's base.
func (s Steps) QueueInstalls(b *Batches) {
	for i := range b.persist {
		if sn := b.persist[i].Snapshot; sn != nil {
			s.peer.applyQ.push(applyJob{install: sn})
		}
	}
}

// ReportDurable is the last part of [Steps.Written].
func (s Steps) ReportDurable(b *Batches) {
	box, seq := &s.peer.box, b.persist[len(b.persist)-1].Seq
	box.put(func() { box.mail.Persisted = seq })
}

func (p *Peer) send(msgs []zab.Message) {
	if p.env.Transport == nil {
		return
	}
	for i := range msgs {
		p.env.Transport.Send(&msgs[i])
	}
}

// applyJob is one thing for the state machine. Exactly one group of fields is set.
type applyJob struct {
	entries  []zab.Entry
	soft     *zab.SoftState
	delivery *zab.Delivery
	install  *zab.Snapshot
	read     func(error) // with readAt or readErr
	readAt   zxid.ID
	readErr  error
}

// applier is what the apply loop keeps.
type applier struct {
	jobs       []applyJob // the round that is under way
	waiting    []applyJob // reads whose zxid is not applied yet
	applied    zxid.ID
	unreported int // bytes that were applied since the core heard of it last
	failed     bool
}

// Apply gives the state machine everything that waits for it.
func (s Steps) Apply() {
	a := &s.peer.applier
	a.jobs = s.peer.applyQ.takeAll(a.jobs)
	s.peer.apply()
}

// apply is one round of the apply loop: everything in the order of the core, and then the reads that have waited for it. After a failure it
// only answers reads.
func (p *Peer) apply() {
	a := &p.applier
	for i := range a.jobs {
		if a.failed {
			refuse(a.jobs[i:])
			return
		}
		switch j := &a.jobs[i]; {
		case j.entries != nil:
			p.env.Machine.Apply(j.entries)
			a.applied = j.entries[len(j.entries)-1].Zxid
			for i := range j.entries {
				a.unreported += len(j.entries[i].Data) + entryOverhead
			}
			p.reportApplied()
		case j.soft != nil:
			p.env.Machine.SoftStateChanged(*j.soft)
		case j.delivery != nil:
			p.delivering.Add(-int64(len(j.delivery.Data)) - entryOverhead)
			p.env.Machine.Deliver(*j.delivery)
		case j.install != nil:
			if err := p.install(j.install); err != nil {
				a.failed = true
				p.end(err)
				refuse(a.waiting)
				a.waiting = nil
				continue
			}
			a.applied = j.install.Zxid
		case j.readErr != nil || j.readAt <= a.applied:
			j.read(j.readErr)
		default:
			a.waiting = append(a.waiting, *j)
		}
	}
	a.waiting = answerReached(a.waiting, a.applied)
}

// entryOverhead is what an entry costs in memory besides its data.
const entryOverhead = 64

// reportApplied tells the core how far the state machine is, as often as the core has to know (see [zab.Core.Applied]).
func (p *Peer) reportApplied() {
	a := &p.applier
	if a.unreported < cmp.Or(p.cfg.Core.Limits.ApplyBytes, 16<<20)/4 {
		return
	}
	a.unreported = 0
	p.box.put(func() { p.box.mail.Applied = a.applied })
}

// install makes a staged image the state.
func (p *Peer) install(s *zab.Snapshot) error {
	if p.env.Images == nil {
		return fmt.Errorf("peer: an image at %v arrived and nobody can install it", s.Zxid)
	}
	if err := p.env.Images.Install(*s); err != nil {
		return fmt.Errorf("peer: install the image at %v of server %d: %w", s.Zxid, s.From, err)
	}
	return nil
}

// refuse answers reads that will not be reached any more.
func refuse(jobs []applyJob) {
	for _, j := range jobs {
		if j.read != nil {
			j.read(cmp.Or(j.readErr, errStopped))
		}
	}
}

// answerReached answers the reads whose zxid is applied and keeps the others.
func answerReached(waiting []applyJob, applied zxid.ID) []applyJob {
	return slices.DeleteFunc(waiting, func(j applyJob) bool {
		if j.readAt > applied {
			return false
		}
		j.read(nil)
		return true
	})
}
