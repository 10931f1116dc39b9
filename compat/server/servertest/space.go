package servertest

import (
	"slices"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

const (
	minFree = 64 << 20 // below, the alarm is raised
	plenty  = 1 << 40
)

// room is what is free on a server's disks.
type room struct {
	free   uint64
	logLow bool // the disk of the log is low
	until  int64
}

// full says whether nothing can be written.
func (r *room) full() bool { return r.free == 0 }

// crowd makes the disk of a server low, or full, for a while. In the calm nothing is full: all that happens is that growth is refused.
func (n *simNode) crowd(d int64) {
	s, r := n.sim, &n.disk.room
	r.free, r.logLow = plenty, false
	switch k := s.Rand.IntN(4); {
	case k == 0:
		r.logLow = true
	case k == 1 && !s.calm:
		r.free = 0
	default:
		r.free = minFree - 1
	}
	n.disk.SetFree(r.free)
	r.until = s.Now() + d
	s.Stats.LowDisks++
	s.trace("the disk of server %d is low for %d ms: %+v", n.id, d/1000, *r)
	s.At(r.until, func() {
		if s.Now() >= r.until {
			n.makeRoom()
		}
	})
}

// low says whether the owner of the disk must raise the alarm.
func (r *room) low() bool { return r.free < minFree || r.logLow }

func (n *simNode) makeRoom() {
	r := &n.disk.room
	if r.low() {
		n.sim.trace("the disk of server %d has room again", n.id)
	}
	r.free, r.logLow, r.until = plenty, false, 0
	n.disk.SetFree(plenty)
}

// alarmed is the server as its follower sees it.
type alarmed struct{ n *simNode }

// Change runs f alone with the state.
func (a alarmed) Change(f func(*znode.State)) { a.n.server.Change(f) }

// SetFlag raises or ends the alarm.
func (a alarmed) SetFlag(f znode.Flags, on bool) {
	if f == znode.FlagNoGrow {
		a.n.alarm.own = on
		a.n.sim.trace("server %d: its disk is low: %v", a.n.id, on)
	}
	a.n.server.SetFlag(f, on)
}

// alarmBook is what a server knows of low disks, from what passes by: a second book next to that of server.Server.
type alarmBook struct {
	own   bool
	heard map[zab.PeerID]lowDisk // what members say
}

// lowDisk is when a member said first and last that its disk is low, by the leader's monotonic clock.
type lowDisk struct{ first, last int64 }

// alarmVetted is after how long a leader has certainly found out that who reports is a member, µs: it asks beside the goroutine that takes the report.
const alarmVetted = sessionTick / 2 * 1000

// alarmBelieved is how long a leader certainly believes a member that does not repeat its alarm, µs: less than the server's own patience.
const alarmBelieved = 4 * sessionTick / 2 * 1000

// report reads what a member says of its disk in its report of live sessions, where the leader reads it.
func (a *alarmBook) report(n *simNode, d *zab.Delivery) {
	for r := jute.NewReader(d.Data); r.Len() >= 12; {
		if id, low := r.Long(), r.Int(); id != 0 {
			continue
		} else if low != 0 {
			if a.heard == nil {
				a.heard = map[zab.PeerID]lowDisk{}
			}
			h, now := a.heard[d.From], n.mono()
			if h.first == 0 || now-h.last >= alarmBelieved {
				h.first = now
			}
			h.last = now
			a.heard[d.From] = h
		} else {
			delete(a.heard, d.From)
		}
	}
}

// see: a change of the ensemble ends the alarms of members that are gone; who stays says it again.
func (a *alarmBook) see(rd *zab.Ready) {
	for i := range rd.Committed {
		if rd.Committed[i].Kind == zab.EntryReconfig {
			a.heard = nil
		}
	}
}

// known lists the members whose alarm the leader knows for certain.
func (a *alarmBook) known(n *simNode) (list []zab.PeerID) {
	if a.own {
		list = append(list, n.id)
	}
	ensemble := n.core.Status().Ensemble.Committed
	for id, h := range a.heard {
		if _, member := ensemble.Member(id); member && n.mono()-h.first > alarmVetted && n.mono()-h.last < alarmBelieved {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// noGrowth: while the leader knows of a low disk, nothing that grows goes to the ensemble without the flag that refuses growth.
func (n *simNode) noGrowth(payloads [][]byte) {
	if n.heard.at == nil {
		return
	}
	low := n.alarm.known(n)
	if len(low) == 0 {
		return
	}
	for _, p := range payloads {
		var t znode.Txn
		if znode.DecodeTxn(p, &t) == nil && grows(&t) && t.Flags&znode.FlagNoGrow == 0 {
			n.sim.violate("server %d leads and knows that the disks of %v are low, and lets pass %v %s of session %v", n.id, low, t.Op.Kind, t.Op.Path, t.Session)
		}
	}
}

// grows says whether a transaction may need room.
func grows(t *znode.Txn) bool {
	return t.Op.Kind == znode.KindCreate || t.Op.Kind == znode.KindSetData || t.Op.Kind == znode.KindMulti
}

// refused: a transaction with the flag that refuses growth has not grown the state.
func (o *oracle) refused(t *znode.Txn, nodes int, bytes int64) {
	if t.Flags&znode.FlagNoGrow == 0 || !grows(t) {
		return
	}
	o.sim.Stats.UnderAlarm++
	if o.state.NodeCount() > nodes || o.state.DataSize() > bytes {
		o.sim.violate("%v %s of session %v was to be refused if it grows, and the state has grown from %d nodes with %d bytes to %d with %d",
			t.Op.Kind, t.Op.Path, t.Session, nodes, bytes, o.state.NodeCount(), o.state.DataSize())
	}
}

// lowCalmTicks is how long the disk of one server stays low when all other faults have ended.
const lowCalmTicks = 400

// crowdCalm makes one disk low in the calm, and looks before its end whether the leader knows of it.
func (s *Sim) crowdCalm() {
	n := s.nodes[s.Rand.IntN(len(s.nodes))]
	n.crowd(lowCalmTicks * tickLen)
	s.After((lowCalmTicks-100)*tickLen, func() { s.mustKnow(n, n.Life(), n.soft.Link, 50) })
}

// mustKnow: a leader that has followers for a while knows whose disk is low. It looks again once more of the time has passed.
func (s *Sim) mustKnow(n *simNode, life int, link uint64, ticks int64) {
	leader := s.leader()
	if leader == nil || !n.Running() || !n.soft.Active || n.Life() != life || n.soft.Link != link || n.soft.Leader != leader.id {
		return
	}
	if _, member := leader.core.Status().Ensemble.Committed.Member(n.id); !member {
		return
	}
	if ticks > 0 {
		s.After(ticks*tickLen, func() { s.mustKnow(n, life, link, 0) })
		return
	}
	low := leader.server.Report(0).Data.LowDisks
	if !slices.Contains(low, int64(n.id)) {
		s.violate("the disk of server %d is low, and server %d, which leads, knows of %v", n.id, leader.id, low)
	}
	s.Stats.AlarmsKnown++
}
