package servertest

import (
	"errors"
	"slices"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store/storetest"
)

// divergence is one wrong apply on one server: [SimOptions.Diverge]. Clients are cut off from the server while its state is wrong, for their
// checkers would complain first.
type divergence struct {
	wrong    bool // its state differs now
	refilled bool // it has ended, and its disks were emptied
}

// divergeFrom is when the wrong apply may happen, in ticks.
const divergeFrom = 50

// Refilled says whether the server whose apply was wrong has ended for that, and was emptied to be filled by the others.
func (s *Sim) Refilled() bool { return s.diverged.refilled }

// wrong says whether this server's state is known to be wrong.
func (n *simNode) wrong() bool { return n.id == n.sim.opt.Diverge && n.sim.diverged.wrong }

// misread gives the server whose apply is to be wrong other data for a node that nobody writes again.
func (n *simNode) misread(entries []zab.Entry) []zab.Entry {
	s := n.sim
	if n.id != s.opt.Diverge || s.diverged.wrong || s.diverged.refilled || s.Now() < divergeFrom*tickLen {
		return entries
	}
	entries = slices.Clone(entries)
	for i := range entries {
		var t znode.Txn
		if entries[i].Kind != zab.EntryTxn || znode.DecodeTxn(entries[i].Data, &t) != nil || t.Op.Kind != znode.KindCreate || t.Op.Path != "/q/n-" {
			continue
		}
		if d := s.oracle.done[entries[i].Zxid]; d.code != znode.OK {
			continue
		}
		t.Op.Data = append(slices.Clone(t.Op.Data), '!')
		entries[i].Data = znode.AppendTxn(nil, &t)
		s.diverged.wrong = true
		for c := range s.clients {
			s.cut[c][n.id-1] = true
		}
		s.trace("server %d applies %v with other data", n.id, entries[i].Zxid)
		break
	}
	return entries
}

// stopped deals with a server that ends because its state differs: only the one whose apply was wrong may. It is emptied, and the others fill it.
func (n *simNode) stopped(err error) {
	var diverged *zab.DivergedError
	if !errors.As(err, &diverged) {
		return
	}
	s := n.sim
	if !n.wrong() {
		s.violate("server %d: %v", n.id, err)
	}
	n.crash()
	n.log.disk = faultfs.New()
	n.disk.Disk = storetest.NewDisk()
	n.disk.damaged = false
	s.diverged = divergence{refilled: true}
	for i, c := range s.clients {
		s.cut[i][n.id-1] = false
		if l := c.link; l != nil && l.node == n { // what it said meanwhile is lost with its connections
			l.down.queue = nil
			l.send(&l.down, parcel{end: true})
		}
	}
	s.trace("server %d is emptied", n.id)
}

// Diverging draws the options of a run without other faults in which the apply of one server is wrong once.
func Diverging(seed uint64, id zab.PeerID) SimOptions {
	o := SwarmSim(seed)
	o.Diverge, o.Core.Voters, o.Core.Observers, o.Core.Ticks = id, 3, 0, 1500
	o.Core.Limits.LastCounter = 0
	o.Core.Faults = zabtest.Faults{Restart: 0.05, LinkFaults: zabtest.LinkFaults{DelayMin: tickLen / 100, DelayMax: tickLen / 10},
		DiskFaults: zabtest.DiskFaults{DiskMin: 1, DiskMax: tickLen / 10}}
	o.Faults, o.Disks.Low, o.Disks.Die, o.Disks.Damage, o.Disks.LowCalm = SimFaults{}, 0, 0, 0, false
	o.Clients.Ops, o.Clients.Count = 1, 6
	return o
}
