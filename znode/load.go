package znode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/paddock-zk/paddock/session"
)

// ErrImage is wrapped by every complaint about an image: it is damaged or of another format. Take an older checkpoint or another peer's.
var ErrImage = errors.New("znode: bad image")

// loading is what a load needs until its end.
type loading struct {
	meta      *metaRecord
	unordered map[nodeID]struct{} // parents whose children came in another order than theirs
}

// Marks of nodes during a load.
const (
	flagTrail  uint32 = 1 << 2 // on its way into the tree: meeting it again means a cycle
	flagLinked uint32 = 1 << 3 // part of the tree
)

// BeginLoad empties the state for an image.
func (s *State) BeginLoad() {
	s.reset()
	s.load = &loading{unordered: map[nodeID]struct{}{}}
}

// LoadRecord takes one record of an image, in any order. It copies what it keeps.
func (s *State) LoadRecord(key, value []byte) error {
	if s.load == nil {
		panic("znode: LoadRecord outside BeginLoad and EndLoad")
	}
	if err := s.loadRecord(key, value); err != nil {
		return fmt.Errorf("%w: record %x: %w", ErrImage, key[:min(len(key), 16)], err)
	}
	return nil
}

var errKey = errors.New("unknown key")

func (s *State) loadRecord(key, value []byte) error {
	if len(value) == 0 || value[0] != recordVersion {
		return errors.New("unknown format version: written by a newer release?")
	}
	switch {
	case len(key) == 5 && key[0] == recordNode:
		return s.loadNode(binary.BigEndian.Uint32(key[1:]), value)
	case len(key) == 5 && key[0] == recordACL:
		return s.loadACL(binary.BigEndian.Uint32(key[1:]), value)
	case len(key) == 9 && key[0] == recordSession:
		return s.loadSession(session.ID(binary.BigEndian.Uint64(key[1:])), value)
	case len(key) > 1 && len(key) <= 1+maxSecretName && key[0] == recordSecret:
		s.secrets[string(key[1:])] = slices.Clone(value[1:])
		return nil
	case len(key) == 1 && key[0] == recordMeta:
		m, err := decodeMeta(value)
		s.load.meta = &m
		return err
	}
	return errKey
}

func (s *State) loadNode(id nodeID, value []byte) error {
	if id == 0 || id == ^nodeID(0) {
		return errKey
	}
	s.nodes.grow(id)
	n := s.nodes.at(id)
	if n.flags&flagUsed != 0 {
		return errors.New("slot comes twice")
	}
	var fresh node
	blob, err := decodeNode(value, &fresh)
	if err != nil {
		return err
	}
	*n = fresh
	n.flags |= flagUsed
	ref, b := s.blobs.alloc(len(blob))
	copy(b, blob)
	n.blob = ref
	return nil
}

func (s *State) loadACL(id aclID, value []byte) error {
	if id <= openACL || id > maxACLID {
		return errKey
	}
	list, err := decodeACL(value[1:])
	if err != nil {
		return err
	}
	t := &s.acls
	t.scratch = appendACL(t.scratch[:0], list)
	if _, known := t.byKey[string(t.scratch)]; known || t.grow(id).live() {
		return errors.New("ACL comes twice")
	}
	t.put(id, list)
	return nil
}

func (s *State) loadSession(id session.ID, value []byte) error {
	timeoutMs, password, err := decodeSession(value)
	if err != nil {
		return err
	}
	if !sessionIDValid(id) || s.sessions[id] != nil {
		return errors.New("session id is impossible or comes twice")
	}
	s.sessions[id] = &sessionRecord{timeoutMs: timeoutMs, password: password}
	return nil
}

// EndLoad links the records to a tree and checks counts and digest. After an error the state must not be used.
// After it DrainChanges hands out nothing until something changes; MarkAllChanged turns that around.
func (s *State) EndLoad() error {
	if s.load == nil {
		panic("znode: EndLoad without BeginLoad")
	}
	if err := s.endLoad(); err != nil {
		return fmt.Errorf("%w: %w", ErrImage, err)
	}
	return nil
}

func (s *State) endLoad() error {
	meta := s.load.meta
	if meta == nil {
		return errors.New("the record of totals is missing: the image was cut short")
	}
	if err := s.linkAll(); err != nil {
		return err
	}
	for id, rec := range s.sessions {
		s.totals.sum += sessionHash(id, rec.timeoutMs, &rec.password)
	}
	for name, data := range s.secrets {
		s.totals.sum += secretHash(name, data)
	}
	s.nodes.rebuildFree()
	s.rebuildFreeACLs()
	s.zxid, s.time, s.load = meta.zxid, meta.time, nil
	got := metaRecord{zxid: s.zxid, time: s.time, nodes: int64(s.totals.nodes), sessions: int64(len(s.sessions)),
		secrets: int64(len(s.secrets)), digest: s.totals.sum}
	return got.compare(*meta)
}

// compare holds what was added up to what the image says of itself.
func (got metaRecord) compare(want metaRecord) error {
	if got != want {
		return fmt.Errorf("it adds up to %d nodes, %d sessions, %d private records, digest %016x, but should have %d, %d, %d, %016x at zxid %v",
			got.nodes, got.sessions, got.secrets, got.digest, want.nodes, want.sessions, want.secrets, want.digest, want.zxid)
	}
	return nil
}

// linkAll joins the loaded nodes to a tree, parents before children whatever the order of slots.
func (s *State) linkAll() error {
	if s.nodes.top <= rootID {
		return errors.New("there is no root")
	}
	root := s.nodes.at(rootID)
	if root.flags&flagUsed == 0 || root.parent != 0 || root.nameLen() != 0 || root.owner != 0 || !s.knownACL(root.acl) {
		return errors.New("the root is missing or malformed")
	}
	root.pathHash, root.flags = rootHash, root.flags|flagLinked
	s.acls.ref(root.acl)
	s.index.insert(&s.nodes, rootID)
	s.totals = totals{nodes: 1, dataSize: 1 + int64(max(root.dataLen, 0)), sum: s.statHash(root) + s.dataHash(root)}
	var err error
	var trail []nodeID
	s.nodes.each(func(id nodeID, n *node) {
		for err == nil && n.flags&flagLinked == 0 {
			trail, err = s.linkFrom(id, trail[:0])
		}
	})
	s.nodes.each(func(_ nodeID, n *node) { n.flags &^= flagTrail | flagLinked })
	if err == nil {
		for parent := range s.load.unordered {
			p := s.nodes.at(parent)
			s.orderFrom(p, p.child)
		}
	}
	return err
}

// linkFrom links a node after its ancestors.
func (s *State) linkFrom(id nodeID, trail []nodeID) ([]nodeID, error) {
	for {
		n := s.nodes.at(id)
		if n.flags&flagLinked != 0 {
			break
		}
		if n.flags&flagTrail != 0 {
			return trail, fmt.Errorf("node %d is its own ancestor", id)
		}
		if n.flags |= flagTrail; n.parent == 0 || !s.usedNode(n.parent) {
			return trail, fmt.Errorf("node %d has no parent", id)
		}
		trail = append(trail, id)
		id = n.parent
	}
	for i := len(trail) - 1; i >= 0; i-- {
		if err := s.linkLoaded(trail[i]); err != nil {
			return trail, err
		}
	}
	return trail, nil
}

func (s *State) usedNode(id nodeID) bool {
	c := int(id >> chunkShift)
	return c < len(s.nodes.chunks) && s.nodes.chunks[c] != nil && s.nodes.at(id).flags&flagUsed != 0
}

func (s *State) knownACL(id aclID) bool {
	c := int(id / aclChunk)
	return c < len(s.acls.chunks) && s.acls.chunks[c] != nil && s.acls.at(id).live()
}

func (s *State) linkLoaded(id nodeID) error {
	n := s.nodes.at(id)
	p := s.nodes.at(n.parent)
	if !s.knownACL(n.acl) || n.nameLen() == 0 {
		return fmt.Errorf("node %d has no name or an unknown ACL", id)
	}
	if ownerClass(p.owner) == ownedBySession {
		return fmt.Errorf("node %d is the child of an ephemeral", id)
	}
	if ownerClass(n.owner) == ownedBySession && s.sessions[session.ID(n.owner)] == nil {
		return fmt.Errorf("ephemeral node %d belongs to no session", id)
	}
	n.pathHash = childHash(p.pathHash, s.name(n))
	s.acls.ref(n.acl)
	s.attach(id)
	n.flags |= flagLinked
	return nil
}

// rebuildFreeACLs makes the list of free ids below top.
func (s *State) rebuildFreeACLs() {
	for id := s.acls.top - 1; id > openACL; id-- {
		if s.acls.chunks[id/aclChunk] != nil && !s.acls.at(id).live() {
			s.acls.free = append(s.acls.free, id)
		}
	}
}
