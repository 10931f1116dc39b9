package znode

import (
	"encoding/binary"

	"github.com/paddock-zk/paddock/session"
)

// sessionEnd is where the session stops in the wire form of a transaction: behind the format version and eight bytes.
const sessionEnd = 1 + 8

// PeekSession reads who asks for a transaction without decoding the rest of it. It is false for bytes that are no transaction of this format.
func PeekSession(b []byte) (session.ID, bool) {
	if len(b) < sessionEnd || b[0] != txnVersion {
		return 0, false
	}
	return session.ID(binary.LittleEndian.Uint64(b[1:])), true
}

// WithFlags is the wire form of a transaction with more flags, in memory of its own. Bytes that are no transaction of this format are
// returned as they are: who applies them says so.
func WithFlags(b []byte, more Flags) []byte {
	if _, ok := PeekSession(b); !ok {
		return b
	}
	r := reader{b: b[sessionEnd:]}
	r.int32()   // Cxid
	r.fixed64() // Origin.Boot
	r.uvarint() // Origin.Seq
	at := len(b) - len(r.b)
	flags := r.bounded(1<<16 - 1)
	if r.err != nil {
		return b
	}
	out := append(make([]byte, 0, len(b)+binary.MaxVarintLen16), b[:at]...)
	return append(binary.AppendUvarint(out, flags|uint64(more)), r.b...)
}
