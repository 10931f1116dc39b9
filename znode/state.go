package znode

import (
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
	"strings"
)

// Options are what a State is made with. The zero value works.
type Options struct {
	// Reserved for limits; nothing yet.
}

// State is the replicated state at one zxid: the tree, the table of sessions, quotas, private records. It is not locked: Apply and the
// other writers need it alone, reads may run at the same time as each other.
type State struct {
	opts     Options
	nodes    nodeSlab
	blobs    arena
	index    pathIndex
	acls     aclTable
	quotas   map[string]quota // by the path they limit
	kept     keptSet          // containers and TTL nodes
	sessions map[session.ID]*sessionRecord
	secrets  map[string][]byte
	feed     changeFeed
	undo     undoLog
	totals   totals
	zxid     zxid.ID
	time     int64
	load     *loading // between BeginLoad and EndLoad

	scratch scratch
	buf     []byte
}

// scratch is room for what is judged, to be used again.
type scratch struct {
	acl  []ACL
	path []byte
}

// totals are kept up to date by every change and recomputed by CheckInvariants.
type totals struct {
	nodes      int    // the root counts once
	ephemerals int    // nodes owned by a session
	dataSize   int64  // bytes of paths and data, the root's path as 1
	sum        uint64 // the digest
}

// sessionRecord is one session of the ensemble.
type sessionRecord struct {
	timeoutMs int32
	dirty     bool
	password  [16]byte
	owned     []nodeID // its ephemerals; node.child is the place in here
}

// NewState makes the state of a fresh ensemble at zxid 0: "/", /zookeeper, /zookeeper/quota, /zookeeper/config
// (DataTree's constructor; the config node is world:read, aversion -1).
func NewState(o Options) *State {
	s := &State{opts: o}
	s.reset()
	s.plant()
	return s
}

// reset empties everything but Options.
func (s *State) reset() {
	*s = State{
		opts:     s.opts,
		acls:     newACLTable(),
		quotas:   make(map[string]quota),
		kept:     keptSet{place: make(map[nodeID]uint32)},
		sessions: make(map[session.ID]*sessionRecord),
		secrets:  make(map[string][]byte),
	}
}

// plant makes the nodes that always exist.
func (s *State) plant() {
	root := s.nodes.alloc()
	n := s.nodes.at(root)
	n.pathHash, n.acl = rootHash, openACL
	s.acls.ref(openACL)
	s.index.insert(&s.nodes, root)
	s.totals = totals{nodes: 1, dataSize: 1, sum: s.statHash(n) + s.dataHash(n)}
	s.markNode(root)

	zk := s.plantChild(root, "zookeeper", openACL)
	config := s.plantChild(zk, "config", s.acls.intern([]ACL{{Perms: PermRead, Scheme: "world", ID: "anyone"}}))
	s.plantChild(zk, "quota", openACL)
	c := s.touch(config)
	c.aversion = -1
	s.settle(c)
}

func (s *State) plantChild(parent nodeID, name string, acl aclID) nodeID {
	id := s.newNode(parent, name, []byte{}, acl)
	s.attach(id)
	return id
}

// LastZxid is the zxid of the last transaction applied.
func (s *State) LastZxid() zxid.ID { return s.zxid }

// LastTime is the time of the last transaction applied, ms.
func (s *State) LastTime() int64 { return s.time }

// NodeCount counts as ZooKeeper's znode_count does: the root twice ("" and "/"), so 5 on a fresh server.
func (s *State) NodeCount() int { return s.totals.nodes + 1 }

// EphemeralCount is the number of ephemeral nodes.
func (s *State) EphemeralCount() int { return s.totals.ephemerals }

// SessionCount is the number of sessions.
func (s *State) SessionCount() int { return len(s.sessions) }

// DataSize is ZooKeeper's approximate_data_size: bytes of all paths and data; 44 on a fresh server.
func (s *State) DataSize() int64 { return s.totals.dataSize }

// Digest is the rolling digest of everything in the state. Equal histories give equal digests on all servers.
func (s *State) Digest() uint64 { return s.totals.sum }

// Sessions calls f for every session, in no promised order.
func (s *State) Sessions(f func(id session.ID, timeoutMs int32)) {
	for id, rec := range s.sessions {
		f(id, rec.timeoutMs)
	}
}

// Session looks one session up.
func (s *State) Session(id session.ID) (timeoutMs int32, password [16]byte, ok bool) {
	rec := s.sessions[id]
	if rec == nil {
		return 0, password, false
	}
	return rec.timeoutMs, rec.password, true
}

// EachSecret calls f for every private record whose name begins with prefix, in the order of names. Do not write to data.
func (s *State) EachSecret(prefix string, f func(name string, data []byte)) {
	for _, name := range sortedKeys(s.secrets) {
		if strings.HasPrefix(name, prefix) {
			f(name, s.secrets[name])
		}
	}
}

// Secret returns a private record written by KindPutSecret; nil if there is none. Do not write to it.
func (s *State) Secret(name string) []byte { return s.secrets[name] }
