package zab

import (
	"encoding/binary"
	"slices"

	"github.com/paddock-zk/paddock/zab/quorum"
	"github.com/paddock-zk/paddock/zab/zxid"
)

type idSet = quorum.IDs

// membership is what the history says about the ensemble: every configuration since the base, oldest first.
//
// Which are in effect? The newest in the history always; and, until the newest is known to be committed, the one before it as
// well. (The one before that is committed for sure: a leader proposes a reconfiguration only when the last one is committed.)
// A decision, be it a promise quorum, a commit or a read round, needs a quorum of each configuration in effect.
type membership struct {
	configs []config
	known   bool // the first of them is of the history as well; else it is the bootstrap configuration
}

type config struct {
	Ensemble
	q       quorum.System
	founder PeerID // the leader that made it of its own configuration; 0 if none did, or that is not known any more
}

func newConfig(e Ensemble) config { return config{Ensemble: e, q: e.Quorums()} }

// newMembership reads the history. It begins with what the image at the log's base says, or, if no entry made that, with the bootstrap
// configuration, which is before all of the history whatever version it bears: an operator's file may have come from another ensemble.
func newMembership(log Log, bootstrap Ensemble) (membership, error) {
	base := log.Base()
	m := beginMembership(base.Ensemble, bootstrap)
	if err := m.latest().Valid(); err != nil {
		return membership{}, err
	}
	for _, e := range log.Reconfigs() {
		if e.Zxid <= base.Zxid {
			continue
		}
		if err := m.add(e); err != nil {
			return membership{}, err
		}
	}
	return m, nil
}

// beginMembership begins with the ensemble of an image, or, if that is none of the history, with the bootstrap configuration of this server.
func beginMembership(image, bootstrap Ensemble) membership {
	if len(image.Members) == 0 || image.Version == 0 {
		return membership{configs: []config{newConfig(bootstrap)}}
	}
	return membership{configs: []config{newConfig(image)}, known: true}
}

// add takes an entry of the history that makes an ensemble.
func (m *membership) add(e Entry) error {
	ens, ok, err := e.Ensemble()
	if err != nil || !ok {
		return err
	}
	k := newConfig(ens)
	if e.Kind == EntryNewLeader {
		k.founder = PeerID(binary.BigEndian.Uint32(e.Data))
	}
	m.configs = append(m.configs, k)
	return nil
}

// recorded says whether the history has an ensemble, so that the bootstrap configuration does not count.
func (m *membership) recorded() bool { return m.known || len(m.configs) > 1 }

// bootstraps says whether the bootstrap configuration is in effect: the history has no other, or one that is not known to be committed.
func (m *membership) bootstraps(commit zxid.ID) bool {
	_, old := m.proposed(commit)
	return !m.known && (len(m.configs) == 1 || old == &m.configs[0])
}

// truncateTo forgets configurations after z.
func (m *membership) truncateTo(z zxid.ID) (changed bool) {
	for n := len(m.configs); n > 1 && m.configs[n-1].Version > z; n-- {
		m.configs, changed = m.configs[:n-1], true
	}
	return changed
}

// at is the configuration of an image at z: that of the history, or nobody's. The bootstrap configuration of this server is not another's.
func (m *membership) at(z zxid.ID) Ensemble {
	i := len(m.configs) - 1
	for i > 0 && m.configs[i].Version > z {
		i--
	}
	if i == 0 && !m.known {
		return Ensemble{}
	}
	return m.configs[i].Ensemble
}

func (m *membership) latest() *config { return &m.configs[len(m.configs)-1] }

// proposed is the configuration that is not known to be committed, with the one that is to be left; nil, nil if there is none.
func (m *membership) proposed(commit zxid.ID) (next, old *config) {
	n := len(m.configs)
	if n < 2 || m.configs[n-1].Version <= commit {
		return nil, nil
	}
	return &m.configs[n-1], &m.configs[n-2]
}

func (m *membership) quorum(ids *idSet, commit zxid.ID) bool {
	if _, old := m.proposed(commit); old != nil && !old.q.Quorum(ids) {
		return false
	}
	return m.latest().q.Quorum(ids)
}

// meets says whether each configuration in effect has a voter among these servers.
func (m *membership) meets(ids *idSet, commit zxid.ID) bool {
	some := func(k *config) bool {
		return slices.ContainsFunc(k.Members, func(v Member) bool { return v.Role == Participant && ids.Has(uint32(v.ID)) })
	}
	_, old := m.proposed(commit)
	return some(m.latest()) && (old == nil || some(old))
}

func (m *membership) votes(id PeerID, commit zxid.ID) bool {
	_, old := m.proposed(commit)
	return m.latest().q.Has(uint32(id)) || old != nil && old.q.Has(uint32(id))
}

// members calls f for everyone in a configuration in effect, by ascending number.
func (m *membership) members(commit zxid.ID, f func(id PeerID)) {
	now, before := m.latest().Members, []Member(nil)
	if _, old := m.proposed(commit); old != nil {
		before = old.Members
	}
	for len(now)+len(before) > 0 {
		switch {
		case len(before) == 0 || len(now) > 0 && now[0].ID.Compare(before[0].ID) < 0:
			f(now[0].ID)
			now = now[1:]
		case len(now) == 0 || before[0].ID != now[0].ID:
			f(before[0].ID)
			before = before[1:]
		default: // in both
			f(now[0].ID)
			now, before = now[1:], before[1:]
		}
	}
}

func (m *membership) change(commit zxid.ID) EnsembleChange {
	if next, old := m.proposed(commit); next != nil {
		e := next.Ensemble
		return EnsembleChange{Committed: old.Ensemble, Proposed: &e}
	}
	return EnsembleChange{Committed: m.latest().Ensemble}
}
