package admin

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"time"
)

// Role is what a server is in its ensemble, in the words of srvr's Mode line.
type Role string

// The roles that ZooKeeper names.
const (
	RoleLeader     Role = "leader"
	RoleFollower   Role = "follower"
	RoleObserver   Role = "observer"
	RoleStandalone Role = "standalone"
	RoleReadOnly   Role = "read-only"
)

// Parts says which costly parts of a Report are wanted; what is always cheap is always filled.
type Parts uint16

// The costly parts, one bit each.
const (
	PartConnections Parts = 1 << iota // Report.Connections
	PartSessions                      // Report.Sessions
	PartEphemerals                    // Report.Ephemerals
	PartWatches                       // Report.Watches.ByPath
	PartDirs                          // Report.Dirs: walks the data folders
	PartDigests                       // Report.Data.Digests
	PartAll         Parts = 1<<iota - 1
)

// Report is one moment of one server, enough for every four-letter word, HTTP command and gauge. Zero values are shown as such.
// Lists are the renderer's to keep: the source does not touch them again. They need not be sorted.
type Report struct {
	Serving     bool // false: "not currently serving requests" is all that is told
	Idle        bool // it leads, and leaves clients to the others (leaderServes=no); everything is told
	Role        Role
	Build       Build
	Config      Config
	Traffic     Traffic
	Data        Data
	Dirs        Dirs
	Ensemble    Ensemble
	Files       Files
	Leading     *Leading // on a leader only
	Watches     Watches
	SessionInfo SessionCounts
	Sessions    []Session
	Ephemerals  []Ephemerals
	Connections []Connection
	TraceMask   int64
}

// Build says what runs.
type Build struct {
	Version string // "3.9.5-paddock-…": tools parse the leading number
	BuiltOn string // as in "built on 2026-01-02 03:04 UTC"; "" = the build does not say
}

// Full is the text behind "Zookeeper version: ".
func (b Build) Full() string { return b.Version + ", built on " + cmp.Or(b.BuiltOn, "an unknown date") }

// Config is what conf shows.
type Config struct {
	ClientPort       int // -1 if there is none
	SecureClientPort int // -1 if there is none
	DataDir          string
	DataLogDir       string
	TickTime         int // ms
	MaxClientCnxns   int
	MinTimeout       int // session timeout, ms
	MaxTimeout       int // session timeout, ms
	Backlog          int
	ServerID         int64
	Initial          string            // the configuration file's text (initial_configuration)
	Properties       map[string]string // for system_properties: what was configured, without secrets
}

// Traffic is what clients did here since the start or since srst.
type Traffic struct {
	MinLatency, MaxLatency int64   // ms
	AvgLatency             float64 // ms
	Received, Sent         int64   // packets
	Connections            int     // alive, plain and secure
	Outstanding            int64
	Responses              Sizes // bytes of answers to clients
	AuthFailed             int64
	Uptime                 time.Duration
	DropProbability        float64 // of the connection throttle
	TLSHandshakes          int64   // in flight
	SlowSyncs              int64   // fsyncs that took longer than fsync.warningthresholdms
	Plain                  PlainConns
}

// PlainConns counts connections without mutual TLS, since the start.
type PlainConns struct{ Local, Remote int64 }

// Sizes is last, smallest and largest of something in bytes; -1 before the first.
type Sizes struct{ Last, Min, Max int64 }

// Data is the replicated state.
type Data struct {
	Zxid         int64 // last applied
	Nodes        int
	Bytes        int64 // approximate data size
	Ephemerals   int
	LastSnapshot SnapshotInfo
	Digests      []Digest // oldest first
	ReadOnly     bool
	DiskLow      bool    // the disk of this server is nearly full
	LowDisks     []int64 // the members whose disks are, by number: while there is one, the ensemble refuses writes that grow
}

// SnapshotInfo names the newest snapshot or checkpoint on disk; Zxid -1 if there is none.
type SnapshotInfo struct {
	Zxid int64
	Time time.Time // last modified
}

// Digest is the state's digest at a zxid.
type Digest struct {
	Zxid    int64
	Digest  uint64
	Version int
}

// Dirs are the sizes of the data folders in bytes.
type Dirs struct{ Data, Log int64 }

// Ensemble is what this server knows of its peers. All zero in a standalone server.
type Ensemble struct {
	Quorum     bool // a member of an ensemble, not standalone
	Phase      Phase
	LeaderID   int64  // -1 if there is none
	LeaderAddr string // host
	MasterID   int64  // on an observer: whom it follows
	Limits     Limits
	Voting     bool // this server votes
	Members    []Member
	Config     string // the text of /zookeeper/config, ending with its version line
	Observers  []Observer
}

// Files are the configuration files of the servers that say another ensemble than the one in effect. Empty while there is none.
type Files struct {
	Differ []string // one sentence for each
	Next   string   // what the operator does next
}

// Phase is where a peer is in the protocol.
type Phase string

// The phases that zabstate and peer_state name.
const (
	PhaseElection        Phase = "election"
	PhaseDiscovery       Phase = "discovery"
	PhaseSynchronization Phase = "synchronization"
	PhaseBroadcast       Phase = "broadcast"
)

// Limits are the ensemble's timing limits, in ticks.
type Limits struct{ Init, Sync int }

// Member is one server of the ensemble.
type Member struct {
	ID        int64
	Quorum    []string // host:port
	Election  []string // host:port
	Client    string   // host:port or empty
	Observer  bool
	Self      bool
	Connected bool
}

// Observer is a connected observer as its leader (or the follower behind which it sits) sees it.
type Observer struct {
	ID          int64
	Addr        string // host:port
	Since       time.Time
	Queued      int64 // packets that wait to be sent
	QueuedBytes int64
	Received    int64 // packets
	Sent        int64 // packets
	Requests    int64
	LastZxid    int64
}

// Leading is what only a leader knows.
type Leading struct {
	Learners        int
	SyncedFollowers int
	SyncedNonVoting int
	SyncedObservers int
	PendingSyncs    int
	Uptime          time.Duration
	Proposals       Sizes // bytes
}

// Watches are the watches of this server's connections.
type Watches struct {
	Count   int // every watch: watch_count
	Summary WatchSummary
	ByPath  []Watched // as WatchSummary counts them
}

// WatchSummary is what wchs tells. ZooKeeper counts the data table only: watches of getData and exists, and recursive ones.
type WatchSummary struct {
	Clients int // connections with at least one
	Paths   int // different paths
	Watches int
}

// Watched is one path and who watches it (session ids, in any order).
type Watched struct {
	Path     string
	Sessions []int64
}

// SessionCounts are the numbers of sessions.
type SessionCounts struct{ Global, Local int }

// Session is one session and when it ends if nothing is heard of it. On a follower Expires may be zero.
type Session struct {
	ID      int64
	Expires time.Time
	Timeout int // ms
}

// Ephemerals are one session's ephemeral nodes.
type Ephemerals struct {
	Session int64
	Paths   []string
}

// Connection is one client connection.
type Connection struct {
	Remote      string // "127.0.0.1:40000"
	Secure      bool
	Queued      int64     // unanswered requests
	Received    int64     // packets
	Sent        int64     // packets
	Reading     bool      // false while it is held back (interest ops 0)
	Expires     time.Time // when it is dropped if it stays silent; zero: not known
	Session     int64     // 0: none yet
	Timeout     int       // ms
	Established time.Time
	Last        LastOp
	Latency     Latency
}

// LastOp is what a connection did last.
type LastOp struct {
	Op       string    // "NA", "PING", "SESS", or an opcode's short name: see [OpText]
	Cxid     int64     // negative: none yet
	Zxid     int64     // negative: none yet
	Response time.Time // zero: none yet
	Latency  int64     // ms
}

// Latency of a connection's requests in ms.
type Latency struct{ Min, Avg, Max int64 }

// Source is the server, as this package sees it. Methods may be called from any goroutine at any time, also before the server serves.
type Source interface {
	// Report tells the present; want names the costly parts to fill. It must return soon whatever state the server is in.
	Report(want Parts) Report
	// Metrics are the server's metrics; they do not change over its life.
	Metrics() *Metrics
	// ResetServerStats is srst: Report.Traffic's counters start again. The renderer resets the Metrics itself.
	ResetServerStats()
	// ResetConnStats is crst: the counters of every connection start again.
	ResetConnStats()
	// ResetObserverStats is observer_connection_stat_reset.
	ResetObserverStats()
	// SetTraceMask is stmk.
	SetTraceMask(mask int64)
}

// Backup is what the snapshot and restore commands need from a server. Without it they answer 503.
type Backup interface {
	// Authorize checks the credentials of an Authorization header ("digest user:password", "ip", "x509") for all permissions on "/".
	// It returns [ErrNotAuthenticated], [ErrNotAuthorized] or nil.
	Authorize(r *http.Request, scheme string, credentials []byte) error
	// Snapshot takes a snapshot in ZooKeeper's format; it gives the zxid in its name, its size in bytes (-1 if not known beforehand),
	// and its bytes. The caller closes it.
	Snapshot(ctx context.Context) (zxid, size int64, body io.ReadCloser, err error)
	// Restore replaces the state by the snapshot in body and gives its last zxid.
	Restore(ctx context.Context, body io.Reader) (zxid int64, err error)
}
