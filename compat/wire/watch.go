package wire

import (
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Modes of addWatch (ZooDefs.AddWatchModes).
const (
	AddWatchPersistent          int32 = 0
	AddWatchPersistentRecursive int32 = 1
)

// Types of checkWatches and removeWatches (Watcher.WatcherType); anything else is -5.
const (
	WatcherChildren            int32 = 1
	WatcherData                int32 = 2
	WatcherAny                 int32 = 3
	WatcherPersistent          int32 = 4
	WatcherPersistentRecursive int32 = 5
)

// PathInt is a path and a number.
type PathInt struct {
	Path  string
	Value int32
}

type (
	// AddWatchRequest is addWatch (106); Value is AddWatchPersistent or AddWatchPersistentRecursive.
	AddWatchRequest = PathInt
	// CheckWatchesRequest is checkWatches (17); Value is one of the Watcher types.
	CheckWatchesRequest = PathInt
	// RemoveWatchesRequest is removeWatches (18); Value is one of the Watcher types.
	RemoveWatchesRequest = PathInt
)

// Append writes q.
func (q *PathInt) Append(dst []byte) []byte {
	return jute.AppendInt(jute.AppendText(dst, q.Path), q.Value)
}

// Decode reads q.
func (q *PathInt) Decode(r *jute.Reader) { q.Path, q.Value = r.Text(), r.Int() }

// SetWatches is setWatches (101) and, with the two lists at the end, setWatches2 (105). A client that reconnects lists the watches
// it had; RelativeZxid is the last zxid it saw. Null lists and null paths are kept as null: ZooKeeper meets them when it comes to them, and
// what stood before them has been done by then.
type SetWatches struct {
	RelativeZxid                 zxid.ID
	Data, Exist, Child           jute.Vector
	Persistent, PersistentRecurs jute.Vector // setWatches2 only
}

// Append writes q in the form of op (OpSetWatches or OpSetWatches2).
func (q *SetWatches) Append(dst []byte, op Opcode) []byte {
	dst = jute.AppendLong(dst, int64(q.RelativeZxid))
	dst = jute.AppendVector(dst, q.Data)
	dst = jute.AppendVector(dst, q.Exist)
	dst = jute.AppendVector(dst, q.Child)
	if op != OpSetWatches2 {
		return dst
	}
	dst = jute.AppendVector(dst, q.Persistent)
	return jute.AppendVector(dst, q.PersistentRecurs)
}

// Decode reads q in the form of op (OpSetWatches or OpSetWatches2).
func (q *SetWatches) Decode(r *jute.Reader, op Opcode) {
	*q = SetWatches{}
	q.RelativeZxid = zxid.ID(r.Long())
	q.Data, q.Exist, q.Child = r.NullableVector(), r.NullableVector(), r.NullableVector()
	if op == OpSetWatches2 {
		q.Persistent, q.PersistentRecurs = r.NullableVector(), r.NullableVector()
	}
}

// AuthPacket is auth (100). Null scheme reads as empty.
type AuthPacket struct {
	Type   int32 // 0
	Scheme string
	Auth   []byte // nil is null
}

// Append writes q.
func (q *AuthPacket) Append(dst []byte) []byte {
	return jute.AppendBuffer(jute.AppendText(jute.AppendInt(dst, q.Type), q.Scheme), q.Auth)
}

// Decode reads q.
func (q *AuthPacket) Decode(r *jute.Reader) {
	q.Type = r.Int()
	q.Scheme, _ = r.NullableText()
	q.Auth = r.Buffer()
}

// SASLToken is the request and the reply of sasl (102). Without SASL configured ZooKeeper answers a null token.
type SASLToken struct{ Token []byte }

// Append writes q.
func (q *SASLToken) Append(dst []byte) []byte { return jute.AppendBuffer(dst, q.Token) }

// Decode reads q.
func (q *SASLToken) Decode(r *jute.Reader) { q.Token = r.Buffer() }
