package znode

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Checker holds the records of an image to the totals and the digest that it says it has, as loading it would, without the memory of a tree:
// 8 bytes for a node, and some 130 for one whose record comes before its parent's or its ACL's.
type Checker struct {
	hashes   []*[chunkNodes]uint64 // of the path, by slot; 0: not known yet
	acls     map[aclID]uint64
	sessions map[session.ID]bool // true: it is there; false: an ephemeral needs it
	later    []lateNode
	meta     *metaRecord
	got      metaRecord // what has been added up
}

// lateNode is a node that waits for its parent.
type lateNode struct {
	id         nodeID
	name, data uint64 // hashes
	node
}

// NewChecker begins with nothing.
func NewChecker() *Checker {
	c := &Checker{}
	c.BeginLoad()
	return c
}

// BeginLoad forgets everything.
func (c *Checker) BeginLoad() {
	*c = Checker{acls: map[aclID]uint64{}, sessions: map[session.ID]bool{}}
	t := newACLTable()
	c.acls[openACL] = t.at(openACL).hash
}

// LastZxid is the zxid of the image, once EndLoad has found it good.
func (c *Checker) LastZxid() zxid.ID { return c.got.zxid }

// Digest is what the records add up to.
func (c *Checker) Digest() uint64 { return c.got.digest }

// LoadRecord takes one record, in any order, and keeps nothing of it.
func (c *Checker) LoadRecord(key, value []byte) error {
	if err := c.add(key, value); err != nil {
		return fmt.Errorf("%w: record %x: %w", ErrImage, key[:min(len(key), 16)], err)
	}
	return nil
}

func (c *Checker) add(key, value []byte) error {
	if len(value) == 0 || value[0] != recordVersion {
		return errors.New("unknown format version: written by a newer release?")
	}
	switch {
	case len(key) == 5 && key[0] == recordNode:
		return c.addNode(binary.BigEndian.Uint32(key[1:]), value)
	case len(key) == 5 && key[0] == recordACL:
		id := binary.BigEndian.Uint32(key[1:])
		if _, twice := c.acls[id]; twice || id <= openACL || id > maxACLID {
			return errors.New("ACL is impossible or comes twice")
		}
		_, err := decodeACL(value[1:])
		c.acls[id] = xxhash.Sum64(value[1:])
		return err
	case len(key) == 9 && key[0] == recordSession:
		return c.addSession(session.ID(binary.BigEndian.Uint64(key[1:])), value)
	case len(key) > 1 && len(key) <= 1+maxSecretName && key[0] == recordSecret:
		c.got.secrets++
		c.got.digest += secretHash(string(key[1:]), value[1:])
		return nil
	case len(key) == 1 && key[0] == recordMeta:
		m, err := decodeMeta(value)
		c.meta = &m
		return err
	}
	return errKey
}

func (c *Checker) addSession(id session.ID, value []byte) error {
	timeoutMs, password, err := decodeSession(value)
	if err != nil {
		return err
	}
	if !sessionIDValid(id) || c.sessions[id] {
		return errors.New("session id is impossible or comes twice")
	}
	c.sessions[id] = true
	c.got.sessions++
	c.got.digest += sessionHash(id, timeoutMs, &password)
	return nil
}

func (c *Checker) addNode(id nodeID, value []byte) error {
	if id == 0 || id == ^nodeID(0) {
		return errKey
	}
	var n lateNode
	blob, err := decodeNode(value, &n.node)
	if err != nil {
		return err
	}
	if (id == rootID) != (n.parent == 0) || (id == rootID) != (n.nameLen() == 0) {
		return errors.New("a node without a parent or a name, or a root with one")
	}
	if ownerClass(n.owner) == ownedBySession && !c.sessions[session.ID(n.owner)] {
		c.sessions[session.ID(n.owner)] = false
	}
	n.id, n.name, n.data = id, xxhash.Sum64(blob[:n.nameLen()]), xxhash.Sum64(blob[n.nameLen():])
	c.got.nodes++
	if known, err := c.link(&n); err != nil || known {
		return err
	}
	c.later = append(c.later, n)
	return nil
}

// link adds a node to the sum if its parent and its ACL are known.
func (c *Checker) link(n *lateNode) (known bool, err error) {
	acl, ok := c.acls[n.acl]
	parent := c.hash(n.parent)
	if !ok || parent == 0 && n.id != rootID {
		return false, nil
	}
	if c.hash(n.id) != 0 {
		return false, errors.New("slot comes twice")
	}
	if n.pathHash = rootHash; n.id != rootID {
		n.pathHash = mix64(parent + n.name)
	}
	c.setHash(n.id, n.pathHash)
	c.got.digest += statHash(&n.node, acl) + mix64(n.data^bits.RotateLeft64(n.pathHash, 32))
	return true, nil
}

func (c *Checker) hash(id nodeID) uint64 {
	if i := int(id >> chunkShift); i < len(c.hashes) && c.hashes[i] != nil {
		return c.hashes[i][id&(chunkNodes-1)]
	}
	return 0
}

func (c *Checker) setHash(id nodeID, h uint64) {
	i := int(id >> chunkShift)
	for i >= len(c.hashes) {
		c.hashes = append(c.hashes, nil)
	}
	if c.hashes[i] == nil {
		c.hashes[i] = new([chunkNodes]uint64)
	}
	c.hashes[i][id&(chunkNodes-1)] = h
}

// EndLoad adds what had to wait, and compares.
func (c *Checker) EndLoad() error {
	if err := c.end(); err != nil {
		return fmt.Errorf("%w: %w", ErrImage, err)
	}
	return nil
}

func (c *Checker) end() error {
	if c.meta == nil {
		return errors.New("the record of totals is missing: the image was cut short")
	}
	if err := c.linkLate(); err != nil {
		return err
	}
	for id, there := range c.sessions {
		if !there {
			return fmt.Errorf("an ephemeral node belongs to session %v, which is not there", id)
		}
	}
	c.got.zxid, c.got.time = c.meta.zxid, c.meta.time
	return c.got.compare(*c.meta)
}

// linkLate links each node that waits after its ancestors.
func (c *Checker) linkLate() error {
	slices.SortFunc(c.later, func(a, b lateNode) int { return cmp.Compare(a.id, b.id) })
	var trail []*lateNode
	for i := range c.later {
		if i > 0 && c.later[i].id == c.later[i-1].id {
			return fmt.Errorf("slot %d comes twice", c.later[i].id)
		}
		trail = append(trail[:0], &c.later[i])
		for c.hash(trail[len(trail)-1].parent) == 0 && trail[len(trail)-1].id != rootID {
			k, ok := slices.BinarySearchFunc(c.later, trail[len(trail)-1].parent, func(n lateNode, id nodeID) int { return cmp.Compare(n.id, id) })
			if !ok || len(trail) > len(c.later) {
				return fmt.Errorf("node %d has no parent, or is its own ancestor", trail[len(trail)-1].id)
			}
			trail = append(trail, &c.later[k])
		}
		for ; len(trail) > 0; trail = trail[:len(trail)-1] {
			n := trail[len(trail)-1]
			if n.pathHash != 0 {
				continue // it was an ancestor of one before
			}
			if known, err := c.link(n); err != nil {
				return err
			} else if !known {
				return fmt.Errorf("node %d has an unknown ACL", n.id)
			}
		}
	}
	return nil
}
