package znode

import "github.com/cespare/xxhash/v2"

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

const bucketShift = 12

// pathIndex finds nodes by the hash of their path: linear hashing (W. Litwin, 1980), chains through node.hashNext. It grows by one
// bucket for each insertion, so there is never a pause for a rehash. 4 bytes a node.
type pathIndex struct {
	chunks []*[1 << bucketShift]nodeID
	used   uint64 // buckets
	level  uint64 // largest power of two <= used
	count  uint64
}

// bucket is the bucket for hash h.
func (x *pathIndex) bucket(h uint64) *nodeID {
	i := h & (2*x.level - 1)
	if i >= x.used {
		i = h & (x.level - 1)
	}
	return x.slot(i)
}

func (x *pathIndex) slot(i uint64) *nodeID {
	return &x.chunks[i>>bucketShift][i&(1<<bucketShift-1)]
}

// head is the first node of the chain where nodes of hash h are.
func (x *pathIndex) head(h uint64) nodeID {
	if x.used == 0 {
		return 0
	}
	return *x.bucket(h)
}

func (x *pathIndex) insert(s *nodeSlab, id nodeID) {
	if x.count++; x.count > x.used {
		x.split(s)
	}
	n := s.at(id)
	b := x.bucket(n.pathHash)
	n.hashNext, *b = *b, id
}

// split adds one bucket and moves to it what belongs there, all from one older bucket.
func (x *pathIndex) split(s *nodeSlab) {
	i := x.used
	if int(i>>bucketShift) == len(x.chunks) {
		x.chunks = append(x.chunks, new([1 << bucketShift]nodeID))
	}
	x.used++
	if i == 0 {
		x.level = 1
		return
	}
	if i == 2*x.level {
		x.level = i
	}
	stay, move := x.slot(i-x.level), x.slot(i)
	id := *stay
	*stay, *move = 0, 0
	for id != 0 {
		n := s.at(id)
		next := n.hashNext
		to := stay
		if n.pathHash&(2*x.level-1) == i {
			to = move
		}
		n.hashNext, *to = *to, id
		id = next
	}
}

func (x *pathIndex) remove(s *nodeSlab, id nodeID) {
	n := s.at(id)
	p := x.bucket(n.pathHash)
	for *p != id {
		p = &s.at(*p).hashNext
	}
	*p, n.hashNext = n.hashNext, 0
	x.count--
}
