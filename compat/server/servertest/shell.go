package servertest

import (
	"errors"
	"slices"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// shell is what zab/peer is to a real server: the mailbox of the core, the queue of the applier, and who waits for what.
type shell struct {
	mail    mail
	woken   bool // a turn of the core is on its way
	held    [][]byte
	why     error // they are held
	ctx     uint64
	reads   map[uint64]func(error)
	asks    map[uint64]func([]byte, error)
	jobs    []job
	lagging bool // a round of the applier is on its way
	waiting []job
}

// mail is what waits for the core's next turn, in the order in which the core looks at it.
type mail struct {
	persisted uint64
	messages  []zab.Message
	calls     []func()
	proposals [][]byte
}

// job is one thing for the applier. Exactly one group of fields is set.
type job struct {
	entries  []zab.Entry
	soft     *zab.SoftState
	delivery *zab.Delivery
	install  *zab.Snapshot
	read     func(error) // with at or err
	at       zxid.ID
	err      error
}

func newShell() shell {
	return shell{reads: map[uint64]func(error){}, asks: map[uint64]func([]byte, error){}}
}

// wake lets the core have its turn soon.
func (n *simNode) wake() {
	if !n.shell.woken {
		n.shell.woken = true
		n.schedule(n.sim.soon(), n.turn)
	}
}

// turn feeds the mail to the core: completions first.
func (n *simNode) turn() {
	sh := &n.shell
	sh.woken = false
	m := sh.mail
	sh.mail = mail{}
	if m.persisted > 0 {
		n.core.Persisted(m.persisted)
	}
	for i := range m.messages {
		if err := n.core.Step(m.messages[i]); err != nil {
			n.sim.violate("server %d refuses %v: %v", n.id, m.messages[i], err)
		}
	}
	for _, call := range m.calls {
		call()
	}
	sh.held = append(sh.held, m.proposals...)
	n.propose()
	n.work()
}

// propose hands the held payloads to the core, in pieces that fit in an epoch however short the run makes epochs.
func (n *simNode) propose() {
	sh := &n.shell
	most := 1000
	if last := n.sim.opt.Core.Limits.LastCounter; last > 0 {
		most = int(last)
	}
	for len(sh.held) > 0 {
		piece := sh.held[:min(most, len(sh.held))]
		_, err := n.core.Propose(n.wall(), piece)
		if errors.Is(err, zab.ErrNotLeader) {
			err = n.core.Forward(piece)
		}
		if sh.why = err; errors.Is(err, zab.ErrBusy) || errors.Is(err, zab.ErrLimit) {
			return
		}
		sh.held = sh.held[len(piece):]
	}
	sh.held = nil
}

// work deals with every Ready there is.
func (n *simNode) work() {
	for n.up && n.core.HasReady() {
		rd := n.core.Ready()
		if rd.Fatal != nil {
			n.sim.trace("fatal %d %v", n.id, rd.Fatal)
			n.crash()
			return
		}
		n.hand(&rd)
		n.core.Advance()
	}
	if n.up {
		if err := n.core.CheckInvariants(); err != nil {
			n.sim.violate("server %d: %v", n.id, err)
		}
	}
}

// hand distributes one Ready, as peer.Peer does.
func (n *simNode) hand(rd *zab.Ready) {
	if rd.Persist != nil {
		n.persist(*rd.Persist, rd.After)
	} else if len(rd.After) > 0 {
		n.sim.violate("server %d: After without Persist", n.id)
	}
	for _, m := range rd.Messages {
		n.send(m)
	}
	if rd.Soft != nil {
		soft := *rd.Soft
		n.push(job{soft: &soft})
	}
	if len(rd.Committed) > 0 {
		n.push(job{entries: slices.Clone(rd.Committed)})
	}
	for _, r := range rd.Reads {
		if done := n.shell.reads[r.Ctx]; done != nil {
			delete(n.shell.reads, r.Ctx)
			n.push(job{read: done, at: r.Zxid, err: r.Err})
		}
	}
	for _, sn := range rd.SnapSends {
		n.schedule(n.sim.soon(), func() { n.ship(sn, 0) })
	}
	for i := range rd.Inbox {
		n.deliver(rd.Inbox[i])
	}
	for _, mm := range rd.Mismatch {
		n.sim.violate("server %d: digests differ: %+v", n.id, mm)
	}
}

func (n *simNode) deliver(d zab.Delivery) {
	switch d.Kind {
	case zab.DeliverForward:
		payloads := slices.Clone(d.Payloads)
		n.sim.plant.vet(n, d.From, payloads)
		n.shell.held = append(n.shell.held, payloads...)
		n.propose()
	case zab.DeliverAnswer:
		if done := n.shell.asks[d.Ctx]; done != nil {
			delete(n.shell.asks, d.Ctx)
			done(d.Data, nil)
		}
	default:
		n.push(job{delivery: &d})
	}
}

// persist queues a batch; completions come in order.
func (n *simNode) persist(p zab.Persist, after []zab.Message) {
	s, f := n.sim, &n.sim.opt.Core.Faults
	n.log.disk.Write(p)
	d := s.between(f.DiskMin, f.DiskMax)
	if s.chance(f.Stall) {
		d = s.between(f.DiskMax, f.StallMax)
	}
	n.log.at = max(n.log.at, s.now+d)
	life := n.life
	s.after(n.log.at-s.now, func() {
		if n.life != life {
			return
		}
		n.log.disk.Sync(p.Seq) // the disk works even if the process sleeps
		n.adopt()
		n.schedule(0, func() {
			for _, m := range after {
				n.send(m)
			}
			if p.Snapshot != nil {
				n.push(job{install: p.Snapshot})
			}
			n.shell.mail.persisted = p.Seq
			n.wake()
		})
	})
}

// push gives the applier something to do.
func (n *simNode) push(j job) {
	sh := &n.shell
	sh.jobs = append(sh.jobs, j)
	if sh.lagging {
		return
	}
	sh.lagging = true
	d := n.sim.soon()
	if n.sim.chance(n.sim.opt.Faults.ApplyLag) {
		d = n.sim.between(0, n.sim.opt.Faults.ApplyMax)
	}
	n.schedule(d, n.apply)
}

// apply is a round of the applier: everything in the order of the core.
func (n *simNode) apply() {
	sh := &n.shell
	sh.lagging = false
	jobs := sh.jobs
	sh.jobs = nil
	for i := range jobs {
		switch j := &jobs[i]; {
		case j.entries != nil:
			n.applyEntries(j.entries)
		case j.soft != nil:
			n.softChanged(*j.soft)
		case j.delivery != nil:
			n.heard.delivery(n, j.delivery)
			n.server.Deliver(*j.delivery)
		case j.install != nil:
			n.install(j.install)
		case j.err != nil || j.at <= n.state.LastZxid():
			j.read(j.err)
		default:
			sh.waiting = append(sh.waiting, *j)
		}
	}
	sh.waiting = slices.DeleteFunc(sh.waiting, func(j job) bool {
		if j.at > n.state.LastZxid() {
			return false
		}
		j.read(nil)
		return true
	})
}

func (n *simNode) applyEntries(entries []zab.Entry) {
	for i := range entries {
		if e := &entries[i]; e.Zxid > n.log.disk.Last() {
			n.sim.violate("server %d applies %v, and its log ends at %v", n.id, e, n.log.disk.Last())
		} else {
			n.sim.oracle.committed(n.id, e)
		}
	}
	n.server.Apply(n.sim.plant.entries(n, entries))
	n.sim.oracle.compare(n)
}

func (n *simNode) softChanged(soft zab.SoftState) {
	s := n.sim
	old := n.soft
	n.soft = soft
	s.trace("soft %d %v (%s)", n.id, soft, n.core.Status().Why)
	if soft.Role == zab.Leading && (old.Role != zab.Leading || old.Epoch != soft.Epoch) {
		s.Stats.LeaderChanges++
		s.oracle.leads(n.id, soft.Epoch)
		s.living.leaderChanged(s)
	}
	if soft.Active && old.Active && soft.Link != old.Link {
		s.Stats.Relinks++
	}
	n.heard.soft(n, old, soft)
	n.server.SoftStateChanged(soft)
	if soft.Role == zab.Leading && soft.Active && !old.Active {
		n.foundKeys()
	}
}

// foundKeys proposes the first signing key, as every new leader does.
func (n *simNode) foundKeys() {
	t, err := tokens.Found(n.state, newSeeded(n.sim.rng), n.now())
	if err != nil {
		n.sim.violate("server %d: keys: %v", n.id, err)
	}
	if t != nil {
		n.shell.mail.proposals = append(n.shell.mail.proposals, znode.AppendTxn(nil, t))
		n.wake()
	}
}

// install makes a staged image the state.
func (n *simNode) install(sn *zab.Snapshot) {
	im, ok := n.images.durable[sn.Zxid]
	if !ok {
		n.sim.violate("server %d: the image at %v is not there", n.id, sn.Zxid)
	}
	n.server.Change(func(st *znode.State) { n.load(st, im) })
	n.sim.Stats.Installed++
	n.sim.trace("install %d at %v", n.id, sn.Zxid)
	if n.state.LastZxid() != sn.Zxid {
		n.sim.violate("server %d: the image said to be at %v is at %v", n.id, sn.Zxid, n.state.LastZxid())
	}
	n.sim.oracle.compare(n)
}

// ship sends an image of the applied state. The applier may be behind what the core asks for: then it is tried again.
func (n *simNode) ship(sn zab.SnapSend, tries int) {
	s := n.sim
	z := n.state.LastZxid()
	if z < sn.Min && tries < 20 {
		n.schedule(tickLen/2, func() { n.ship(sn, tries+1) })
		return
	}
	if z < sn.Min {
		n.report(sn, 0, false)
		return
	}
	im := n.dump()
	m := n.core.SnapMessage(sn, n.core.SnapshotMeta(z))
	n.schedule(s.between(tickLen/10, 5*tickLen), func() {
		to := s.nodes[sn.To-1]
		ok := to.running() && !s.links.Cut(int(n.id)-1, int(sn.To)-1) && !s.chance(s.opt.Core.Faults.SnapFail)
		s.trace("image %v from %d to %d ok=%v", z, n.id, sn.To, ok)
		if ok {
			to.images.staged[z] = im
			to.receive(m)
		} else {
			s.Stats.SnapInterrupted++
		}
		n.report(sn, z, ok)
	})
}

func (n *simNode) report(sn zab.SnapSend, z zxid.ID, ok bool) {
	n.core.ReportSnapshot(sn.To, z, ok)
	n.work()
}

func (n *simNode) receive(m zab.Message) {
	if n.up {
		n.schedule(0, func() {
			n.shell.mail.messages = append(n.shell.mail.messages, m)
			n.wake()
		})
	}
}

// send puts a message on its way, through the real codec.
func (n *simNode) send(m zab.Message) {
	s, f := n.sim, &n.sim.opt.Core.Faults
	from, to := int(m.From)-1, int(m.To)-1
	if s.links.Cut(from, to) || s.chance(f.Loss) {
		return
	}
	s.carry(m, from, to)
	if s.chance(f.Dup) {
		s.carry(m, from, to)
	}
}

func (s *Sim) carry(m zab.Message, from, to int) {
	f := &s.opt.Core.Faults
	d := s.between(f.DelayMin, f.DelayMax)
	if s.chance(f.DelayTail) {
		d *= 10
	}
	at := s.now + d
	if !s.chance(f.Reorder) {
		at = max(at, s.last[from][to]+1)
		s.last[from][to] = at
	}
	b := zab.AppendMessage(nil, &m)
	s.after(at-s.now, func() {
		if s.links.Cut(from, to) {
			return
		}
		var got zab.Message
		if err := zab.DecodeMessage(b, &got); err != nil {
			s.violate("codec: %v: %v", m, err)
		}
		s.nodes[to].receive(got)
	})
}

// simOrderer is the server's Orderer: everything goes through the mailbox.
type simOrderer struct{ n *simNode }

var _ server.Orderer = simOrderer{}

// Propose implements server.Orderer.
func (o simOrderer) Propose(payloads [][]byte) error {
	n := o.n
	for _, p := range payloads {
		n.sim.living.proposed(n, p)
	}
	n.shell.mail.proposals = append(n.shell.mail.proposals, payloads...)
	n.wake()
	return nil
}

func (o simOrderer) call(f func()) {
	o.n.shell.mail.calls = append(o.n.shell.mail.calls, f)
	o.n.wake()
}

// ReadIndex implements server.Orderer.
func (o simOrderer) ReadIndex(done func(error)) {
	n := o.n
	o.call(func() {
		n.shell.ctx++
		if err := n.core.ReadIndex(n.shell.ctx); err != nil {
			done(err)
			return
		}
		n.shell.reads[n.shell.ctx] = done
	})
}

// Ask implements server.Orderer.
func (o simOrderer) Ask(data []byte, done func([]byte, error)) {
	n := o.n
	n.sim.Stats.Asks++
	o.call(func() {
		n.shell.ctx++
		if err := n.core.Ask(n.shell.ctx, data); err != nil {
			done(nil, err)
			return
		}
		n.shell.asks[n.shell.ctx] = done
	})
}

// Answer implements server.Orderer.
func (o simOrderer) Answer(to zab.PeerID, ctx uint64, data []byte) {
	o.call(func() { o.n.core.Answer(to, ctx, data) })
}

// Touch implements server.Orderer.
func (o simOrderer) Touch(data []byte) { o.call(func() { o.n.core.Touch(data) }) }

// SetDigest implements server.Orderer.
func (o simOrderer) SetDigest(z zxid.ID, digest uint64) {
	o.call(func() { o.n.core.SetDigest(z, digest) })
}

// Reconfig implements server.Orderer.
func (o simOrderer) Reconfig(next zab.Ensemble, extra []byte, done func(error)) {
	o.call(func() {
		_, err := o.n.core.ProposeReconfig(o.n.wall(), next, extra)
		done(err)
	})
}

// Status implements server.Orderer.
func (o simOrderer) Status() zab.Status { return o.n.core.Status() }
