package znode

import "github.com/paddock-zk/paddock/zab/zxid"

// EventType is numbered as on the wire (Watcher.Event.EventType).
type EventType int32

const (
	EventCreated         EventType = 1
	EventDeleted         EventType = 2
	EventDataChanged     EventType = 3
	EventChildrenChanged EventType = 4
)

// Event is something watchers may want to hear. ACL is the list that decides who may (read permission): that of the node itself,
// for EventDeleted the one it had, for EventChildrenChanged the parent's (CVE-2024-23944). It is shared: do not write to it.
type Event struct {
	Type EventType
	Path string
	ACL  []ACL
}

// Result is the outcome of one transaction, the same on every server. Its strings and bytes may alias the Txn. A multi that failed has
// Code and Ops: on the wire its header says 0 and the parts tell. A multi with Code but no Ops failed as a whole (ErrMarshalling).
type Result struct {
	Zxid   zxid.ID
	Time   int64
	Code   Code       // OK or why nothing was changed
	Path   string     // create: the path with its sequence suffix
	Stat   Stat       // create2, setData, setACL, reconfig
	Data   []byte     // reconfig: the new text
	Ops    []OpResult // multi: one for each part
	Events []Event    // in the order in which watches fire
	Closed []string   // closeSession: the ephemerals that went
}

// OpResult is the outcome of one part of a multi. In a failed multi: OK before the failure, the real code at it,
// ErrRuntimeInconsistency after it.
type OpResult struct {
	Kind Kind
	Code Code
	Wire int32 // the opcode that shapes the answer (1: path; 15, 19, 21: path and stat); for creates not always the one asked
	Path string
	Stat Stat
}

// Reset empties r for the next transaction and keeps its slices' memory.
func (r *Result) Reset() {
	clear(r.Ops)
	clear(r.Events)
	clear(r.Closed)
	*r = Result{Ops: r.Ops[:0], Events: r.Events[:0], Closed: r.Closed[:0]}
}
