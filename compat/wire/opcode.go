package wire

import "strconv"

// Opcode numbers a request (ZooDefs.OpCode).
type Opcode = int32

// The opcodes a client may send. Internal ones that clients must not send are below.
const (
	OpCreate               Opcode = 1
	OpDelete               Opcode = 2
	OpExists               Opcode = 3
	OpGetData              Opcode = 4
	OpSetData              Opcode = 5
	OpGetACL               Opcode = 6
	OpSetACL               Opcode = 7
	OpGetChildren          Opcode = 8
	OpSync                 Opcode = 9
	OpPing                 Opcode = 11
	OpGetChildren2         Opcode = 12
	OpCheck                Opcode = 13 // inside a multi only
	OpMulti                Opcode = 14
	OpCreate2              Opcode = 15
	OpReconfig             Opcode = 16
	OpCheckWatches         Opcode = 17
	OpRemoveWatches        Opcode = 18
	OpCreateContainer      Opcode = 19
	OpCreateTTL            Opcode = 21
	OpMultiRead            Opcode = 22
	OpAuth                 Opcode = 100
	OpSetWatches           Opcode = 101
	OpSASL                 Opcode = 102
	OpGetEphemerals        Opcode = 103
	OpGetAllChildrenNumber Opcode = 104
	OpSetWatches2          Opcode = 105
	OpAddWatch             Opcode = 106
	OpWhoAmI               Opcode = 107
	OpCloseSession         Opcode = -11
)

// Opcodes that exist but are refused from clients: error -6 and close.
const (
	OpNotification    Opcode = 0
	OpDeleteContainer Opcode = 20
	OpCreateSession   Opcode = -10
	OpError           Opcode = -1 // also the type of a failed part in a multi's reply, and of the terminator
)

// Special xids.
const (
	XidEvent      int32 = -1 // server to client: a WatcherEvent follows
	XidPing       int32 = -2 // the reply to a ping, whatever xid it had
	XidAuth       int32 = -4
	XidSetWatches int32 = -8
)

// OpName is the name of an opcode in ZooKeeper's documentation, or "op<number>".
func OpName(op Opcode) string {
	if name := opName(op); name != "" {
		return name
	}
	return "op" + strconv.Itoa(int(op))
}

func opName(op Opcode) string {
	switch op {
	case OpCreate:
		return "create"
	case OpDelete:
		return "delete"
	case OpExists:
		return "exists"
	case OpGetData:
		return "getData"
	case OpSetData:
		return "setData"
	case OpGetACL:
		return "getACL"
	case OpSetACL:
		return "setACL"
	case OpGetChildren:
		return "getChildren"
	case OpSync:
		return "sync"
	case OpPing:
		return "ping"
	case OpGetChildren2:
		return "getChildren2"
	case OpCheck:
		return "check"
	case OpMulti:
		return "multi"
	case OpCreate2:
		return "create2"
	}
	return opNameNewer(op)
}

// opNameNewer names what came with 3.5 and later, and the opcodes that are not requests on znodes.
func opNameNewer(op Opcode) string {
	switch op {
	case OpReconfig:
		return "reconfig"
	case OpCheckWatches:
		return "checkWatches"
	case OpRemoveWatches:
		return "removeWatches"
	case OpCreateContainer:
		return "createContainer"
	case OpDeleteContainer:
		return "deleteContainer"
	case OpCreateTTL:
		return "createTTL"
	case OpMultiRead:
		return "multiRead"
	case OpAuth:
		return "auth"
	case OpSetWatches:
		return "setWatches"
	case OpSASL:
		return "sasl"
	case OpGetEphemerals:
		return "getEphemerals"
	case OpGetAllChildrenNumber:
		return "getAllChildrenNumber"
	case OpSetWatches2:
		return "setWatches2"
	case OpAddWatch:
		return "addWatch"
	case OpWhoAmI:
		return "whoAmI"
	case OpCreateSession:
		return "createSession"
	case OpCloseSession:
		return "closeSession"
	case OpNotification:
		return "notification"
	case OpError:
		return "error"
	}
	return ""
}

// Known says whether a client may send op on its own. For everything else ZooKeeper answers zxid -1, error -6, and closes.
// check (13) is known here but only legal inside a multi.
func Known(op Opcode) bool {
	switch op {
	case OpNotification, OpError, OpDeleteContainer, OpCreateSession:
		return false
	}
	return opName(op) != ""
}

// IsWrite says whether op takes a zxid: it goes through the quorum even when it fails.
func IsWrite(op Opcode) bool {
	switch op {
	case OpCreate, OpDelete, OpSetData, OpSetACL, OpMulti, OpCreate2, OpReconfig, OpCreateContainer, OpCreateTTL,
		OpDeleteContainer, OpCreateSession, OpCloseSession, OpCheck:
		return true
	}
	return false
}
