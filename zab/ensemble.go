package zab

import (
	"errors"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// MemberRole says whether a member counts in quorums.
type MemberRole uint8

const (
	// Participant votes and its acks count (ZooKeeper: PARTICIPANT).
	Participant MemberRole = iota
	// Observer receives the history and counts nowhere (ZooKeeper: OBSERVER).
	Observer
)

// Member is one server line of the ensemble.
type Member struct {
	ID     PeerID
	Role   MemberRole
	Addr   string // "host:quorumPort:electionPort", several joined by "|"; opaque here
	Client string // what follows ";": "clientAddr:clientPort"; may be empty; opaque here
	Weight uint32 // 1 unless a weight line says otherwise; counts only if there are groups
	Group  uint8  // 0 unless a group line says otherwise
}

// Ensemble is the membership: who votes and who observes. The zero value is "nobody".
type Ensemble struct {
	Version zxid.ID  // zxid of the reconfiguration that made it; 0 for a bootstrap configuration
	Members []Member // by ascending ID
}

// ParseEnsemble reads the text form (see [Ensemble.String]).
func ParseEnsemble(text string) (Ensemble, error) {
	return Ensemble{}, errors.New("zab: not implemented")
}

// String is ZooKeeper's text of /zookeeper/config: server.N=... lines, then version=hex.
func (e Ensemble) String() string { return "" }
