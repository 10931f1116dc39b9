package wire

import (
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

const (
	// RequestHeaderSize and ReplyHeaderSize are the bytes of the headers; StatSize those of a Stat.
	RequestHeaderSize = 8
	ReplyHeaderSize   = 16
	StatSize          = 68
)

// RequestHeader opens every client frame after the handshake.
type RequestHeader struct {
	Xid int32
	Op  Opcode
}

// Append writes h.
func (h RequestHeader) Append(dst []byte) []byte {
	return jute.AppendInt(jute.AppendInt(dst, h.Xid), h.Op)
}

// Decode reads h.
func (h *RequestHeader) Decode(r *jute.Reader) { h.Xid, h.Op = r.Int(), r.Int() }

// ReplyHeader opens every server frame after the handshake. A body follows only if Err is znode.OK.
type ReplyHeader struct {
	Xid  int32
	Zxid zxid.ID // last applied when the reply was built; for a write its own; -1 for catch-up events and unknown opcodes
	Err  znode.Code
}

// Append writes h.
func (h ReplyHeader) Append(dst []byte) []byte {
	return jute.AppendInt(jute.AppendLong(jute.AppendInt(dst, h.Xid), int64(h.Zxid)), int32(h.Err))
}

// Decode reads h.
func (h *ReplyHeader) Decode(r *jute.Reader) {
	h.Xid, h.Zxid, h.Err = r.Int(), zxid.ID(r.Long()), znode.Code(r.Int())
}

// AppendStat writes the 68 bytes of a Stat.
func AppendStat(dst []byte, s *znode.Stat) []byte {
	dst = jute.AppendLong(dst, s.Czxid)
	dst = jute.AppendLong(dst, s.Mzxid)
	dst = jute.AppendLong(dst, s.Ctime)
	dst = jute.AppendLong(dst, s.Mtime)
	dst = jute.AppendInt(dst, s.Version)
	dst = jute.AppendInt(dst, s.Cversion)
	dst = jute.AppendInt(dst, s.Aversion)
	dst = jute.AppendLong(dst, s.EphemeralOwner)
	dst = jute.AppendInt(dst, s.DataLength)
	dst = jute.AppendInt(dst, s.NumChildren)
	return jute.AppendLong(dst, s.Pzxid)
}

// DecodeStat reads a Stat.
func DecodeStat(r *jute.Reader, s *znode.Stat) {
	s.Czxid, s.Mzxid, s.Ctime, s.Mtime = r.Long(), r.Long(), r.Long(), r.Long()
	s.Version, s.Cversion, s.Aversion = r.Int(), r.Int(), r.Int()
	s.EphemeralOwner = r.Long()
	s.DataLength, s.NumChildren = r.Int(), r.Int()
	s.Pzxid = r.Long()
}

// AppendACL writes a list of ACLs; a nil list becomes null.
func AppendACL(dst []byte, list []znode.ACL) []byte {
	if list == nil {
		return jute.AppendNull(dst)
	}
	dst = jute.AppendInt(dst, int32(len(list)))
	for i := range list {
		dst = jute.AppendInt(dst, list[i].Perms)
		dst = jute.AppendText(dst, list[i].Scheme)
		dst = jute.AppendText(dst, list[i].ID)
	}
	return dst
}

// DecodeACL reads a list of ACLs into the room of list; null gives nil. Their strings alias the frame. A null id is an error, as it is
// for ZooKeeper, but not beside the scheme "auth", which never looks at it (kazoo sends it so). A null scheme reads as the empty one, which
// is refused as an unknown scheme is. (PrepRequestProcessor.fixupACL)
func DecodeACL(r *jute.Reader, list []znode.ACL) []znode.ACL {
	n := r.Count(12)
	if n < 0 {
		return nil
	}
	if list == nil {
		list = make([]znode.ACL, 0, min(n, 8))
	}
	list = list[:0]
	for range n {
		a := znode.ACL{Perms: r.Int()}
		a.Scheme, _ = r.NullableText()
		var present bool
		if a.ID, present = r.NullableText(); !present && a.Scheme != "" && a.Scheme != "auth" {
			r.Fail(jute.ErrNull)
		}
		if r.Err() != nil {
			return list
		}
		list = append(list, a)
	}
	return list
}
