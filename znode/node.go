package znode

import (
	"math"

	"github.com/paddock-zk/paddock/session"
)

// nodeID addresses a node record. 0 is none; the root is rootID.
type nodeID = uint32

const rootID nodeID = 1

// Flags of a node record. flagDirty belongs to the slot and survives the node, so that its deletion is drained too.
const (
	flagUsed  uint32 = 1 << iota // the slot holds a node
	flagDirty                    // the slot is on the list of changes
)

// node is everything about a znode but its name and data. It holds no Go pointer, so the collector never looks inside a slab.
// 104 bytes: 64-bit fields first, no padding.
type node struct {
	pathHash uint64 // identity: hash of the whole path; index key and digest key
	czxid    int64
	mzxid    int64
	pzxid    int64
	ctime    int64
	mtime    int64
	owner    int64 // stored form: 0, session id, container or TTL

	version  int32
	cversion int32 // raw: creates of children, wrapping
	aversion int32

	parent nodeID
	child  nodeID // first child; of an ephemeral (which has none): its place in the owner's list
	next   nodeID // sibling; of a free slot: the next free one
	prev   nodeID // sibling; of the first: the last

	children int32
	acl      aclID
	blob     blobRef // name, then data
	dataLen  int32   // -1 is null
	flags    uint32  // low 8 bits: flags; the rest: length of the name
}

const (
	nameShift = 8
	maxName   = 1<<(32-nameShift) - 1
)

func (n *node) nameLen() int { return int(n.flags >> nameShift) }

func (n *node) setNameLen(size int) {
	n.flags = n.flags&(1<<nameShift-1) | uint32(size)<<nameShift
}

// blobSize is the size of name and data together.
func (n *node) blobSize() int { return n.nameLen() + int(max(n.dataLen, 0)) }

// stat is the client's view of n.
func (n *node) stat() Stat {
	st := Stat{
		Czxid: n.czxid, Mzxid: n.mzxid, Ctime: n.ctime, Mtime: n.mtime,
		Version: n.version, Cversion: 2*n.cversion - n.children, Aversion: n.aversion,
		DataLength: max(n.dataLen, 0), NumChildren: n.children, Pzxid: n.pzxid,
	}
	if ownerClass(n.owner) == ownedBySession {
		st.EphemeralOwner = n.owner
	}
	return st
}

// class says what keeps a node alive (ZooKeeper's EphemeralType, with extended types always recognised: session ids never
// begin with 0xff).
type class uint8

const (
	ownedByNobody class = iota
	ownedBySession
	ownedByContainer
	ownedByTTL
)

const (
	containerOwner int64 = math.MinInt64
	ttlOwner       int64 = -1 << 56 // 0xff in the top byte; the low 40 bits are the TTL in ms
	// MaxTTL is the longest TTL, ms (EphemeralType.TTL.maxValue).
	MaxTTL int64 = 1<<40 - 1
)

func ownerClass(owner int64) class {
	switch {
	case owner == 0:
		return ownedByNobody
	case owner == containerOwner:
		return ownedByContainer
	case owner>>56 == -1:
		return ownedByTTL
	}
	return ownedBySession
}

// ttlOf is the TTL in ms of a node with ownedByTTL.
func ttlOf(owner int64) int64 { return owner & MaxTTL }

// sessionIDValid says whether an id can own ephemerals without being taken for a container or a TTL.
func sessionIDValid(id session.ID) bool { return ownerClass(int64(id)) == ownedBySession }

// 1024 records of 104 bytes fill 13 pages exactly.
const (
	chunkShift = 10
	chunkNodes = 1 << chunkShift
)

// nodeSlab hands out node records by number, in chunks that never move.
type nodeSlab struct {
	chunks []*[chunkNodes]node // nil after a load for chunks without a node
	top    nodeID              // first number never used
	free   nodeID              // list of free slots through node.next
	holes  []uint32            // nil chunks below top
}

func (s *nodeSlab) at(id nodeID) *node { return &s.chunks[id>>chunkShift][id&(chunkNodes-1)] }

// alloc returns a slot with only its dirty flag kept.
func (s *nodeSlab) alloc() nodeID {
	if s.free == 0 && len(s.holes) > 0 {
		s.fillHole()
	}
	id := s.free
	if id != 0 {
		n := s.at(id)
		s.free = n.next
		*n = node{flags: n.flags&flagDirty | flagUsed}
		return id
	}
	if s.top == 0 {
		s.top = rootID
	}
	id = s.top
	s.grow(id)
	s.at(id).flags = flagUsed
	return id
}

// grow makes sure that slot id exists.
func (s *nodeSlab) grow(id nodeID) {
	c := int(id >> chunkShift)
	for c >= len(s.chunks) {
		s.chunks = append(s.chunks, nil)
	}
	if s.chunks[c] == nil {
		s.chunks[c] = new([chunkNodes]node)
	}
	s.top = max(s.top, id+1)
}

// fillHole makes a missing chunk's slots free.
func (s *nodeSlab) fillHole() {
	last := len(s.holes) - 1
	c := s.holes[last]
	s.holes = s.holes[:last]
	s.chunks[c] = new([chunkNodes]node)
	for i := uint32(chunkNodes); i > 0; i-- {
		if id := c<<chunkShift | (i - 1); id >= rootID {
			s.release(id)
		}
	}
}

// rebuildFree makes the list of free slots after a load filled slots in any order. Slots that will be used next come first.
func (s *nodeSlab) rebuildFree() {
	s.free, s.holes = 0, nil
	for c := len(s.chunks) - 1; c >= 0; c-- {
		if s.chunks[c] == nil {
			s.holes = append(s.holes, uint32(c))
			continue
		}
		for i := uint32(chunkNodes); i > 0; i-- {
			id := uint32(c)<<chunkShift | (i - 1)
			if id >= rootID && id < s.top && s.at(id).flags&flagUsed == 0 {
				s.release(id)
			}
		}
	}
}

// each calls f for every node, in order of slots.
func (s *nodeSlab) each(f func(id nodeID, n *node)) {
	for c, chunk := range s.chunks {
		if chunk == nil {
			continue
		}
		for i := range chunk {
			if chunk[i].flags&flagUsed != 0 {
				f(uint32(c)<<chunkShift|uint32(i), &chunk[i])
			}
		}
	}
}

func (s *nodeSlab) release(id nodeID) {
	n := s.at(id)
	*n = node{flags: n.flags & flagDirty, next: s.free}
	s.free = id
}
