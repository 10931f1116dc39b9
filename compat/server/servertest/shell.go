package servertest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/peer"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

// shell takes the steps of a peer.Peer, each as an event of its own with a delay, where the real one has three goroutines.
type shell struct {
	*peer.Peer
	steps    peer.Steps
	mail     peer.Mail
	batches  peer.Batches // being written
	turning  bool         // a turn of the core is on its way
	writing  bool         // a write of the log is on its way
	applying bool         // a round of the applier is on its way
	inFlight bool         // batches are taken and not durable
}

// startPeer makes the peer of this life from the log.
func (n *simNode) startPeer(core zab.Config) {
	p, err := peer.New(peer.Config{Core: core, Log: n.log.Log, Logger: slog.New(watchdog{n}),
		Clock: peer.Clock{Now: func() time.Time { return time.UnixMilli(n.wall()) }}})
	if err != nil {
		n.sim.violate("server %d does not start: %v", n.id, err)
	}
	n.shell = shell{Peer: p}
}

// runPeer lets it go, with the server made.
func (n *simNode) runPeer() {
	n.shell.steps = n.shell.ByHand(peer.Environment{Machine: machine{n}, Transport: network{n}, Images: shipping{n},
		Ship: func(sn zab.SnapSend) { n.Schedule(n.sim.soon(), func() { n.ship(sn) }) }})
	n.shell.steps.See = func(rd *zab.Ready) {
		n.contract.see(rd)
		n.alarm.see(rd)
	}
	n.core = n.shell.steps.Core()
}

// arrange lets those of the three loops go on that have something to do.
func (n *simNode) arrange() {
	sh, s := &n.shell, n.sim
	core, log, apply := sh.steps.Due()
	if core && !sh.turning {
		sh.turning = true
		d := s.soon()
		if s.Chance(s.opt.Faults.TurnLag) {
			d = s.Between(0, s.opt.Faults.TurnMax)
		}
		n.Schedule(d, func() { sh.turning = false; n.turn() })
	}
	if log && !sh.writing {
		sh.writing = true
		n.Schedule(s.soon(), n.write)
	}
	if apply && !sh.applying {
		sh.applying = true
		d := s.soon()
		if s.Chance(s.opt.Faults.ApplyLag) {
			d = s.Between(0, s.opt.Faults.ApplyMax)
		}
		n.Schedule(d, func() { sh.applying = false; sh.steps.Apply(); n.look() })
	}
}

// turn is one turn of the core loop.
func (n *simNode) turn() {
	if o := n.sim.opt.Order; o.wrong() {
		o.turn(n, 0)
	} else {
		n.shell.steps.Turn(&n.shell.mail)
	}
	n.look()
}

// tick moves the core on by its own clock.
func (n *simNode) tick() {
	n.Schedule(tickLen, n.tick)
	passed := int((n.mono() - n.clock.ticked) / tickLen)
	n.clock.ticked += int64(passed) * tickLen
	if o := n.sim.opt.Order; o.wrong() {
		o.turn(n, passed)
	} else {
		n.shell.steps.Tick(&n.shell.mail, passed)
	}
	n.look()
}

// drain deals with what came of an order that the core was given outside of its turns.
func (n *simNode) drain() {
	if o := n.sim.opt.Order; o.wrong() {
		o.drain(n)
	} else {
		n.shell.steps.Drain()
	}
	n.look()
}

// look sees whether the peer has ended, and whether the core's invariants hold.
func (n *simNode) look() {
	if !n.Up() {
		return
	}
	if err := n.shell.steps.Ended(); err != nil {
		n.sim.trace("fatal %d %v", n.id, err)
		n.stopped(err)
		n.crash()
		return
	}
	if err := n.core.CheckInvariants(); err != nil {
		n.sim.violate("server %d: %v", n.id, err)
	}
}

// write is one round of the log loop. The disk works even if the process sleeps; what comes of it waits for the process.
func (n *simNode) write() {
	s, f, sh := n.sim, &n.sim.opt.Core.Faults, &n.shell
	if !sh.steps.TakeBatches(&sh.batches) {
		sh.writing = false
		return
	}
	if s.opt.Order.Early { // planted: said before it is durable
		sh.steps.SendAfter(&sh.batches)
	}
	d := s.Between(f.DiskMin, f.DiskMax)
	if s.Chance(f.Stall) {
		d = s.Between(f.DiskMax, f.StallMax)
	}
	n.log.at, sh.inFlight = s.Now()+d, true
	n.Beside(d, func() {
		sh.inFlight = false
		if err := sh.steps.Append(&sh.batches); err != nil {
			s.violate("server %d: %v", n.id, err)
		}
		n.Schedule(0, func() {
			sh.writing = false
			if s.opt.Order.wrong() {
				s.opt.Order.written(n)
			} else {
				sh.steps.Written(&sh.batches)
			}
		})
	})
}

// machine is the server with the eyes of the checkers.
type machine struct{ n *simNode }

var _ peer.StateMachine = machine{}

// Apply implements peer.StateMachine.
func (m machine) Apply(entries []zab.Entry) {
	n := m.n
	for i := range entries {
		if e := &entries[i]; e.Zxid > n.log.Last() {
			n.sim.violate("server %d applies %v, and its log ends at %v", n.id, e, n.log.Last())
		} else {
			n.sim.oracle.committed(n.id, e)
		}
	}
	n.server.Apply(n.misread(n.sim.plant.entries(n, entries)))
	n.sim.oracle.compare(n)
}

// Vet implements peer.StateMachine.
func (m machine) Vet(from zab.PeerID, payloads [][]byte) {
	m.n.sim.plant.vet(m.n, from, payloads)
	if m.n.sim.plant != plantNoVet { // it is caught by what it is about
		m.n.noGrowth(payloads)
	}
}

// Deliver implements peer.StateMachine.
func (m machine) Deliver(d zab.Delivery) {
	m.n.heard.delivery(m.n, &d)
	m.n.server.Deliver(d)
}

// SoftStateChanged implements peer.StateMachine.
func (m machine) SoftStateChanged(soft zab.SoftState) {
	n, s := m.n, m.n.sim
	n.softStateSeen()
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
	t, err := tokens.Found(n.state, newSeeded(n.sim.Rand), n.now())
	if err != nil {
		n.sim.violate("server %d: keys: %v", n.id, err)
	}
	if t == nil {
		return
	}
	if err := n.shell.Propose([][]byte{znode.AppendTxn(nil, t)}); err != nil {
		n.sim.violate("server %d: keys: %v", n.id, err)
	}
}

// watchdog listens to what the peer complains about: nothing of it may happen but what the faults bring about.
type watchdog struct{ n *simNode }

// Enabled implements slog.Handler.
func (w watchdog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle implements slog.Handler.
func (w watchdog) Handle(_ context.Context, r slog.Record) error {
	if w.n.sim.diverged.wrong && strings.Contains(r.Message, "differ") {
		return nil
	}
	for _, expected := range [...]string{"disk is empty or incomplete", "torn tail", "disk is nearly full", "the state is rebuilt from a checkpoint"} {
		if strings.Contains(r.Message, expected) {
			return nil
		}
	}
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	w.n.sim.violate("server %d says: %s", w.n.id, text)
	return nil
}

// WithAttrs implements slog.Handler.
func (w watchdog) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup implements slog.Handler.
func (w watchdog) WithGroup(string) slog.Handler { return w }

// orderer is the peer as the server of a simulation sees it.
type orderer struct {
	*peer.Peer
	n *simNode
}

var _ server.Orderer = orderer{}

// Propose implements server.Orderer.
func (o orderer) Propose(payloads [][]byte) error {
	for _, p := range payloads {
		o.n.sim.living.proposed(o.n, p)
	}
	o.n.noGrowth(payloads)
	return o.Peer.Propose(payloads)
}

// Ask implements server.Orderer.
func (o orderer) Ask(data []byte, done func([]byte, error)) {
	o.n.sim.Stats.Asks++
	o.Peer.Ask(data, done)
}

// Status implements server.Orderer without waiting for a turn of the core.
func (o orderer) Status() zab.Status { return o.n.core.Status() }

// network is a server's transport.
type network struct{ n *simNode }

// EnsembleChanged implements peer.Transport: everybody reaches everybody.
func (w network) EnsembleChanged(zab.EnsembleChange) {}

// Send implements peer.Transport. A message travels through the real codec.
func (w network) Send(m *zab.Message) {
	s, f := w.n.sim, &w.n.sim.opt.Core.Faults
	from, to := int(m.From)-1, int(m.To)-1
	w.n.judge(m)
	if s.links.Cut(from, to) || s.Chance(f.Loss) {
		return
	}
	s.carry(m, from, to)
	if s.Chance(f.Dup) {
		s.carry(m, from, to)
	}
}

func (s *Sim) carry(m *zab.Message, from, to int) {
	f := &s.opt.Core.Faults
	d := s.Between(f.DelayMin, f.DelayMax)
	if s.Chance(f.DelayTail) {
		d *= 10
	}
	at := s.Now() + d
	if !s.Chance(f.Reorder) {
		at = max(at, s.last[from][to]+1)
		s.last[from][to] = at
	}
	b := zab.AppendMessage(nil, m)
	s.At(at, func() {
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

func (n *simNode) receive(m zab.Message) { n.Schedule(0, func() { n.shell.Deliver(m) }) }

// shipping installs images; they are shipped by [simNode.ship].
type shipping struct{ n *simNode }

// Send implements peer.Images.
func (sh shipping) Send(zab.SnapSend, func(zxid.ID) zab.SnapshotMeta, func(zab.SnapshotMeta) zab.Message) (zxid.ID, error) {
	panic("servertest: images are shipped by events")
}

// Install implements peer.Images: it makes an image that has come the state, in memory and in the database. Without room for that the server ends.
func (sh shipping) Install(sn zab.Snapshot) error {
	n := sh.n
	if err := n.disk.follower.Install(sn.Zxid); err != nil {
		if !errors.Is(err, store.ErrNoSpace) && !errors.Is(err, errDied) {
			n.sim.violate("server %d: the image at %v is not installed: %v", n.id, sn.Zxid, err)
		}
		return err
	}
	n.disk.damaged = false
	n.sim.Stats.Installed++
	n.sim.trace("install %d at %v", n.id, sn.Zxid)
	if n.state.LastZxid() != sn.Zxid {
		n.sim.violate("server %d: the image said to be at %v is at %v", n.id, sn.Zxid, n.state.LastZxid())
	}
	n.sim.oracle.compare(n)
	return nil
}

// ship sends an image of the applied state. The applier may be behind what the core asks for: then the core asks again.
func (n *simNode) ship(sn zab.SnapSend) {
	s := n.sim
	c, err := n.disk.follower.ImageAt(n.disk.follower.Life(), sn.Min)
	if err != nil {
		s.trace("no image from %d to %d: %v", n.id, sn.To, err)
		if c.Zxid != 0 || n.judgeDisk(err) {
			n.report(sn, 0, false)
		}
		return
	}
	n.exact(c.Zxid)
	im, _ := n.disk.Image(c.Zxid)
	m := n.core.SnapMessage(sn, n.core.SnapshotMeta(c.Zxid))
	n.Schedule(s.Between(tickLen/10, 5*tickLen), func() {
		to := s.nodes[sn.To-1]
		ok := to.Running() && !to.disk.room.full() && !s.links.Cut(int(n.id)-1, int(sn.To)-1) && !s.Chance(s.opt.Core.Faults.SnapFail)
		s.trace("image %v from %d to %d ok=%v", c.Zxid, n.id, sn.To, ok)
		if ok {
			to.disk.Put(c.Zxid, im)
			to.receive(m)
		} else {
			s.Stats.SnapInterrupted++
		}
		n.report(sn, c.Zxid, ok)
	})
}

func (n *simNode) report(sn zab.SnapSend, z zxid.ID, ok bool) {
	n.core.ReportSnapshot(sn.To, z, ok)
	n.drain()
}
