package zabtest

import (
	"slices"

	"github.com/paddock-zk/paddock/zab"
)

// wipe loses the disk of a server that is down, if those of all others are whole. It stays away for longer than anything that was said to it
// before is on its way.
func (n *node) wipe() bool {
	s := n.sim
	if s.check.maxAcked == 0 || !s.mayLose(n) {
		return false
	}
	s.Stats.Wipes++
	s.trace("wipe %d", n.id)
	n.disk = n.newStorage()
	if s.opt.Faults.Lines > 0 {
		n.oldLines()
	}
	n.applied, n.away = nil, s.now+100*TickLen
	return true
}

// mayLose says whether the promises survive the loss of this disk: in every ensemble that is in effect as far as another server knows, all other voters have
// whole disks, and there is at least one of them. The same goes for the ensemble that the server is configured with, for with an empty
// disk it begins as a member of that one again. What the disk itself says does not count, for it goes with the disk: if it was left behind, that may
// be an ensemble of long ago.
func (s *Sim) mayLose(n *node) bool {
	list := []zab.Ensemble{n.file.Ensemble}
	for _, knows := range s.nodes {
		if knows != n {
			list = append(list, knows.ensembles()...)
		}
		if e := knows.proposed(); e != nil {
			list = append(list, *e)
		}
	}
	return !slices.ContainsFunc(list, func(e zab.Ensemble) bool { return e.Votes(n.id) && !s.othersWhole(e, n.id) })
}

// othersWhole says whether all other voters of an ensemble have whole disks, and there is at least one. A server whose state is wrong does not
// count: it will be emptied.
func (s *Sim) othersWhole(e zab.Ensemble, id zab.PeerID) bool {
	others := 0
	for _, m := range e.Members {
		if m.Role != zab.Participant || m.ID == id {
			continue
		}
		if other := s.nodes[m.ID-1]; blank(other.disk) || other.wrong {
			return false
		}
		others++
	}
	return others > 0
}

// someWhole says whether some voter of an ensemble has a whole disk.
func (s *Sim) someWhole(e zab.Ensemble) bool {
	return slices.ContainsFunc(e.Members, func(m zab.Member) bool { return m.Role == zab.Participant && !blank(s.nodes[m.ID-1].disk) })
}

// ensembles are those that are in effect as far as the disk of this server tells: the newest one, and the one before unless it knows the newest to be
// committed.
func (n *node) ensembles() []zab.Ensemble {
	list := []zab.Ensemble{n.file.Ensemble}
	if base := n.disk.Base().Ensemble; len(base.Members) > 0 {
		list[0] = base
	}
	for _, e := range n.disk.Reconfigs() {
		if ens, ok, err := e.Ensemble(); ok && err == nil {
			list = append(list, ens)
		}
	}
	first := len(list) - 1
	if first > 0 && list[first].Version > n.disk.HardState().Commit {
		first--
	}
	return list[first:]
}

// proposed is the ensemble that a running server has in its history and does not know to be committed, on its disk or not.
func (n *node) proposed() *zab.Ensemble {
	if !n.up {
		return nil
	}
	return n.core.Status().Ensemble.Proposed
}
