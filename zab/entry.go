package zab

import "github.com/paddock-zk/paddock/zab/zxid"

// EntryKind says who understands the data of an entry.
type EntryKind uint8

const (
	// EntryTxn is a transaction of the state machine; zab does not look inside.
	EntryTxn EntryKind = 1
	// EntryNewLeader opens an epoch: zxid (e, 0). The current epoch of a server is the epoch of its last durable record.
	EntryNewLeader EntryKind = 2
	// EntryReconfig changes the ensemble; its data begins with the encoded Ensemble and the state machine sees it too.
	EntryReconfig EntryKind = 3
)

// Entry is one transaction of the history, in its one canonical form: proposal, log record and committed transaction alike.
type Entry struct {
	Zxid zxid.ID   // its own id
	Prev zxid.ID   // the id before it in the history; a follower appends only on a match
	Kind EntryKind // who understands Data
	Time int64     // what the leader's wall clock said when it was proposed, ms since 1970; it decides no order, and goes back along the history when the clock does
	Data []byte    // opaque to zab; immutable once proposed
}
