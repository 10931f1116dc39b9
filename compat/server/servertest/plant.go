package servertest

import (
	"slices"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// PlantedOutside names the mistakes that can be planted around a server, without a change of it: SimOptions.Plant.
func PlantedOutside() []string {
	return []string{plantNoVet, plantSyncAlone, plantClock, plantZxid, plantTouches}
}

const (
	plantNoVet     = "moved sessions may still write"
	plantSyncAlone = "reads are confirmed without a quorum"
	plantClock     = "a server applies with its own clock"
	plantZxid      = "a client's last zxid is not looked at"
	plantTouches   = "followers do not report who is alive"
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
	if p != plantNoVet {
		n.server.Vet(from, payloads)
	}
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

// untouched loses every report.
type untouched struct{ server.Orderer }

// Touch implements server.Orderer.
func (untouched) Touch([]byte) {}
