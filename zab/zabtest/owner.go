package zabtest

import (
	"slices"

	"github.com/paddock-zk/paddock/zab"
)

// owner is the fake shell: its disk takes time, its state machine takes none.
type owner struct{ n *node }

var _ zab.Owner = owner{}

// Persist implements zab.Owner; completions come in order.
func (o owner) Persist(p *zab.Persist, after []zab.Message) {
	n := o.n
	s, f := n.sim, &n.sim.opt.Faults
	n.disk.Write(*p)
	d := s.Between(f.DiskMin, f.DiskMax)
	if s.Chance(f.Stall) {
		d = s.Between(f.DiskMax, f.StallMax)
	}
	n.diskAt = max(n.diskAt, s.now+d)
	n.Beside(n.diskAt-s.now, func() {
		n.disk.Sync(p.Seq) // the disk works even if the process sleeps
		n.Schedule(0, func() {
			if p.Snapshot != nil {
				n.applied = slices.Clone(n.disk.Image())
				s.check.installed(s, n)
			}
			for _, m := range after {
				s.send(m)
			}
			n.core.Persisted(p.Seq)
			n.work()
		})
	})
}

// EnsembleChanged implements zab.Owner: everybody reaches everybody.
func (o owner) EnsembleChanged(zab.EnsembleChange) {}

// Send implements zab.Owner.
func (o owner) Send(msgs []zab.Message) {
	for _, m := range msgs {
		o.n.sim.send(m)
	}
}

// Commit implements zab.Owner.
func (o owner) Commit(entries []zab.Entry) {
	for _, e := range entries {
		o.n.apply(e)
	}
	o.n.reportApplied(entries[len(entries)-1].Zxid)
}

// SoftStateChanged implements zab.Owner.
func (o owner) SoftStateChanged(s zab.SoftState) { o.n.softChanged(s) }

// Confirmed implements zab.Owner.
func (o owner) Confirmed(r zab.ReadState) { o.n.answer(r) }

// Ship implements zab.Owner.
func (o owner) Ship(sn zab.SnapSend) { o.n.sendImage(sn) }

// Deliver implements zab.Owner: what followers forward is proposed after this Ready. They ask nothing, and report their files so.
func (o owner) Deliver(d *zab.Delivery) {
	switch d.Kind {
	case zab.DeliverForward:
		o.n.held = append(o.n.held, d.Payloads...)
	case zab.DeliverAsk:
		o.n.heard(d.From, d.Data)
	}
}

// Warn implements zab.Owner.
func (o owner) Warn(_ bool, mismatch []zab.DigestMismatch) {
	for _, mm := range mismatch {
		if !o.n.wasWrong && !o.n.sim.nodes[mm.Peer-1].wasWrong {
			o.n.sim.violate("server %d: digests differ: %+v", o.n.id, mm)
		}
	}
}
