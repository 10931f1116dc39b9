package znode

import (
	"errors"
	"fmt"
	"strings"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Image is one node as an importer or exporter sees it (ZooKeeper's DataNode and StatPersisted).
type Image struct {
	Path           string // "/" for the root
	Data           []byte // nil is null
	ACL            []ACL
	Czxid, Mzxid   int64
	Pzxid          int64
	Ctime, Mtime   int64
	Version        int32
	Cversion       int32 // raw: creates of children
	Aversion       int32
	EphemeralOwner int64 // stored form: session id, 0x8000000000000000 container, 0xff<<56|ttl
}

// BeginImport empties the state but for the four nodes that always exist.
func (s *State) BeginImport() {
	s.reset()
	s.plant()
}

// ImportSession puts a session as it is. Sessions come before the nodes they own.
func (s *State) ImportSession(id session.ID, timeoutMs int32, password [16]byte) error {
	if !sessionIDValid(id) {
		return fmt.Errorf("znode: import: %v cannot be the id of a session", id)
	}
	s.putSession(id, timeoutMs, password)
	return nil
}

// ImportNode puts a node as it is, parents first; one that exists is replaced. Paths that ZooKeeper would not create are refused. An
// ephemeral whose session was not imported is dropped without an error, as ZooKeeper does when it loads: NodeCount tells how many came.
func (s *State) ImportNode(im *Image) error {
	owned := ownerClass(im.EphemeralOwner) == ownedBySession
	if owned && s.sessions[session.ID(im.EphemeralOwner)] == nil {
		return nil
	}
	id := s.find(im.Path)
	switch {
	case id == rootID && im.EphemeralOwner != 0:
		return errors.New("znode: import: the root has an owner")
	case id != 0 && owned && s.nodes.at(id).children > 0:
		return fmt.Errorf("znode: import: ephemeral %s has children", im.Path)
	case id == 0:
		var err error
		if id, err = s.importNew(im); err != nil {
			return err
		}
	}
	n := s.touch(id)
	if id != rootID {
		s.removeOwned(id, n)
		n.owner = im.EphemeralOwner
		s.addOwned(id, n)
	}
	s.replaceData(n, im.Data)
	old := n.acl
	n.acl = s.acls.intern(im.ACL)
	s.acls.ref(n.acl)
	n.czxid, n.mzxid, n.pzxid, n.ctime, n.mtime = im.Czxid, im.Mzxid, im.Pzxid, im.Ctime, im.Mtime
	n.version, n.cversion, n.aversion = im.Version, im.Cversion, im.Aversion
	s.settle(n)
	s.acls.release(old)
	return nil
}

func (s *State) importNew(im *Image) (nodeID, error) {
	if !ValidPath(im.Path) {
		return 0, fmt.Errorf("znode: import: %q is no path", im.Path)
	}
	cut := strings.LastIndexByte(im.Path, '/')
	parent := s.find(im.Path[:cut])
	if parent == 0 {
		return 0, fmt.Errorf("znode: import: %s comes before its parent", im.Path)
	}
	if ownerClass(s.nodes.at(parent).owner) == ownedBySession {
		return 0, fmt.Errorf("znode: import: %s is the child of an ephemeral", im.Path)
	}
	id := s.newNode(parent, im.Path[cut+1:], nil, openACL)
	s.attach(id)
	return id, nil
}

// EndImport sets the zxid and time and recounts quota statistics, as ZooKeeper does when it loads. It refuses a negative zxid.
func (s *State) EndImport(z zxid.ID, timeMs int64) error {
	if z < 0 {
		return fmt.Errorf("znode: import: %v is no zxid", z)
	}
	for _, prefix := range sortedKeys(s.quotas) {
		if q := s.quotas[prefix]; q.limits != 0 && q.stats != 0 {
			s.fillQuotaStats(q.stats, s.nodes.at(q.stats))
		}
	}
	s.orderAll()
	s.Advance(z, timeMs)
	return nil
}

// Walk calls f for every node, parents before children, until f returns an error. The Image and what it holds are valid only during
// the call. It only reads.
func (s *State) Walk(f func(im *Image) error) error {
	var err error
	var path []byte
	s.eachBelow(rootID, func(id nodeID, n *node) {
		if err != nil {
			return
		}
		path = s.appendPath(path[:0], id)
		err = f(&Image{
			Path: string(path), Data: s.data(n), ACL: s.acls.list(n.acl),
			Czxid: n.czxid, Mzxid: n.mzxid, Pzxid: n.pzxid, Ctime: n.ctime, Mtime: n.mtime,
			Version: n.version, Cversion: n.cversion, Aversion: n.aversion, EphemeralOwner: n.owner,
		})
	})
	return err
}
