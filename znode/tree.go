package znode

import (
	"strings"
	"unsafe"

	"github.com/paddock-zk/paddock/session"
)

// find is the node at path, 0 if there is none. "" is the root, as in ZooKeeper's table of paths; nothing else is normalised.
func (s *State) find(path string) nodeID {
	if len(path) <= 1 {
		if path == "" || path == pathRoot {
			return rootID
		}
		return 0
	}
	if path[0] != '/' || path[len(path)-1] == '/' {
		return 0
	}
	h := rootHash
	for rest := path[1:]; ; {
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			h = childHash(h, rest)
			break
		}
		h, rest = childHash(h, rest[:i]), rest[i+1:]
	}
	for c := s.index.lookup(h); ; {
		id := c.next()
		if id == 0 {
			return 0
		}
		if n := s.nodes.at(id); n.pathHash == h && s.hasPath(n, path) {
			return id
		}
	}
}

// hasPath compares a node's names up to the root with path: hashes only narrow the search.
func (s *State) hasPath(n *node, path string) bool {
	for n.parent != 0 {
		name := s.name(n)
		cut := len(path) - len(name)
		if cut < 1 || path[cut-1] != '/' || path[cut:] != name {
			return false
		}
		path, n = path[:cut-1], s.nodes.at(n.parent)
	}
	return path == ""
}

// findChild is the child of parent called name, 0 if there is none.
func (s *State) findChild(parent nodeID, name string) nodeID {
	h := childHash(s.nodes.at(parent).pathHash, name)
	for c := s.index.lookup(h); ; {
		id := c.next()
		if id == 0 {
			return 0
		}
		if n := s.nodes.at(id); n.pathHash == h && n.parent == parent && s.name(n) == name {
			return id
		}
	}
}

// name aliases the arena: it is good until the node changes or goes.
func (s *State) name(n *node) string {
	if n.nameLen() == 0 {
		return ""
	}
	b := s.blobs.bytes(n.blob, n.nameLen())
	return unsafe.String(&b[0], len(b))
}

// data aliases the arena; nil for null.
func (s *State) data(n *node) []byte {
	switch {
	case n.dataLen < 0:
		return nil
	case n.dataLen == 0:
		return []byte{}
	}
	return s.blobs.bytes(n.blob, n.blobSize())[n.nameLen():]
}

// appendPath appends the path of a node.
func (s *State) appendPath(dst []byte, id nodeID) []byte {
	if id == rootID {
		return append(dst, '/')
	}
	size := s.pathLen(id)
	start := len(dst)
	dst = append(dst, make([]byte, size)...)
	for end := start + size; id != rootID; {
		n := s.nodes.at(id)
		end -= n.nameLen()
		copy(dst[end:], s.name(n))
		end--
		dst[end] = '/'
		id = n.parent
	}
	return dst
}

// path is the path of a node in memory of its own.
func (s *State) path(id nodeID) string { return string(s.appendPath(nil, id)) }

// pathLen is the length of the path of a node in bytes.
func (s *State) pathLen(id nodeID) int {
	if id == rootID {
		return 1
	}
	size := 0
	for id != rootID {
		n := s.nodes.at(id)
		size += n.nameLen() + 1
		id = n.parent
	}
	return size
}

// newNode makes a node with zero stat that is not yet part of the tree. It takes a reference on acl.
func (s *State) newNode(parent nodeID, name string, data []byte, acl aclID) nodeID {
	id := s.nodes.alloc()
	n := s.nodes.at(id)
	n.parent, n.acl = parent, acl
	n.pathHash = childHash(s.nodes.at(parent).pathHash, name)
	s.acls.ref(acl)
	s.fillBlob(n, name, data)
	return id
}

// fillBlob gives a node a fresh block with name and data.
func (s *State) fillBlob(n *node, name string, data []byte) {
	ref, b := s.blobs.alloc(len(name) + len(data))
	copy(b, name)
	copy(b[len(name):], data)
	n.blob, n.dataLen = ref, int32(len(data))
	n.setNameLen(len(name))
	if data == nil {
		n.dataLen = -1
	}
}

// attach makes a node part of the tree: index, siblings, owner's list, quotas, totals.
func (s *State) attach(id nodeID) {
	n := s.nodes.at(id)
	s.index.insert(&s.nodes, id)
	s.linkLast(id, n)
	s.join(id, n)
}

// reattach takes a detach back, if all that has happened since is undone already.
func (s *State) reattach(id nodeID) {
	n := s.nodes.at(id)
	s.index.insert(&s.nodes, id)
	s.relink(id, n)
	s.join(id, n)
}

// join is what attach and reattach do with a node that has its place.
func (s *State) join(id nodeID, n *node) {
	s.addOwned(id, n)
	s.totals.nodes++
	s.totals.dataSize += int64(s.pathLen(id)) + int64(max(n.dataLen, 0))
	s.totals.sum += s.statHash(n) + s.dataHash(n)
	s.noteQuotaNode(id, n, true)
	s.markNode(id)
}

// detach takes a node without children out of the tree; its slot, block and ACL stay until discard.
func (s *State) detach(id nodeID) {
	n := s.nodes.at(id)
	s.noteQuotaNode(id, n, false)
	s.totals.sum -= s.statHash(n) + s.dataHash(n)
	s.totals.dataSize -= int64(s.pathLen(id)) + int64(max(n.dataLen, 0))
	s.totals.nodes--
	s.removeOwned(id, n)
	s.unlink(id, n)
	s.index.remove(&s.nodes, id)
	s.markNode(id)
}

// discard gives back what a detached node held.
func (s *State) discard(id nodeID) {
	n := s.nodes.at(id)
	s.blobs.release(n.blob, n.blobSize())
	s.acls.release(n.acl)
	s.nodes.release(id)
}

// touch must come before a change of a node's stat or ACL, settle after it: between them its hash is out of the digest.
func (s *State) touch(id nodeID) *node {
	n := s.nodes.at(id)
	s.undo.changed(id, n)
	s.totals.sum -= s.statHash(n)
	s.markNode(id)
	return n
}

func (s *State) settle(n *node) { s.totals.sum += s.statHash(n) }

// replaceData changes a touched node's data.
func (s *State) replaceData(n *node, data []byte) {
	s.totals.sum -= s.dataHash(n)
	s.totals.dataSize += int64(len(data)) - int64(max(n.dataLen, 0))
	old, oldSize := n.blob, n.blobSize()
	if size := n.nameLen() + len(data); !s.undo.active && fits(oldSize, size) {
		copy(s.blobs.bytes(old, size)[n.nameLen():], data)
		n.dataLen = int32(len(data))
		if data == nil {
			n.dataLen = -1
		}
	} else {
		s.fillBlob(n, s.name(n), data)
		s.releaseBlob(old, oldSize)
	}
	s.totals.sum += s.dataHash(n)
}

// keptSet lists the containers and TTL nodes, so that the sweep need not walk the tree.
type keptSet struct {
	list  []nodeID
	place map[nodeID]uint32
}

// addOwned puts a node on its owner's list. The owner of an ephemeral exists: Apply and the loaders check it.
func (s *State) addOwned(id nodeID, n *node) {
	switch ownerClass(n.owner) {
	case ownedBySession:
		rec := s.sessions[session.ID(n.owner)]
		n.child = uint32(len(rec.owned))
		rec.owned = append(rec.owned, id)
		s.totals.ephemerals++
	case ownedByContainer, ownedByTTL:
		s.kept.place[id] = uint32(len(s.kept.list))
		s.kept.list = append(s.kept.list, id)
	}
}

func (s *State) removeOwned(id nodeID, n *node) {
	switch ownerClass(n.owner) {
	case ownedBySession:
		rec := s.sessions[session.ID(n.owner)]
		last := len(rec.owned) - 1
		moved := rec.owned[last]
		rec.owned[n.child] = moved
		s.nodes.at(moved).child = n.child
		rec.owned = rec.owned[:last]
		n.child = 0
		s.totals.ephemerals--
	case ownedByContainer, ownedByTTL:
		last := len(s.kept.list) - 1
		moved, place := s.kept.list[last], s.kept.place[id]
		s.kept.list[place] = moved
		s.kept.place[moved] = place
		s.kept.list = s.kept.list[:last]
		delete(s.kept.place, id)
	}
}
