package znode

import (
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// rootHash is the identity of "/".
const rootHash uint64 = 0x9e3779b97f4a7c15

// childHash is the identity of the child called name under the node with identity parent. It depends on the path alone, so it is
// the same on every server.
func childHash(parent uint64, name string) uint64 { return mix64(parent + xxhash.Sum64String(name)) }

// mix64 is a full-avalanche permutation (the finalizer of splitmix64).
func mix64(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

const (
	groupSlots   = 12
	groupCount   = 128
	groupMask    = groupCount - 1
	segmentSlots = groupSlots * groupCount
	segmentFull  = segmentSlots * 5 / 6
)

// group is one cache line of slots. A tag is 8 bits of the hash, 0 for an empty slot, so that a probe rarely looks at a node that it
// does not want.
type group struct {
	tags  [groupSlots]uint8
	over  uint32 // entries that wanted to be here, or passed by, and lie further on
	slots [groupSlots]nodeID
}

// segment is a small hash table of 8192 bytes: an entry lies in the group its hash names or, if that is full, in one after it.
type segment struct{ groups [groupCount]group }

type segmentRef struct {
	*segment
	used     int32
	depth    uint8    // how many leading bits of the hash all entries share
	overflow []nodeID // only if so many nodes share a hash that splitting does not help
}

// pathIndex finds nodes by the hash of their path: extendible hashing (Fagin et al., 1979). A full segment splits in two, which moves
// at most 1280 entries, so there is never a pause for a rehash of everything. 6.4 to 12.8 bytes a node.
type pathIndex struct {
	dir   []*segmentRef // by the leading bits of the hash
	bits  uint8
	count uint64
}

func tagOf(h uint64) uint8 { return max(uint8(h>>7), 1) }

func (x *pathIndex) segmentOf(h uint64) *segmentRef { return x.dir[h>>(64-x.bits)] }

// cursor walks the nodes whose hash may be h.
type cursor struct {
	seg *segmentRef
	at  uint32 // next slot of the group, then next of the overflow
	in  uint32 // group; counts on from the first one
	end uint32 // beyond the last group that may matter
	tag uint8
}

func (x *pathIndex) lookup(h uint64) cursor {
	home := uint32(h & groupMask)
	return cursor{seg: x.segmentOf(h), in: home, end: home + groupCount, tag: tagOf(h)}
}

// next is another candidate, 0 if there is none.
func (c *cursor) next() nodeID {
	for c.in < c.end {
		g := &c.seg.groups[c.in&groupMask]
		for i := c.at; i < groupSlots; i++ {
			if g.tags[i] == c.tag {
				c.at = i + 1
				return g.slots[i]
			}
		}
		if c.at, c.in = 0, c.in+1; g.over == 0 {
			c.end = c.in
		}
	}
	if int(c.at) < len(c.seg.overflow) {
		c.at++
		return c.seg.overflow[c.at-1]
	}
	return 0
}

func (x *pathIndex) insert(s *nodeSlab, id nodeID) {
	if x.dir == nil {
		x.dir = []*segmentRef{{segment: new(segment)}}
	}
	x.count++
	h := s.at(id).pathHash
	seg := x.segmentOf(h)
	for seg.used == segmentFull {
		if !x.split(s, seg, h) {
			seg.overflow = append(seg.overflow, id)
			return
		}
		seg = x.segmentOf(h)
	}
	seg.put(h, id)
}

// put needs a segment that is not full.
func (s *segmentRef) put(h uint64, id nodeID) {
	s.used++
	for i := h; ; i++ {
		g := &s.groups[i&groupMask]
		for j, tag := range g.tags {
			if tag == 0 {
				g.tags[j], g.slots[j] = tagOf(h), id
				return
			}
		}
		g.over++
	}
}

// split halves a full segment, doubling the directory if it must. It refuses where the directory would be far larger than so many
// nodes need: then hashes collide on purpose.
func (x *pathIndex) split(s *nodeSlab, seg *segmentRef, h uint64) bool {
	if seg.depth == x.bits {
		if x.bits >= uint8(bits.Len64(x.count/segmentSlots))+4 {
			return false
		}
		bigger := make([]*segmentRef, 2*len(x.dir))
		for i := range bigger {
			bigger[i] = x.dir[i/2]
		}
		x.dir, x.bits = bigger, x.bits+1
	}
	seg.depth++
	twin := &segmentRef{segment: new(segment), depth: seg.depth}
	span := 1 << (x.bits - seg.depth) // directory entries of each half
	first := int(h>>(64-x.bits)) &^ (2*span - 1)
	for i := first + span; i < first+2*span; i++ {
		x.dir[i] = twin
	}
	old := *seg.segment
	*seg.segment, seg.used = segment{}, 0
	for i := range old.groups {
		g := &old.groups[i]
		for j, tag := range g.tags {
			if tag == 0 {
				continue
			}
			to, hash := seg, s.at(g.slots[j]).pathHash
			if hash>>(64-seg.depth)&1 != 0 {
				to = twin
			}
			to.put(hash, g.slots[j])
		}
	}
	return true
}

func (x *pathIndex) remove(s *nodeSlab, id nodeID) {
	x.count--
	h := s.at(id).pathHash
	seg := x.segmentOf(h)
	if !seg.take(h, id) {
		seg.overflow = slices.DeleteFunc(seg.overflow, func(o nodeID) bool { return o == id })
	}
}

// take removes an entry and its traces in the groups that it had passed. False if it is not in a group.
func (s *segmentRef) take(h uint64, id nodeID) bool {
	for passed := range uint64(groupCount) {
		g := &s.groups[(h+passed)&groupMask]
		for j := range g.tags {
			if g.tags[j] == 0 || g.slots[j] != id {
				continue
			}
			g.tags[j] = 0
			s.used--
			for i := range passed {
				s.groups[(h+i)&groupMask].over--
			}
			return true
		}
		if g.over == 0 {
			return false
		}
	}
	return false
}
