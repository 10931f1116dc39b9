package znode

import (
	"encoding/binary"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/paddock-zk/paddock/session"
)

// The digest of a state is the sum, modulo 2^64, of the hashes of its parts (a set hash: AdHash, Bellare and Micciancio 1997), so a
// change costs only the hashes of what changed. A node contributes two parts, so that a change of its stat (a child came) does not
// hash its data again. Slots and ACL ids do not enter: they differ between servers. The order of children need not: it follows from their stats.

// statHash is the part of a node's identity, stat and ACL.
func (s *State) statHash(n *node) uint64 { return statHash(n, s.acls.at(n.acl).hash) }

func statHash(n *node, acl uint64) uint64 {
	var b [80]byte
	le := binary.LittleEndian
	le.PutUint64(b[0:], n.pathHash)
	le.PutUint64(b[8:], uint64(n.czxid))
	le.PutUint64(b[16:], uint64(n.mzxid))
	le.PutUint64(b[24:], uint64(n.pzxid))
	le.PutUint64(b[32:], uint64(n.ctime))
	le.PutUint64(b[40:], uint64(n.mtime))
	le.PutUint64(b[48:], uint64(n.owner))
	le.PutUint32(b[56:], uint32(n.version))
	le.PutUint32(b[60:], uint32(n.cversion))
	le.PutUint32(b[64:], uint32(n.aversion))
	le.PutUint32(b[68:], uint32(n.dataLen))
	le.PutUint64(b[72:], acl)
	return xxhash.Sum64(b[:])
}

// dataHash is the part of a node's data.
func (s *State) dataHash(n *node) uint64 {
	return mix64(xxhash.Sum64(s.data(n)) ^ bits.RotateLeft64(n.pathHash, 32))
}

func sessionHash(id session.ID, timeoutMs int32, password *[16]byte) uint64 {
	var b [29]byte
	b[0] = 's'
	binary.LittleEndian.PutUint64(b[1:], uint64(id))
	binary.LittleEndian.PutUint32(b[9:], uint32(timeoutMs))
	copy(b[13:], password[:])
	return xxhash.Sum64(b[:])
}

func secretHash(name string, data []byte) uint64 {
	return mix64(xxhash.Sum64(data) ^ bits.RotateLeft64(xxhash.Sum64String(name), 17))
}
