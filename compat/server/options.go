package server

import (
	"io"
	"log/slog"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// Orderer is what the server needs of the history: peer.Peer. No method may wait for Apply, and callbacks come from other goroutines.
type Orderer interface {
	// Propose puts payloads into the history in this order. The outcome is seen in Apply. The bytes must not change afterwards; the
	// slice of slices may.
	Propose(payloads [][]byte) error
	// ReadIndex calls done when the state has reached a zxid that a quorum confirmed after this call.
	ReadIndex(done func(error))
	// Ask sends a question to the leader's server, which sees it in Deliver. done gets zab.ErrAskLost if nobody will answer it.
	Ask(data []byte, done func(answer []byte, err error))
	// Answer answers a zab.DeliverAsk.
	Answer(to zab.PeerID, ctx uint64, data []byte)
	// Touch sets what goes to the leader with the next heartbeat.
	Touch(data []byte)
	// SetDigest tells the digest of the state at an applied zxid.
	SetDigest(z zxid.ID, digest uint64)
	// Reconfig proposes a new ensemble with the client's transaction behind it; done gets an error if it was not proposed.
	Reconfig(next zab.Ensemble, extra []byte, done func(error))
	// Status describes the ensemble.
	Status() zab.Status
}

// Clock gives the time. Both functions must be safe for concurrent use and cheap.
type Clock struct {
	Mono func() int64 // ns, monotonic, from any start
	Wall func() int64 // ms since 1970
}

// SASL makes one exchange for each connection; nil in Options: not configured.
type SASL interface {
	// Start begins an exchange. step judges one client token: what to answer, the identities once it is complete, or an error.
	Start() (step func(token []byte) (answer []byte, add []znode.Identity, err error))
}

// Options are what a Server is made of. Fields without a default must be set.
type Options struct {
	ID       zab.PeerID // of this server
	Boot     uint64     // random and not 0: names this process in Txn.Origin
	Orderer  Orderer
	Files    FileFollower // nil: the configuration files of the servers say nothing, as on a standalone server
	State    *znode.State // with everything up to the zxid where Apply goes on
	Clock    Clock
	Rand     io.Reader // passwords of sessions: crypto/rand.Reader
	Log      *slog.Logger
	Auth     *auth.Set
	SASL     SASL
	Sessions SessionOptions
	Limits   Limits
	Features Features
	Words    func(*Server) Words              // makes the four-letter words, which report on the server; nil: there are none
	Virtual  Virtual                          // nil: no virtual nodes
	Audit    AuditLog                         // nil: none
	Metrics  *admin.Metrics                   // nil: its own
	Describe func(*admin.Report, admin.Parts) // adds to a Report what a server does not know; may be nil
	Go       func(func())                     // runs work that must not wait here; nil: a goroutine each
	bugs     bugs                             // planted mistakes
}

// SessionOptions are the times of sessions.
type SessionOptions struct {
	TickMs int64          // tickTime, ms
	Limits session.Limits // minSessionTimeout, maxSessionTimeout

	AwaitFirstByte bool // no session begins before SetFirstByte; else session ids begin with Options.ID, which is 1 to 254 then

	Local        bool // localSessionsEnabled: new sessions are known to this server alone (not with Features.Standalone)
	LocalUpgrade bool // localSessionsUpgradingEnabled: one that makes an ephemeral node becomes a session of the ensemble
}

// Limits protect the server from its clients. 0 means off, except where a default is given.
type Limits struct {
	GlobalOutstanding  int   // globalOutstandingLimit; 0 = 1000
	ThrottleRequests   int   // request_throttle_max_requests
	ThrottledOpWaitMs  int64 // throttled_op_wait_time
	Stale              StaleOptions
	LargeThreshold     int   // largeRequestThreshold; 0 or -1 = off
	LargeMaxBytes      int64 // largeRequestMaxBytes; 0 = 100 MiB
	QueuedBytes        int   // bytes of waiting requests of one session above which it is not read; 0 = 1 MiB
	Connection         ThrottleOptions
	ContainerCheckMs   int64 // znode.container.checkIntervalMs; 0 = 60000
	ContainerPerMinute int   // znode.container.maxPerMinute; 0 = 10000
	ContainerNeverMs   int64 // znode.container.maxNeverUsedIntervalMs
}

// Features are switches of the configuration.
type Features struct {
	Flags             znode.Flags // what every transaction of this server carries
	Standalone        bool        // answer mode and reconfig as a standalone ZooKeeper does
	ReconfigEnabled   bool
	StandaloneEnabled bool // standaloneEnabled: a new ensemble has at least two voters
	LeaderIdle        bool // leaderServes=no: no client is served while this server leads
	ReadOnlyMode      bool // readonlymode.enabled: serve readers without a quorum
	LinearizableReads bool // confirm every read with a quorum, as if a sync stood before it
	AllowSASLFailed   bool // allowSaslFailedClients
	SASLRequired      bool // enforce.auth.schemes names sasl, or sessionRequireClientSASLAuth
	ApplyChunk        int  // transactions applied under one lock; 0 = 128
	Flushers          int  // goroutines that write to sockets after Apply; 0 = 2, -1 = none: Apply does it itself
}

// Words are the four-letter words: compat/admin, wired by the owner.
type Words interface {
	Word(word string) (args int, known bool)
	Command(word string, args []byte, asker *listener.Conn) []byte
}

// Virtual answers reads of nodes that are not in the tree (fencing tokens, lineage). It is asked for paths below /zookeeper/ only.
type Virtual interface {
	// Has says whether path is virtual, and whether its read must be confirmed by a quorum first.
	Has(path string) (virtual, confirm bool)
	// Reserved says that no client may write a node at path: it is virtual, or above or below of what is.
	Reserved(path string) bool
	// Read makes the node for a session. It runs under the state's read lock and must not write to it.
	Read(st *znode.State, who session.ID, ids []znode.Identity, path string) (data []byte, stat znode.Stat, c znode.Code)
}

// AuditLog hears of every transaction of this server's clients after it was applied, and of every ephemeral that ended with its session.
// Applying waits for it: it must be quick.
type AuditLog interface {
	// Applied: a client of this server asked for t, and r became of it. Both are the server's own and good until it returns.
	Applied(c *ClientInfo, t *znode.Txn, r *znode.Result)
	// Closed: a session ended, on whatever server it was, and took these nodes with it.
	Closed(id session.ID, ephemerals []string)
}

func (o *Options) defaults() {
	orInt := func(p *int, d int) {
		if *p == 0 {
			*p = d
		}
	}
	orInt(&o.Limits.GlobalOutstanding, 1000)
	orInt(&o.Limits.QueuedBytes, 1<<20)
	orInt(&o.Limits.ContainerPerMinute, 10000)
	orInt(&o.Features.ApplyChunk, 128)
	orInt(&o.Features.Flushers, 2)
	if o.Limits.LargeMaxBytes == 0 {
		o.Limits.LargeMaxBytes = 100 << 20
	}
	if o.Limits.ContainerCheckMs == 0 {
		o.Limits.ContainerCheckMs = 60_000
	}
	if o.Sessions.TickMs == 0 {
		o.Sessions.TickMs = 3000
	}
	if o.Sessions.Limits == (session.Limits{}) {
		o.Sessions.Limits = session.Limits{MinMs: int32(2 * o.Sessions.TickMs), MaxMs: int32(20 * o.Sessions.TickMs)}
	}
	if o.Go == nil {
		o.Go = func(work func()) { go work() }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}
