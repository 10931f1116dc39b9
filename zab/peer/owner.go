package peer

import (
	"fmt"
	"slices"

	"github.com/paddock-zk/paddock/zab"
)

// owner distributes the parts of a Ready (see [zab.Owner]) among the queues of a peer. Its methods are called from the core loop.
type owner struct{ p *Peer }

var _ zab.Owner = owner{}

// Persist implements zab.Owner.
func (o owner) Persist(p *zab.Persist, after []zab.Message) { o.p.logQ.push(logJob{p, after}) }

// EnsembleChanged implements zab.Owner.
func (o owner) EnsembleChanged(e zab.EnsembleChange) {
	if t := o.p.env.Transport; t != nil {
		t.EnsembleChanged(e)
	}
}

// Send implements zab.Owner.
func (o owner) Send(msgs []zab.Message) { o.p.send(msgs) }

// Commit implements zab.Owner.
func (o owner) Commit(entries []zab.Entry) { o.p.applyQ.push(applyJob{entries: slices.Clone(entries)}) }

// SoftStateChanged implements zab.Owner.
func (o owner) SoftStateChanged(soft zab.SoftState) {
	o.p.soft.Store(&soft)
	o.p.applyQ.push(applyJob{soft: &soft})
}

// Confirmed implements zab.Owner: the read waits in the queue behind all that was committed before it.
func (o owner) Confirmed(r zab.ReadState) {
	done := o.p.waiting.reads[r.Ctx]
	if done == nil {
		return
	}
	delete(o.p.waiting.reads, r.Ctx)
	if !o.p.applyQ.push(applyJob{read: done, readAt: r.Zxid, readErr: r.Err}) {
		done(errStopped)
	}
}

// Ship implements zab.Owner.
func (o owner) Ship(s zab.SnapSend) { o.p.ship(s) }

// deliverBytes bounds the questions and reports of other servers that wait for the state machine.
const deliverBytes = 16 << 20

// Deliver implements zab.Owner: forwards are proposed, answers go to who asked, the rest to the state machine.
func (o owner) Deliver(d *zab.Delivery) {
	p := o.p
	switch d.Kind {
	case zab.DeliverForward:
		payloads := slices.Clone(d.Payloads)
		p.env.Machine.Vet(d.From, payloads)
		p.waiting.held = append(p.waiting.held, payloads...)
		p.propose()
	case zab.DeliverAnswer:
		if done := p.waiting.asks[d.Ctx]; done != nil {
			delete(p.waiting.asks, d.Ctx)
			done(d.Data, d.Err)
		}
	default:
		if p.delivering.Load() > deliverBytes {
			return // it may be lost: who asked asks again, who was touched is touched again
		}
		c := *d
		p.delivering.Add(int64(len(c.Data)) + entryOverhead)
		p.applyQ.push(applyJob{delivery: &c})
	}
}

// Warn implements zab.Owner.
func (o owner) Warn(blank bool, mismatch []zab.DigestMismatch) {
	p := o.p
	if blank && !p.waiting.blank {
		p.waiting.blank = true
		p.cfg.Logger.Warn("this server's disk is empty or incomplete and others have a history: its vote counts little until a leader has filled it, since it may " +
			"have lost what it acknowledged. If no leader comes, start the other servers. If they are gone for good, and this one has never held anything, " +
			"make an empty file named initialize in its data folder and start it again")
	}
	for _, d := range mismatch {
		p.cfg.Logger.Error("two servers applied the same history and hold different states. If a majority of the servers agrees, the one that differs ends by itself. If there is no majority, "+
			"find out which one is wrong, stop it, and keep its data folder as evidence",
			"peer", d.Peer, "zxid", d.Zxid, "mine", fmt.Sprintf("%016x", d.Mine), "theirs", fmt.Sprintf("%016x", d.Theirs))
	}
}
