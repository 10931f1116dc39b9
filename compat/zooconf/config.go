package zooconf

import "time"

// Config is a server's configuration. Times are in ms unless a field says otherwise, as in the file.
type Config struct {
	File     string // where it came from; "" = defaults only
	Basics   Basics
	Ensemble Ensemble
	Sessions Sessions
	Storage  Storage
	Limits   Limits
	Nodes    Nodes
	Security Security
	TLS      TLS // clients (ssl.*)
	PeerTLS  TLS // peers (ssl.quorum.*)
	Admin    Admin
	Metrics  Metrics
	Paddock  Paddock
	Warnings []Note   // unknown keys
	Ignored  []Note   // known keys without a meaning here
	Raw      []string // "key=value" of every property, in the order of the file, passwords left out
}

// Note is something to tell the operator about a key.
type Note struct {
	Line int
	Key  string
	Text string
}

// Basics are the addresses and folders.
type Basics struct {
	DataDir, DataLogDir string
	ClientPort          int // 0 = none
	ClientAddr          string
	SecurePort          int // 0 = none
	SecureAddr          string
	TickTime            int // default 3000
	MaxClientCnxns      int // default 60; 0 = no limit
	MaxCnxns            int // 0 = no limit
	Backlog             int // -1 = the system's
	TCPKeepAlive        bool
	JuteMaxBuffer       int  // default 1048575
	PortUnification     bool // client.portUnification
}

// Ensemble is who belongs together.
type Ensemble struct {
	MyID              int // from the myid file; 0 = none
	Servers           []Server
	Groups            map[int]int // server → group
	Weights           map[int]int // server → weight
	InitLimit         int         // ticks
	SyncLimit         int         // ticks
	PeerType          string      // "participant", "observer" or ""
	ReconfigEnabled   bool
	StandaloneEnabled bool // default true
	DynamicFile       string
	DynamicVersion    uint64 // version= of the dynamic file, hex
	SSLQuorum         bool
	ListenOnAllIPs    bool
}

// Server is one server.N line.
type Server struct {
	ID     int
	Addrs  []PeerAddr // one; several if joined by "|"
	Role   string     // "participant" or "observer"
	Client string     // host:port behind the ";"; "" = none
	Text   string     // the value as written
}

// PeerAddr is where a server is reached by its peers.
type PeerAddr struct {
	Host          string
	Quorum, Elect int // ports
}

// Sessions are limits and kinds of sessions. -1 = derived from the tick.
type Sessions struct {
	MinTimeout, MaxTimeout int
	Local, LocalUpgrading  bool
	ReadOnlyMode           bool
	RequireSASL            bool // sessionRequireClientSASLAuth
}

// Storage is how much is kept.
type Storage struct {
	SnapCount      int // transactions between checkpoints; default 100000
	SnapRetain     int // default 3
	PurgeHours     int // autopurge.purgeInterval
	ForceSync      bool
	FsyncWarningMs int
	DigestEnabled  bool
	DBAutoCreate   bool
}

// Limits protect the server from its clients.
type Limits struct {
	GlobalOutstanding int
	ThrottleRequests  int
	ThrottledOpWaitMs int
	LargeThreshold    int
	LargeMaxBytes     int
	EnforceQuota      bool
	Throttle          Throttle
	NettyHandshakes   int
}

// Throttle is connection_throttle_*.
type Throttle struct {
	Tokens, FillTime, FillCount, FreezeTime int
	DropIncrease, DropDecrease, Ratio       float64
	WeightEnabled                           bool
	GlobalWeight, LocalWeight, RenewWeight  int
}

// Nodes are kinds of znodes.
type Nodes struct {
	ExtendedTypes      bool
	ContainerCheckMs   int // default 60000
	ContainerPerMinute int // default 10000
	ContainerNeverMs   int // default 0: never
}

// Security is who may do what.
type Security struct {
	SkipACL         bool
	SuperDigest     string
	DigestAlg       string // SHA1
	DigestEnabled   bool
	X509SuperUser   string
	SuperUser       string // sasl
	EnsembleNames   []string
	EnforceAuth     bool
	EnforceSchemes  []string
	AllowSASLFailed bool
	Words           []string // 4lw.commands.whitelist; "*" = all
	AuthProviders   map[string]string
	Audit           bool
}

// TLS is one side's certificates. Only PEM files are read; a JKS or PKCS12 store is an error that says how to convert it.
type TLS struct {
	KeyStore, TrustStore               string
	KeyPassword, TrustPassword         string
	KeyPasswordPath, TrustPasswordPath string
	KeyType, TrustType                 string // PEM; "" = by the file's name
	ClientAuth                         string // need (default), want, none
	HostnameVerification               bool   // default true
	ClientHostnameVerification         bool
	Protocol                           string
	EnabledProtocols, CipherSuites     []string
	Reload                             bool // client.certReload, sslQuorumReloadCertFiles
	HandshakeTimeoutMs                 int
}

// Admin is the AdminServer.
type Admin struct {
	Enabled         bool   // default true, as up to 3.9
	Addr            string // default 127.0.0.1 (ZooKeeper: 0.0.0.0)
	Port            int    // default 8080
	PortGiven       bool   // the file says so
	CommandURL      string // default /commands
	SnapshotEnabled bool
	RestoreEnabled  bool
}

// Metrics is the metrics provider.
type Metrics struct {
	Class    string
	HTTPHost string // default 0.0.0.0 as in ZooKeeper, when the Prometheus provider is named
	HTTPPort int    // default 7000
}

// Paddock is what ZooKeeper has no word for. Keys begin with "paddock.".
type Paddock struct {
	PeerPort          string // paddock.peerPort: "quorum" (default) or "election": which of the two ports of a server line is used
	PeerAddr          string // paddock.peerAddr: host:port to listen on for peers; "" = as the own server line says
	PeerSecret        string // paddock.peerSecret
	PeerSecretFile    string
	GossipAddr        string // paddock.gossipAddr: host:port; "" = off unless join is given
	GossipKey         string // paddock.gossipKey, base64
	Join              []string
	LinearizableReads bool
	MinFreeMB         int           // paddock.minFreeMB: below, writes that grow are refused; default 256
	FlushEvery        time.Duration // paddock.flushEveryMs
	ElectionMs        int           // paddock.electionTimeoutMs
	LogFormat         string        // paddock.logFormat: text or json
	LogLevel          string
}

// Default is the configuration of an empty file, but for dataDir and clientPort, which have none.
func Default() *Config {
	return &Config{
		Basics:   Basics{TickTime: 3000, MaxClientCnxns: 60, Backlog: -1, JuteMaxBuffer: 0xfffff},
		Ensemble: Ensemble{StandaloneEnabled: true, Groups: map[int]int{}, Weights: map[int]int{}},
		Sessions: Sessions{MinTimeout: -1, MaxTimeout: -1},
		Storage:  Storage{SnapCount: 100000, SnapRetain: 3, ForceSync: true, FsyncWarningMs: 1000, DigestEnabled: true, DBAutoCreate: true},
		Limits:   Limits{GlobalOutstanding: 1000, LargeThreshold: -1, LargeMaxBytes: 100 << 20},
		Nodes:    Nodes{ExtendedTypes: false, ContainerCheckMs: 60000, ContainerPerMinute: 10000},
		Security: Security{DigestAlg: "SHA1", DigestEnabled: true, Words: []string{"srvr"}, AuthProviders: map[string]string{}},
		TLS:      TLS{ClientAuth: "need", HostnameVerification: true},
		PeerTLS:  TLS{ClientAuth: "need", HostnameVerification: true},
		Admin:    Admin{Enabled: true, Addr: "127.0.0.1", Port: 8080, CommandURL: "/commands", SnapshotEnabled: true, RestoreEnabled: true},
		Metrics:  Metrics{HTTPHost: "0.0.0.0", HTTPPort: 7000},
		Paddock:  Paddock{PeerPort: "quorum", MinFreeMB: 256, LogFormat: "text", LogLevel: "info"},
	}
}
