package servertest

import (
	"errors"
	"slices"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode/store"
)

// PlantedOutside names the mistakes that can be planted around a server, without a change of it: SimOptions.Plant.
func PlantedOutside() []string {
	return []string{plantNoVet, plantSyncAlone, plantClock, plantZxid, plantTouches, plantLostBatch, plantCompact, plantSecret, plantForwards}
}

const (
	plantNoVet     = "moved sessions may still write"
	plantSyncAlone = "reads are confirmed without a quorum"
	plantClock     = "a server applies with its own clock"
	plantZxid      = "a client's last zxid is not looked at"
	plantTouches   = "followers do not report who is alive"
	plantLostBatch = "a batch that was collected is dropped when who asked for it gives up"
	plantCompact   = "the log is compacted up to its end"
	plantSecret    = "followers do not report that their disks are low"
	plantForwards  = "the leader lets growth pass that others forward while a disk is low"
)

// planted is what is wrong in a run; empty for nothing.
type planted string

func plantedOutside(name string) planted {
	if name != "" && !slices.Contains(PlantedOutside(), name) {
		panic("servertest: no such mistake: " + name)
	}
	return planted(name)
}

// vet is what the leader does with forwarded writes.
func (p planted) vet(n *simNode, from zab.PeerID, payloads [][]byte) {
	if p == plantNoVet || p == plantForwards && len(n.alarm.known(n)) > 0 {
		return
	}
	n.server.Vet(from, payloads)
}

// compact is what the log is compacted up to.
func (p planted) compact(n *simNode, z zxid.ID) zxid.ID {
	if p == plantCompact {
		return n.log.Last()
	}
	return z
}

// database is where a server keeps its state.
func (p planted) database(n *simNode) store.Database {
	if p == plantLostBatch {
		return forgetful{n.disk.Disk, n}
	}
	return n.disk.Disk
}

// forgetful says that a batch is committed which found no space and whose asker has gone.
type forgetful struct {
	store.Database
	n *simNode
}

// Commit implements store.Database.
func (f forgetful) Commit(b *store.Batch) error {
	asked := f.n.disk.hit.giveUp != nil
	err := f.Database.Commit(b)
	if asked && f.n.disk.hit.giveUp == nil && errors.Is(err, store.ErrNoSpace) {
		return nil
	}
	return err
}

// entries are what a server applies.
func (p planted) entries(n *simNode, entries []zab.Entry) []zab.Entry {
	if p != plantClock || n.id != 2 {
		return entries
	}
	entries = slices.Clone(entries)
	for i := range entries {
		entries[i].Time = n.wall()
	}
	return entries
}

// lastZxid is what a client says it has seen.
func (p planted) lastZxid(z zxid.ID) zxid.ID {
	if p == plantZxid {
		return 0
	}
	return z
}

func (p planted) orderer(n *simNode, o server.Orderer) server.Orderer {
	switch p {
	case plantSyncAlone:
		return syncAlone{o, n}
	case plantTouches:
		return untouched{o}
	case plantSecret:
		return secretive{o}
	}
	return o
}

// syncAlone confirms without asking anybody.
type syncAlone struct {
	server.Orderer
	n *simNode
}

// ReadIndex implements server.Orderer.
func (a syncAlone) ReadIndex(done func(error)) { a.n.Schedule(a.n.sim.soon(), func() { done(nil) }) }

// secretive leaves out of every report what it says of the disk.
type secretive struct{ server.Orderer }

// Touch implements server.Orderer.
func (s secretive) Touch(data []byte) {
	var rest []byte
	for r := jute.NewReader(data); r.Len() >= 12; {
		if id, what := r.Long(), r.Int(); id != 0 {
			rest = jute.AppendInt(jute.AppendLong(rest, id), what)
		}
	}
	s.Orderer.Touch(rest)
}

// untouched loses every report.
type untouched struct{ server.Orderer }

// Touch implements server.Orderer.
func (untouched) Touch([]byte) {}
