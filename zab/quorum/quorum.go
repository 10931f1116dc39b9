// Package quorum says which sets of servers are enough.
//
// A [System] is a set of voters and a rule. Without groups the rule is: more than half of the voters. With groups (ZooKeeper's
// hierarchical quorums) it is: more than half of the groups that weigh anything, each by more than half of its weight. The
// property that everything rests on: two quorums of one System have a voter in common.
//
// Who is no voter cannot matter: every method looks only at voters, so that observers are outside by construction.
//
// The package is a leaf: pure values, no state, safe from any goroutine once built. Its tests compare it with a slow second
// implementation that tries all subsets.
package quorum

import "slices"

// IDs is a set of server ids; the zero value is empty. It is a value: copies are independent. Small ids, which nearly all ensembles have, are a bitmap;
// a set with others allocates when it changes.
type IDs struct {
	small [4]uint64
	large []uint32 // ascending; never changed in place, since a copy may have it too
}

// Add puts id into the set.
func (s *IDs) Add(id uint32) {
	if id < 256 {
		s.small[id>>6] |= 1 << (id & 63)
	} else if i, ok := slices.BinarySearch(s.large, id); !ok {
		s.large = slices.Insert(slices.Clip(s.large), i, id)
	}
}

// Remove takes id out of the set.
func (s *IDs) Remove(id uint32) {
	if id < 256 {
		s.small[id>>6] &^= 1 << (id & 63)
	} else if i, ok := slices.BinarySearch(s.large, id); ok {
		s.large = slices.Delete(slices.Clone(s.large), i, i+1)
	}
}

// Has says whether id is in the set.
func (s *IDs) Has(id uint32) bool {
	if id < 256 {
		return s.small[id>>6]&(1<<(id&63)) != 0
	}
	_, ok := slices.BinarySearch(s.large, id)
	return ok
}

// Voter is one server that counts.
type Voter struct {
	ID     uint32
	Weight uint32 // only with groups; 0 counts for nothing
	Group  uint8
}

// System is a set of voters with a rule. The zero value has no voters and therefore no quorum at all.
type System struct {
	voters []Voter
	groups []group // empty: plain majority
}

type group struct {
	id     uint8
	weight uint64
}

// Majority is the plain rule over these voters; duplicates count once.
func Majority(ids ...uint32) System {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	var s System
	for _, id := range slices.Compact(ids) {
		s.voters = append(s.voters, Voter{ID: id, Weight: 1})
	}
	return s
}

// Groups is the hierarchical rule (ZooKeeper: QuorumHierarchical). Voters must have distinct ids.
func Groups(voters []Voter) System {
	s := System{voters: slices.Clone(voters)}
	for _, v := range s.voters {
		i := slices.IndexFunc(s.groups, func(g group) bool { return g.id == v.Group })
		if i < 0 {
			i = len(s.groups)
			s.groups = append(s.groups, group{id: v.Group})
		}
		s.groups[i].weight += uint64(v.Weight)
	}
	// A group without weight can never be won; ZooKeeper takes it out of the count as well.
	s.groups = slices.DeleteFunc(s.groups, func(g group) bool { return g.weight == 0 })
	if len(s.groups) == 0 {
		s.voters = nil // nobody weighs anything: no quorum, rather than a plain majority by accident
	}
	return s
}

// Len is the number of voters.
func (s System) Len() int { return len(s.voters) }

// Has says whether id is a voter.
func (s System) Has(id uint32) bool {
	for i := range s.voters {
		if s.voters[i].ID == id {
			return true
		}
	}
	return false
}

// Voter is the i-th voter, 0 <= i < Len.
func (s System) Voter(i int) uint32 { return s.voters[i].ID }

// Quorum says whether the voters among ids are enough.
func (s System) Quorum(ids *IDs) bool {
	if len(s.groups) > 0 {
		return s.groupQuorum(ids)
	}
	n := 0
	for i := range s.voters {
		if ids.Has(s.voters[i].ID) {
			n++
		}
	}
	return n > len(s.voters)/2 // with no voters: 0 > 0 is false
}

func (s System) groupQuorum(ids *IDs) bool {
	won := 0
	for _, g := range s.groups {
		var sum uint64
		for i := range s.voters {
			if v := &s.voters[i]; v.Group == g.id && ids.Has(v.ID) {
				sum += uint64(v.Weight)
			}
		}
		if sum > g.weight/2 {
			won++
		}
	}
	return won > len(s.groups)/2
}

// Reached is the greatest value which a quorum has reached, where reached(id) is how far a voter is; 0 if there is none.
// With it, cumulative acknowledgements become a commit point.
func (s System) Reached(reached func(id uint32) int64) int64 {
	var room [16]int64
	vals := room[:0]
	for i := range s.voters {
		vals = append(vals, reached(s.voters[i].ID))
	}
	slices.Sort(vals)
	if len(s.groups) == 0 {
		if len(vals) == 0 {
			return 0
		}
		return max(0, vals[(len(vals)-1)/2]) // the voters from there to the end are the smallest majority
	}
	for i := len(vals) - 1; i >= 0; i-- {
		var ids IDs
		for j := range s.voters {
			if reached(s.voters[j].ID) >= vals[i] {
				ids.Add(s.voters[j].ID)
			}
		}
		if s.Quorum(&ids) {
			return max(0, vals[i])
		}
	}
	return 0
}
