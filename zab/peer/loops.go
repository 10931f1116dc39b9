package peer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// logJob is one batch for the log, and what may be said once it is durable.
type logJob struct {
	persist *zab.Persist
	after   []zab.Message
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

// coreLoop owns the core. It never waits for a disk or a socket.
func (p *Peer) coreLoop() {
	defer p.closeCore()
	last := p.cfg.Clock.Now()
	var m mail
	p.drain()
	for {
		select {
		case <-p.stop:
			return
		case <-p.cfg.Clock.Tick:
			p.box.take(&m) // what has arrived is heard before the time is counted in which it was not
			p.turn(&m)
			now := p.cfg.Clock.Now()
			if n := int(now.Sub(last) / p.cfg.TickEvery); n > 0 {
				last = last.Add(time.Duration(n) * p.cfg.TickEvery)
				p.core.Tick(n)
			}
		case <-p.box.wake:
		}
		p.box.take(&m)
		p.turn(&m)
		p.drain()
	}
}

// turn feeds one mailful to the core: completions first, since they set free what waits; proposals before calls, since a read that was asked
// for after a proposal must not be answered without it.
func (p *Peer) turn(m *mail) {
	if m.persisted > 0 {
		p.core.Persisted(m.persisted)
	}
	for i := range m.messages {
		if err := p.core.Step(m.messages[i]); err != nil {
			p.cfg.Logger.Warn("a peer's message was refused", "from", m.messages[i].From, "err", err)
		}
	}
	p.held = append(p.held, m.proposals...)
	p.propose()
	for _, call := range m.calls {
		call()
	}
}

// propose hands the held payloads to the core, on the leader, or through it to the leader.
func (p *Peer) propose() {
	if len(p.held) == 0 {
		return
	}
	_, err := p.core.Propose(p.cfg.Clock.Now().UnixMilli(), p.held)
	if errors.Is(err, zab.ErrNotLeader) {
		err = p.core.Forward(p.held)
	}
	switch {
	case errors.Is(err, zab.ErrBusy), errors.Is(err, zab.ErrLimit):
		return // held until the next turn
	case err != nil: // no leader: SoftState.Link tells the owner that these are in doubt
		p.cfg.Logger.Debug("proposals dropped", "count", len(p.held), "err", err)
	}
	p.held = nil
}

// drain deals with every Ready there is.
func (p *Peer) drain() {
	for p.core.HasReady() {
		rd := p.core.Ready()
		if rd.Fatal != nil {
			p.end(fmt.Errorf("peer: %w", rd.Fatal))
			return
		}
		p.hand(&rd)
		p.core.Advance()
	}
}

// hand distributes one Ready in the order of its contract.
func (p *Peer) hand(rd *zab.Ready) {
	if rd.Persist != nil {
		p.logQ.push(logJob{rd.Persist, rd.After})
	} else if len(rd.After) > 0 {
		panic("peer: messages that wait for a batch which does not exist")
	}
	if rd.Ensemble != nil && p.cfg.Transport != nil {
		p.cfg.Transport.EnsembleChanged(*rd.Ensemble)
	}
	p.send(rd.Messages)
	if len(rd.Committed) > 0 {
		p.applyQ.push(applyJob{entries: slices.Clone(rd.Committed)})
	}
	if rd.Soft != nil { // behind what is committed: a change of the link says that what was not seen by now is in doubt
		soft := *rd.Soft
		p.soft.Store(&soft)
		p.applyQ.push(applyJob{soft: &soft})
	}
	for _, r := range rd.Reads {
		if done := p.reads[r.Ctx]; done != nil {
			delete(p.reads, r.Ctx)
			if !p.applyQ.push(applyJob{read: done, readAt: r.Zxid, readErr: r.Err}) {
				done(errStopped)
			}
		}
	}
	for _, s := range rd.SnapSends {
		p.ship(s)
	}
	if rd.Blank && !p.blank {
		p.blank = true
		p.cfg.Logger.Warn("this server's disk is empty or half filled and others have a history: its vote counts little until a leader has filled it, since it may " +
			"have lost what it acknowledged. If no leader comes, start the other servers. If they are gone for good, and this one has never held anything, " +
			"make an empty file named initialize in its data folder and start it again")
	}
	for i := range rd.Inbox {
		p.deliver(&rd.Inbox[i])
	}
	for _, d := range rd.Mismatch {
		p.cfg.Logger.Error("two servers applied the same history and hold different states; stop one of them and keep its data folder as evidence",
			"peer", d.Peer, "zxid", d.Zxid, "mine", d.Mine, "theirs", d.Theirs)
	}
}

// deliver routes an opaque payload: forwards are proposed, answers go to who asked, the rest to the state machine.
func (p *Peer) deliver(d *zab.Delivery) {
	switch d.Kind {
	case zab.DeliverForward:
		payloads := slices.Clone(d.Payloads)
		p.cfg.Machine.Vet(d.From, payloads)
		p.held = append(p.held, payloads...)
		p.propose()
	case zab.DeliverAnswer:
		if done := p.asks[d.Ctx]; done != nil {
			delete(p.asks, d.Ctx)
			done(d.Data, nil)
		}
	default:
		c := *d
		p.applyQ.push(applyJob{delivery: &c})
	}
}

func (p *Peer) send(msgs []zab.Message) {
	if p.cfg.Transport == nil {
		return
	}
	for i := range msgs {
		p.cfg.Transport.Send(&msgs[i])
	}
}

// closeCore answers what still waits when the core loop ends.
func (p *Peer) closeCore() {
	if p.ticker != nil {
		p.ticker.Stop()
	}
	p.box.mu.Lock()
	p.box.closed = true
	calls := p.box.calls
	p.box.calls = nil
	p.box.mu.Unlock()
	for _, call := range calls {
		call()
	}
	for _, done := range p.reads {
		done(errStopped)
	}
	for _, done := range p.asks {
		done(nil, errStopped)
	}
}

// logLoop makes batches durable: all that waits goes under one sync.
func (p *Peer) logLoop() {
	var jobs []logJob
	var batches []zab.Persist
	for {
		var ok bool
		if jobs, ok = p.logQ.popAll(jobs); !ok {
			return
		}
		batches = batches[:0]
		for i := range jobs {
			batches = append(batches, *jobs[i].persist)
		}
		if err := p.cfg.Log.Append(batches...); err != nil {
			p.end(fmt.Errorf("peer: the log cannot be written, and what is in doubt is never retried: %w", err))
			return
		}
		for i := range jobs {
			p.send(jobs[i].after)
			if s := jobs[i].persist.Snapshot; s != nil { // the log says so: a crash from here on finds the staged image by its base
				p.applyQ.push(applyJob{install: s})
			}
		}
		seq := batches[len(batches)-1].Seq
		p.box.put(func() { p.box.persisted = seq })
	}
}

// applyLoop gives the state machine everything in the order of the core.
func (p *Peer) applyLoop() {
	var jobs []applyJob
	var waiting []applyJob // reads whose zxid is not applied yet
	applied := p.cfg.Core.Applied
	for {
		var ok bool
		if jobs, ok = p.applyQ.popAll(jobs); !ok {
			refuse(waiting)
			return
		}
		for i := range jobs {
			switch j := &jobs[i]; {
			case j.entries != nil:
				p.cfg.Machine.Apply(j.entries)
				applied = j.entries[len(j.entries)-1].Zxid
			case j.soft != nil:
				p.cfg.Machine.SoftStateChanged(*j.soft)
			case j.delivery != nil:
				p.cfg.Machine.Deliver(*j.delivery)
			case j.install != nil:
				if err := p.install(j.install); err != nil {
					p.end(err)
					refuse(waiting, jobs[i:])
					p.refuseRest()
					return
				}
				applied = j.install.Zxid
			case j.readErr != nil || j.readAt <= applied:
				j.read(j.readErr)
			default:
				waiting = append(waiting, *j)
			}
		}
		waiting = answerReached(waiting, applied)
	}
}

// refuse answers reads that will not be reached any more.
func refuse(lists ...[]applyJob) {
	for _, jobs := range lists {
		for _, j := range jobs {
			if j.read != nil {
				j.read(cmp.Or(j.readErr, errStopped))
			}
		}
	}
}

// refuseRest answers the reads that were queued before the queue was closed, and does nothing else.
func (p *Peer) refuseRest() {
	for {
		jobs, ok := p.applyQ.popAll(nil)
		if !ok {
			return
		}
		refuse(jobs)
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
