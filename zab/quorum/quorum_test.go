package quorum

import (
	"math/rand/v2"
	"testing"
)

// Any two quorums of one system share a voter; tried over all subsets.
func TestTwoQuorumsIntersect(t *testing.T) {
	systems := map[string]System{
		"one":          Majority(1),
		"two":          Majority(1, 2),
		"three":        Majority(1, 2, 3),
		"four":         Majority(1, 2, 3, 4),
		"five":         Majority(1, 2, 3, 4, 5),
		"three by two": Groups([]Voter{{1, 1, 1}, {2, 1, 1}, {3, 1, 2}, {4, 1, 2}, {5, 1, 3}, {6, 1, 3}}),
		"weighted":     Groups([]Voter{{1, 3, 1}, {2, 1, 1}, {3, 0, 1}, {4, 2, 2}, {5, 2, 2}, {6, 0, 3}}),
	}
	for name, s := range systems {
		for a := range 1 << 6 {
			for b := range 1 << 6 {
				sa, sb := subset(a), subset(b)
				if a&b == 0 && s.Quorum(&sa) && s.Quorum(&sb) {
					t.Fatalf("%s: disjoint quorums %b and %b", name, a, b)
				}
			}
		}
	}
}

// The sizes that people rely on.
func TestMajoritySizes(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4} {
		ids := make([]uint32, n)
		for i := range ids {
			ids[i] = uint32(i + 1)
		}
		s := Majority(ids...)
		for k := range n + 1 {
			set := subset(1<<k - 1)
			if got := s.Quorum(&set); got != (k >= want) {
				t.Errorf("%d of %d: quorum = %v", k, n, got)
			}
		}
	}
}

// Nobody cannot decide, and strangers do not count.
func TestStrangersDoNotCount(t *testing.T) {
	var ids IDs
	for i := range 256 {
		ids.Add(uint32(i))
	}
	if (System{}).Quorum(&ids) || Groups(nil).Quorum(&ids) || Groups([]Voter{{1, 0, 1}}).Quorum(&ids) {
		t.Fatal("an empty system has a quorum")
	}
	var strangers IDs
	for i := 10; i < 256; i++ {
		strangers.Add(uint32(i))
	}
	if s := Majority(1, 2, 3); s.Quorum(&strangers) || s.Has(10) {
		t.Fatal("strangers made a quorum")
	}
}

// A group without weight can never be won, so it does not count among the groups of which more than half are needed.
func TestGroupsWithoutWeightDoNotCount(t *testing.T) {
	s := Groups([]Voter{{1, 1, 1}, {2, 1, 1}, {3, 1, 1}, {4, 0, 2}})
	var two IDs
	two.Add(1)
	two.Add(3)
	if !s.Quorum(&two) {
		t.Error("two of the three servers that weigh anything are no quorum")
	}
}

// Reached equals the slow definition: the greatest value such that those who reached it are a quorum.
func TestReachedAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var voters []Voter
		var ids []uint32
		for id := uint32(1); id <= uint32(1+r.IntN(7)); id++ {
			voters = append(voters, Voter{id, uint32(r.IntN(3)), uint8(r.IntN(3))})
			ids = append(ids, id)
		}
		at := map[uint32]int64{}
		for _, id := range ids {
			at[id] = int64(r.IntN(6))
		}
		for _, s := range []System{Majority(ids...), Groups(voters)} {
			var want int64
			for v := int64(1); v < 6; v++ {
				var set IDs
				for _, id := range ids {
					if at[id] >= v {
						set.Add(id)
					}
				}
				if s.Quorum(&set) {
					want = v
				}
			}
			if got := s.Reached(func(id uint32) int64 { return at[id] }); got != want {
				t.Fatalf("%+v at %v: got %d, want %d", s, at, got, want)
			}
		}
	}
}

func subset(bits int) (s IDs) {
	for i := range 8 {
		if bits&(1<<i) != 0 {
			s.Add(uint32(i + 1))
		}
	}
	return s
}

func BenchmarkReached(b *testing.B) {
	s := Majority(1, 2, 3, 4, 5)
	at := [6]int64{0, 5, 4, 3, 2, 1}
	b.ReportAllocs()
	for b.Loop() {
		s.Reached(func(id uint32) int64 { return at[id] })
	}
}

// Numbers beyond a byte are like the small ones, and a copy of a set does not change with it.
func TestLargeNumbers(t *testing.T) {
	var a IDs
	for _, id := range []uint32{300, 7, 1 << 31, 44, 256, 300} {
		a.Add(id)
	}
	b := a
	b.Add(100000)
	b.Remove(256)
	a.Add(400)
	a.Remove(7)
	for id, in := range map[uint32][2]bool{300: {true, true}, 7: {false, true}, 1 << 31: {true, true}, 44: {true, true}, 256: {true, false}, 100000: {false, true}, 400: {true, false}, 0: {}} {
		if a.Has(id) != in[0] || b.Has(id) != in[1] {
			t.Errorf("%d: in the one %v, in its copy %v; want %v", id, a.Has(id), b.Has(id), in)
		}
	}
	s := Majority(1<<31, 1, 300)
	var two IDs
	two.Add(300)
	two.Add(44) // which has the low byte of 300
	if s.Quorum(&two) {
		t.Error("a stranger that shares the low byte of a voter counted")
	}
	two.Add(1 << 31)
	if !s.Quorum(&two) || !s.Has(300) || s.Has(44) {
		t.Error("two voters of three are no quorum")
	}
}
