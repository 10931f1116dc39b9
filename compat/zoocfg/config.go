package zoocfg

import (
	"fmt"
)

// Config is a server's configuration.
type Config struct {
	File      string // as given to Load
	Text      string // of the file, for initial_configuration
	Basics    Basics
	Ensemble  Ensemble
	Members   Members
	Sessions  Sessions
	Storage   Storage
	Limits    Limits
	Nodes     Nodes
	Auth      Auth
	TLS       TLS // client port
	QuorumTLS QuorumTLS
	Admin     Admin
	Telemetry Telemetry
	Own       map[string]string // paddock.* keys, without the prefix
	Warnings  []Note            // what the operator should look at
	Ignored   []Note            // known keys that mean nothing here, with the reason
}

// Note is a remark on one line of one file.
type Note struct {
	File string
	Line int // 0: no line in particular
	Key  string
	Text string
}

// String is "file:line: key: text".
func (n Note) String() string {
	where := n.File
	if n.Line > 0 {
		where = fmt.Sprintf("%s:%d", n.File, n.Line)
	}
	if n.Key == "" {
		return where + ": " + n.Text
	}
	return where + ": " + n.Key + ": " + n.Text
}

// Error makes a Note an error.
func (n Note) Error() string { return n.String() }

// Basics is where the server listens and how fast it ticks.
type Basics struct {
	DataDir        string
	DataLogDir     string // DataDir if not given
	ClientPort     int    // -1: none. After Load, the ";client" part of this server's line is taken into account
	ClientAddress  string // empty: all addresses
	SecurePort     int    // -1: none
	SecureAddress  string
	TickTime       int // ms
	MaxClientCnxns int // per address; 0: no limit
	MaxCnxns       int // in all; 0: no limit
	Backlog        int // -1: the system's
	TCPKeepAlive   bool
}

// Ensemble is how the peers find and judge each other.
type Ensemble struct {
	InitLimit      int // ticks
	SyncLimit      int // ticks
	Observer       bool
	ListenOnAllIPs bool
	MultiAddress   bool
	LeaderIdle     bool // leaderServes=no: the leader leaves clients to the others
	Dynamic        Dynamic
}

// Dynamic is how the ensemble changes and how many peers catch up at once.
type Dynamic struct {
	Standalone bool // standaloneEnabled: one voter runs alone
	Reconfig   bool // reconfigEnabled
	File       string
}

// Members is who belongs to the ensemble.
type Members struct {
	ID      int64 // from myid; -1: no such file
	Servers []Server
	Groups  map[int64][]int64 // group.N
	Weights map[int64]int64   // weight.N, only those given
	Version int64             // of the dynamic configuration
}

// Sessions are the rules of sessions.
type Sessions struct {
	MinTimeout     int // ms
	MaxTimeout     int // ms
	Local          bool
	LocalUpgrade   bool
	ReadOnlyMode   bool
	SessionlessFor int // ms that a connection may live without a session
}

// Storage is how data is kept.
type Storage struct {
	SnapCount     int   // transactions between checkpoints
	SlowSync      int64 // ms; a sync of the log that takes longer is counted and warned of
	AutoCreateDir bool
}

// Limits protect the server from its clients.
type Limits struct {
	MaxBuffer        int // jute.maxbuffer, bytes
	Outstanding      int // globalOutstandingLimit
	LargeThreshold   int // bytes; -1: off
	LargeMaxBytes    int
	EnforceQuota     bool
	Handshakes       int // netty.server.outstandingHandshake.limit; -1: off
	Requests         RequestThrottle
	Connections      ConnThrottle
	WhitelistedWords []string // 4lw.commands.whitelist; "*" for all
}

// RequestThrottle is request_throttle_* and its relatives.
type RequestThrottle struct {
	MaxRequests int // 0: off
	WaitTime    int // ms; throttled_op_wait_time, 0: off

	DropStale       bool // request_throttle_drop_stale
	StaleConnection bool // request_stale_connection_check
	StaleLatency    bool // request_stale_latency_check
}

// ConnThrottle is connection_throttle_*.
type ConnThrottle struct {
	Tokens        int // 0: off
	FillTime      int // ms
	FillCount     int
	FreezeTime    int // ms; -1: off
	DropIncrease  float64
	DropDecrease  float64
	DecreaseRatio float64
	Weighed       bool
	GlobalWeight  int
	RenewWeight   int
}

// Nodes are rules of znodes.
type Nodes struct {
	ExtendedTypes   bool // TTL nodes
	ContainerCheck  int64
	ContainerPerMin int
	ContainerUnused int64 // ms; 0: never
	SkipACL         bool
}

// Auth is who may do what.
type Auth struct {
	X509           bool // an x509 provider is configured, or a secure port without another one
	SASL           bool // a sasl provider is configured (ACLs may name it; exchanges are refused)
	EnsembleOn     bool
	EnsembleNames  []string // nil: any
	DigestEnabled  bool
	SuperDigest    string
	DigestAlg      string
	X509Super      string
	EnforceOn      bool
	EnforceSchemes []string
	AllowSASLFails bool
	SSLProvider    string // ssl.authProvider
}

// Store is where a key or its trust anchors are.
type Store struct {
	Location string // a PEM file
}

// TLS is one side's TLS.
type TLS struct {
	Key              Store
	Trust            Store
	Protocol         string
	Protocols        []string // enabledProtocols
	Ciphers          []string
	ClientAuth       string // need, want or none
	HostVerify       bool   // hostnameVerification: the name of the side that was dialled
	ClientHostVerify bool   // clientHostnameVerification: the name of the side that dialled; of servers nothing without HostVerify, as in ZooKeeper
	HandshakeTimeout int    // ms; handshakeDetectionTimeoutMillis
	PortUnification  bool   // client.portUnification: plain and TLS on one port
}

// QuorumTLS is TLS between peers.
type QuorumTLS struct {
	TLS
	Enabled bool // sslQuorum
}

// Admin is the HTTP server.
type Admin struct {
	Enabled      bool
	Address      string // Paddock's default is 127.0.0.1, not 0.0.0.0: the port has no authentication
	Port         int
	URL          string
	RateInterval int64 // ms between snapshots or restores
	Snapshot     bool
	Restore      bool
}

// Telemetry is metrics and audit.
type Telemetry struct {
	Prometheus bool
	HTTPHost   string // Paddock's default is 127.0.0.1
	HTTPPort   int    // -1: none, unless Prometheus is on (7000)
	ExportJVM  bool   // here: Go runtime metrics
	Audit      bool
}
