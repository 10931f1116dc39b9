package znode

import (
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Options are what a State is made with. The zero value works.
type Options struct {
	// ExpectNodes sizes the first allocations; 0 = small.
	ExpectNodes int
}

// State is the replicated state at one zxid: the tree, the table of sessions, quotas, private records. It is not locked.
type State struct{}

// NewState makes the state of a fresh ensemble at zxid 0: "/", /zookeeper, /zookeeper/quota, /zookeeper/config.
func NewState(o Options) *State { panic("stub") }

// Apply judges and applies one committed transaction and leaves the outcome in r (which it resets first). Strings and bytes in r
// may alias t. Txn.Session 0 is the server itself: neither its session nor its permissions are checked.
// timeMs is the entry's time (leader's wall clock).
func (s *State) Apply(z zxid.ID, timeMs int64, t *Txn, r *Result) { panic("stub") }

// ApplyUndecodable is Apply for an entry whose payload DecodeTxn refuses: it takes the zxid and answers ErrMarshalling.
func (s *State) ApplyUndecodable(z zxid.ID, timeMs int64, r *Result) { panic("stub") }

// Advance notes that the history reached z without a transaction for the state (new-leader entries).
func (s *State) Advance(z zxid.ID, timeMs int64) { panic("stub") }

// GetData is getData: ErrNoNode, ErrNoAuth, or the data (nil if null) and the stat. data aliases the state's memory: valid only
// while the caller holds the read lock. No allocation. The path "" is "/" in every read.
func (s *State) GetData(path string, ids []Identity, fl Flags) (data []byte, st Stat, c Code) {
	panic("stub")
}

// Exists is exists: ErrBadArguments for a path with NUL, ErrNoNode, ErrNoAuth.
func (s *State) Exists(path string, ids []Identity, fl Flags) (st Stat, c Code) { panic("stub") }

// GetACL is getACL; without admin permission the digests are masked. Do not write to the list.
func (s *State) GetACL(path string, ids []Identity, fl Flags) (acl []ACL, st Stat, c Code) {
	panic("stub")
}

// Children is getChildren and getChildren2: calls each for every child, in no promised order. The name aliases the state's memory:
// it must not be kept after the read lock is given back. each is not called unless c is OK. A nil each only asks for the stat.
func (s *State) Children(path string, ids []Identity, fl Flags, each func(name string)) (st Stat, c Code) {
	panic("stub")
}

// AllChildrenNumber is getAllChildrenNumber: the number of descendants.
func (s *State) AllChildrenNumber(path string, ids []Identity, fl Flags) (n int32, c Code) {
	panic("stub")
}

// Ephemerals is getEphemerals: paths of the session's ephemerals that begin with prefix, a plain string ("", "/" = all).
func (s *State) Ephemerals(id session.ID, prefix string) []string { panic("stub") }

// EachEphemeral calls f for every session that owns ephemerals (for the dump word), in order of id, with sorted paths.
func (s *State) EachEphemeral(f func(id session.ID, paths []string)) { panic("stub") }

// Node looks a node up without any permission check, for setWatches catch-up, admin and fencing tokens. ok is false if it is missing.
// acl is shared: do not write to it.
func (s *State) Node(path string) (st Stat, acl []ACL, ok bool) { panic("stub") }

// LastZxid is the zxid of the last transaction applied.
func (s *State) LastZxid() zxid.ID { panic("stub") }

// LastTime is the time of the last transaction applied, ms.
func (s *State) LastTime() int64 { panic("stub") }

// NodeCount counts as ZooKeeper's znode_count does: the root twice ("" and "/"), so 5 on a fresh server.
func (s *State) NodeCount() int { panic("stub") }

// EphemeralCount is the number of ephemeral nodes.
func (s *State) EphemeralCount() int { panic("stub") }

// SessionCount is the number of sessions.
func (s *State) SessionCount() int { panic("stub") }

// DataSize is ZooKeeper's approximate_data_size: bytes of all paths and data; 44 on a fresh server.
func (s *State) DataSize() int64 { panic("stub") }

// Digest is the rolling digest of everything in the state. Equal histories give equal digests on all servers.
func (s *State) Digest() uint64 { panic("stub") }

// Sessions calls f for every session, in no promised order.
func (s *State) Sessions(f func(id session.ID, timeoutMs int32)) { panic("stub") }

// Session looks one session up.
func (s *State) Session(id session.ID) (timeoutMs int32, password [16]byte, ok bool) { panic("stub") }

// Secret returns a private record written by KindPutSecret; nil if there is none.
func (s *State) Secret(name string) []byte { panic("stub") }

// ExpiredContainers names up to limit containers and TTL nodes to be proposed as KindDeleteContainer: childless containers that
// once had a child (or, if neverUsedMs > 0, never had one and are older than that), childless TTL nodes whose time ran out.
// The proposal's Op.TTL must carry neverUsedMs, for the judgement when it is applied.
func (s *State) ExpiredContainers(nowMs int64, limit int, neverUsedMs int64) []string { panic("stub") }

// CanRead says whether ids may read what acl protects: the filter on events.
func CanRead(acl []ACL, ids []Identity, fl Flags) bool { panic("stub") }

// DrainChanges hands out every record that changed since the last call (first call: since the state was made or loaded), as one
// consistent image at the returned zxid. Keys are at most 257 bytes. key and value are valid only during the call of put or del.
func (s *State) DrainChanges(put func(key, value []byte), del func(key []byte)) zxid.ID {
	panic("stub")
}

// Pending is the number of records that DrainChanges would visit.
func (s *State) Pending() int { panic("stub") }

// Dump hands out every record: a full image at LastZxid. It stops at the first error. It may run under the read lock.
func (s *State) Dump(put func(key, value []byte) error) error { panic("stub") }

// BeginLoad empties the state for an image.
func (s *State) BeginLoad() { panic("stub") }

// LoadRecord takes one record of an image, in any order. It copies what it keeps.
func (s *State) LoadRecord(key, value []byte) error { panic("stub") }

// EndLoad links the records to a tree and checks counts and digest. After an error the state must not be used.
// After it DrainChanges hands out nothing until something changes; MarkAllChanged turns that around.
func (s *State) EndLoad() error { panic("stub") }

// MarkAllChanged makes the next DrainChanges hand out everything (an image that came from elsewhere goes to an empty store).
func (s *State) MarkAllChanged() { panic("stub") }

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

// ImportNode puts a node as it is (parent first; an existing node is replaced), for importers. Between BeginImport and EndImport only.
func (s *State) ImportNode(n *Image) error { panic("stub") }

// BeginImport empties the state but for the four nodes that always exist.
func (s *State) BeginImport() { panic("stub") }

// ImportSession puts a session as it is.
func (s *State) ImportSession(id session.ID, timeoutMs int32, password [16]byte) error {
	panic("stub")
}

// EndImport sets the zxid and time, drops ephemerals without a session (as ZooKeeper does), rebuilds quotas.
func (s *State) EndImport(z zxid.ID, timeMs int64) error { panic("stub") }

// Walk calls f for every node, parents before children. The Image and what it holds are valid only during the call.
func (s *State) Walk(f func(n *Image) error) error { panic("stub") }

// CheckInvariants recomputes counts, links and the digest: nil if all agree. O(nodes).
func (s *State) CheckInvariants() error { panic("stub") }

// AppendTxn appends the wire form of t: a format version, then the fields.
func AppendTxn(dst []byte, t *Txn) []byte { panic("stub") }

// DecodeTxn reads what AppendTxn wrote. t's slices are reused; its strings and bytes alias b, which must not change afterwards.
func DecodeTxn(b []byte, t *Txn) error { panic("stub") }

// ValidPath says whether path is a legal path of a node (PathUtils.validatePath).
func ValidPath(path string) bool { panic("stub") }
