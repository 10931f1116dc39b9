package peer

import "time"

// coreLoop owns the core. It never waits for a disk or a socket.
func (p *Peer) coreLoop() {
	defer p.refuseAll()
	s := Steps{peer: p}
	last := p.cfg.Clock.Now()
	passed := func() int { // ticks since the last time
		n := int(p.cfg.Clock.Now().Sub(last) / p.cfg.TickEvery)
		return max(n, 0)
	}
	tick := func(m *Mail, n int) {
		last = last.Add(time.Duration(n) * p.cfg.TickEvery)
		s.Tick(m, n)
	}
	var m Mail
	s.Drain()
	for {
		select {
		case <-p.stop:
			return
		case <-p.cfg.Clock.Tick:
			tick(&m, passed())
		case <-p.box.wake:
			if n := passed(); p.core.IsPause(n) { // what arrived meanwhile woke this goroutine before the ticker did
				tick(&m, n)
				continue
			}
			s.Turn(&m)
		}
	}
}

// logLoop makes batches durable: all that waits goes under one sync.
func (p *Peer) logLoop() {
	s := Steps{peer: p}
	var b Batches
	for {
		jobs, ok := p.logQ.popAll(b.jobs)
		if !ok {
			return
		}
		b.fill(jobs)
		if err := s.Append(&b); err != nil {
			p.end(err)
			return
		}
		s.Written(&b)
	}
}

// applyLoop gives the state machine everything in the order of the core.
func (p *Peer) applyLoop() {
	a := &p.applier
	for {
		jobs, ok := p.applyQ.popAll(a.jobs)
		if !ok {
			refuse(a.waiting)
			return
		}
		a.jobs = jobs
		p.apply()
	}
}
