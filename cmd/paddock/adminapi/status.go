// Package adminapi is the JSON that a server answers below /paddock/ on its admin port: the server writes these shapes, the cluster verbs read them.
// It knows nothing else, so that both sides can use it.
package adminapi

// NodeStatus is what `paddock status` shows of one server beyond ZooKeeper's own report.
type NodeStatus struct {
	Server  int    `json:"server"`
	Version string `json:"version"`
	Lineage
	Role      string `json:"role"`
	Leader    int    `json:"leader"` // -1: none is known
	Epoch     uint32 `json:"epoch"`
	Active    bool   `json:"active"`
	Zxid      string `json:"zxid"`
	Durable   string `json:"durable"`
	Committed string `json:"committed"`
	Membership
	Learners    []LearnerStatus `json:"learners,omitempty"`
	Gossip      []GossipStatus  `json:"gossip,omitempty"`
	DiskLow     bool            `json:"diskLow"`
	LowDisks    []int64         `json:"lowDisks,omitempty"` // the servers whose disks are
	Counts      NodeCounts      `json:"counts"`
	Uptime      float64         `json:"uptimeSeconds"`
	Wall        int64           `json:"wallMs"`
	Instance    string          `json:"instance"`              // drawn by each process: tells whether two addresses are one server
	AdminSocket string          `json:"adminSocket,omitempty"` // where the user who owns the data folder may do everything
}

// Membership says of which ensemble a server is, and whether that has it.
type Membership struct {
	Ensemble string `json:"ensemble"`           // the server lines in force, as in /zookeeper/config
	NoMember bool   `json:"noMember,omitempty"` // it follows, and the ensemble does not have it: it was removed, or not added yet
	// Files is nil while the configuration files of all servers say the ensemble that is in effect.
	Files *FilesStatus `json:"files,omitempty"`
}

// Lineage says which history a server has: of which cluster, and of which of its lives.
type Lineage struct {
	Cluster     string `json:"cluster"`     // 16 bytes, hex
	Incarnation string `json:"incarnation"` // 16 bytes, hex
	Generation  uint32 `json:"generation"`  // raised by each restore, import and recovery
}

// FilesStatus says which configuration files say another ensemble than the one in effect, and what the operator does next.
type FilesStatus struct {
	Differ []string `json:"differ"`
	Next   string   `json:"next"`
}

// NodeCounts is how much a server holds.
type NodeCounts struct {
	Sessions int `json:"sessions"`
	Znodes   int `json:"znodes"`
	Watches  int `json:"watches"`
}

// LearnerStatus is how far one server that follows or observes has come, as its leader knows it.
type LearnerStatus struct {
	Server int    `json:"server"`
	State  string `json:"state"`
	Voter  bool   `json:"voter"`
	Acked  string `json:"acked"`
	Lag    int64  `json:"lag"`
}

// GossipStatus is what a server has heard of another one by gossip.
type GossipStatus struct {
	Server  int     `json:"server"`
	Peer    string  `json:"peer"`
	Client  string  `json:"client"`
	Member  string  `json:"member"`
	Role    string  `json:"role"`
	Zxid    string  `json:"zxid"`
	Version string  `json:"version"`
	Alive   bool    `json:"alive"`
	RTT     float64 `json:"rttMs"`
}
