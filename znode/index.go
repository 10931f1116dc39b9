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
	segmentSlots = 2048
	segmentMask  = segmentSlots - 1
	segmentFull  = segmentSlots * 7 / 8
)

// segment is a small open-addressing table. A tag is 8 bits of the hash, 0 for an empty slot, so that a probe rarely looks at a node
// that it does not want. 10240 bytes, one of the allocator's sizes.
type segment struct {
	tags  [segmentSlots]uint8
	slots [segmentSlots]nodeID
}

type segmentRef struct {
	*segment
	used     int32
	depth    uint8    // how many leading bits of the hash all entries share
	overflow []nodeID // only if so many nodes share a hash that splitting does not help
}

// pathIndex finds nodes by the hash of their path: extendible hashing (Fagin et al., 1979). A full segment splits in two, which moves
// at most 1792 entries, so there is never a pause for a rehash of everything. 6 to 11 bytes a node.
type pathIndex struct {
	dir   []*segmentRef // by the leading bits of the hash
	bits  uint8
	count uint64
}

func tagOf(h uint64) uint8 { return max(uint8(h>>11), 1) }

func (x *pathIndex) segmentOf(h uint64) *segmentRef { return x.dir[h>>(64-x.bits)] }

// cursor walks the nodes whose hash may be h.
type cursor struct {
	seg *segmentRef
	at  uint32
	tag uint8
	end bool // among the overflow
}

func (x *pathIndex) lookup(h uint64) cursor {
	return cursor{seg: x.segmentOf(h), at: uint32(h & segmentMask), tag: tagOf(h)}
}

// next is another candidate, 0 if there is none.
func (c *cursor) next() nodeID {
	if !c.end {
		for seg := c.seg.segment; ; {
			i := c.at & segmentMask
			tag := seg.tags[i]
			if tag == 0 {
				break
			}
			c.at++
			if tag == c.tag {
				return seg.slots[i]
			}
		}
		c.end, c.at = true, 0
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

func (g *segmentRef) put(h uint64, id nodeID) {
	i := h & segmentMask
	for g.tags[i] != 0 {
		i = (i + 1) & segmentMask
	}
	g.tags[i], g.slots[i] = tagOf(h), id
	g.used++
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
	clear(seg.tags[:])
	seg.used = 0
	for i, tag := range old.tags {
		if tag == 0 {
			continue
		}
		to, hash := seg, s.at(old.slots[i]).pathHash
		if hash>>(64-seg.depth)&1 != 0 {
			to = twin
		}
		to.put(hash, old.slots[i])
	}
	return true
}

func (x *pathIndex) remove(s *nodeSlab, id nodeID) {
	x.count--
	h := s.at(id).pathHash
	seg := x.segmentOf(h)
	i := h & segmentMask
	for seg.tags[i] != 0 && seg.slots[i] != id {
		i = (i + 1) & segmentMask
	}
	if seg.tags[i] == 0 {
		seg.overflow = slices.DeleteFunc(seg.overflow, func(o nodeID) bool { return o == id })
		return
	}
	for j := i; ; { // close the gap, so that no marks of deleted entries pile up
		j = (j + 1) & segmentMask
		if seg.tags[j] == 0 {
			break
		}
		home := s.at(seg.slots[j]).pathHash & segmentMask
		if (j-home)&segmentMask >= (j-i)&segmentMask {
			seg.tags[i], seg.slots[i] = seg.tags[j], seg.slots[j]
			i = j
		}
	}
	seg.tags[i] = 0
	seg.used--
}
