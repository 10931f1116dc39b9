package zab

import (
	"encoding/binary"
	"fmt"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// EntryKind says who understands the data of an entry.
type EntryKind uint8

const (
	// EntryTxn is a transaction of the state machine; zab does not look inside.
	EntryTxn EntryKind = 1
	// EntryNewLeader opens an epoch: zxid (e, 0). The current epoch of a server is the epoch of its last durable record. Its data is the number
	// of the leader, and behind it, where the history had none before, the encoded Ensemble.
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

// Ensemble is the membership that an entry makes: a reconfiguration makes one, and so does the first NEWLEADER of a history. ok is false for
// all other entries.
func (e *Entry) Ensemble() (ens Ensemble, ok bool, err error) {
	data := e.Data
	switch {
	case e.Kind == EntryNewLeader && len(data) > newLeaderID:
		data = data[newLeaderID:]
	case e.Kind != EntryReconfig:
		return ens, false, nil
	}
	if ens, _, err = DecodeReconfig(data); err != nil {
		return ens, true, fmt.Errorf("zab: the ensemble of the entry %v cannot be read: %w", e.Zxid, err)
	}
	ens.Version = e.Zxid
	return ens, true, nil
}

// newLeaderID is how long the number of the leader is in a NEWLEADER.
const newLeaderID = 4

// newLeaderData is the data of a NEWLEADER; ens is nil where the history has an ensemble.
func newLeaderData(leader PeerID, ens *Ensemble) []byte {
	data := binary.BigEndian.AppendUint32(nil, uint32(leader))
	if ens != nil {
		data = append(data, EncodeReconfig(*ens, nil)...)
	}
	return data
}
