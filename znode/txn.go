package znode

import (
	"github.com/paddock-zk/paddock/session"
)

// Kind is the closed set of things that can happen to the state.
type Kind uint8

const (
	KindCreate          Kind = 1  // create, create2, createContainer, createTTL (Op.Mode and Op.TTL say which)
	KindDelete          Kind = 2  // delete
	KindSetData         Kind = 3  // setData
	KindSetACL          Kind = 4  // setACL
	KindCheck           Kind = 5  // check; inside a multi only
	KindMulti           Kind = 6  // all of Ops or none
	KindCreateSession   Kind = 7  // a session begins (Op.Timeout, Op.Password)
	KindCloseSession    Kind = 8  // a session ends: its ephemerals go with it
	KindDeleteContainer Kind = 9  // collection of an empty container or a TTL node that ran out; judged again when applied
	KindReconfig        Kind = 10 // the text of /zookeeper/config changes (Op.Data)
	KindError           Kind = 11 // a write that could not be decoded or is refused by its server: takes a zxid, answers Op.Err
	KindPutSecret       Kind = 12 // a private record of the ensemble that no client can read (signing keys): Op.Path names it, Op.Data is it
)

// Mode is how a node lives, numbered as create flags on the wire (CreateMode).
type Mode int32

const (
	ModePersistent                  Mode = 0
	ModeEphemeral                   Mode = 1
	ModePersistentSequential        Mode = 2
	ModeEphemeralSequential         Mode = 3
	ModeContainer                   Mode = 4
	ModePersistentWithTTL           Mode = 5
	ModePersistentSequentialWithTTL Mode = 6
)

// Flags carry what the configuration of the proposing server decides, so that every server judges alike.
type Flags uint16

const (
	FlagSkipACL       Flags = 1 << iota // skipACL=yes: no permission is checked
	FlagEnforceQuota                    // enforceQuota: hard limits refuse with ErrQuotaExceeded
	FlagExtendedTypes                   // extendedTypesEnabled: TTL nodes are allowed
	FlagX509                            // the x509 scheme is configured, so ACLs may name it
	FlagSASL                            // the sasl scheme is configured, so ACLs may name it
	FlagNoGrow                          // the disk is nearly full: writes that grow are refused with ErrQuotaExceeded
	FlagNoDigest                        // DigestAuthenticationProvider.enabled=false: the digest scheme is unknown
	FlagLocalSession                    // the session is known to its server alone: it is not in the table and cannot own nodes
)

// Origin is the server and its running request number, so that the server which asked finds the answer among the committed.
type Origin struct {
	Boot uint64 // drawn at random when that server process started; 0 = nobody waits
	Seq  uint64 // counts that process's proposals from 1
}

// Op is one operation. Only the fields of its Kind mean anything.
type Op struct {
	Kind     Kind
	Path     string
	Data     []byte // nil is null and stays null
	ACL      []ACL  // as asked, before "auth" is expanded
	Mode     Mode   // create: the flags as given on the wire; unknown values are judged, not decoded
	Wire     int32  // the client's opcode (1, 15, 19, 21, ...): some rules of ZooKeeper differ by it
	TTL      int64  // createTTL: ms; KindDeleteContainer: collect containers never used for so long, 0 = not
	Version  int32  // expected version; -1 any. KindPutSecret: 0 = only if there is none
	Timeout  int32  // createSession: ms
	Password []byte // createSession: 16 bytes
	Err      Code   // KindError: what to answer
}

// Txn is what the history carries: the client's request, who asked, and what the asker had proved. It is judged when applied.
// Its wire form begins with a format version; see AppendTxn and DecodeTxn.
type Txn struct {
	Session session.ID // who asks; for createSession the new id; 0 for the server itself
	Cxid    int32      // the client's xid
	Origin  Origin
	Flags   Flags
	Auth    []Identity
	Op      Op   // the operation; for a multi Op.Kind is KindMulti
	Ops     []Op // the parts of a multi
}
