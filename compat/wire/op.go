package wire

import (
	"errors"
	"fmt"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

// ErrOp says that an operation may not stand where it stands, or that its fields contradict each other in a way that ZooKeeper
// refuses while decoding: the whole request is answered with -5.
var ErrOp = errors.New("wire: operation not allowed here")

// ErrNullACL says that a create inside a multi has no ACL list. ZooKeeper falls over it while it decodes, before it has taken a zxid.
var ErrNullACL = fmt.Errorf("%w: a create with a null ACL inside a multi", ErrOp)

// DecodeOp reads the record of a request that becomes one operation of a transaction: create, create2, createContainer, createTTL,
// delete, setData, setACL, check. It fills op.Kind, op.Wire and the fields of that kind, and reuses op.ACL. Flags, ttl and paths are
// read, not judged. For any other opcode it fails with [ErrOp].
func DecodeOp(code Opcode, r *jute.Reader, op *znode.Op) {
	*op = znode.Op{ACL: op.ACL, Wire: code}
	switch code {
	case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL:
		q := CreateRequest{ACL: op.ACL}
		q.Decode(r)
		op.Kind, op.Path, op.Data, op.ACL, op.Mode = znode.KindCreate, q.Path, q.Data, q.ACL, znode.Mode(q.Flags)
		if code == OpCreateTTL {
			op.TTL = r.Long()
		}
	case OpDelete, OpCheck:
		op.Kind = znode.KindDelete
		if code == OpCheck {
			op.Kind = znode.KindCheck
		}
		op.Path, op.Version = r.Text(), r.Int()
	case OpSetData:
		op.Kind = znode.KindSetData
		op.Path, op.Data, op.Version = r.Text(), r.Buffer(), r.Int()
	case OpSetACL:
		q := SetACLRequest{ACL: op.ACL}
		q.Decode(r)
		op.Kind, op.Path, op.ACL, op.Version = znode.KindSetACL, q.Path, q.ACL, q.Version
	default:
		r.Fail(fmt.Errorf("%w: %s is not a single write", ErrOp, OpName(code)))
	}
}

// DecodeNulls reads the record of a single write in which [DecodeOp] met a null string where one must be. Null reads as empty, data and
// the entries of an ACL are passed over, and hasPath says whether the path was there: enough to know what the request is answered with.
func DecodeNulls(code Opcode, r *jute.Reader, op *znode.Op) (hasPath bool) {
	*op = znode.Op{Wire: code}
	op.Path, hasPath = r.NullableText()
	switch code {
	case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL:
		op.Kind = znode.KindCreate
		r.Buffer()
		op.ACL, op.Mode = passACL(r), znode.Mode(r.Int())
		if code == OpCreateTTL {
			op.TTL = r.Long()
		}
	case OpDelete, OpCheck:
		op.Kind, op.Version = znode.KindDelete, r.Int()
	case OpSetData:
		r.Buffer()
		op.Kind, op.Version = znode.KindSetData, r.Int()
	case OpSetACL:
		op.ACL, op.Kind, op.Version = passACL(r), znode.KindSetACL, r.Int()
	default:
		r.Fail(fmt.Errorf("%w: %s is not a single write", ErrOp, OpName(code)))
	}
	return hasPath
}

// passACL reads a list of ACLs and keeps only whether it is null.
func passACL(r *jute.Reader) []znode.ACL {
	n := r.Count(12)
	if n < 0 {
		return nil
	}
	for range n {
		r.Int()
		r.Buffer()
		r.Buffer()
	}
	return []znode.ACL{}
}

// WireOf is the opcode that op is sent as: op.Wire, or what fits its kind and mode if that is 0.
func WireOf(op *znode.Op) Opcode {
	if op.Wire != 0 {
		return op.Wire
	}
	switch op.Kind {
	case znode.KindCreate:
		switch op.Mode {
		case znode.ModeContainer:
			return OpCreateContainer
		case znode.ModePersistentWithTTL, znode.ModePersistentSequentialWithTTL:
			return OpCreateTTL
		}
		return OpCreate
	case znode.KindDelete:
		return OpDelete
	case znode.KindSetData:
		return OpSetData
	case znode.KindSetACL:
		return OpSetACL
	case znode.KindCheck:
		return OpCheck
	}
	panic(fmt.Sprintf("wire: kind %d is not sent by clients as one operation", op.Kind))
}

// AppendOp writes the record of op, as [WireOf] says; the caller has written the opcode. Setting ACL to nil sends a null list.
func AppendOp(dst []byte, op *znode.Op) []byte {
	switch code := WireOf(op); code {
	case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL:
		dst = jute.AppendText(dst, op.Path)
		dst = jute.AppendBuffer(dst, op.Data)
		dst = AppendACL(dst, op.ACL)
		dst = jute.AppendInt(dst, int32(op.Mode))
		if code == OpCreateTTL {
			dst = jute.AppendLong(dst, op.TTL)
		}
		return dst
	case OpDelete, OpCheck:
		return jute.AppendInt(jute.AppendText(dst, op.Path), op.Version)
	case OpSetData:
		return jute.AppendInt(jute.AppendBuffer(jute.AppendText(dst, op.Path), op.Data), op.Version)
	case OpSetACL:
		return jute.AppendInt(AppendACL(jute.AppendText(dst, op.Path), op.ACL), op.Version)
	default:
		panic("wire: " + OpName(code) + " is not a single write")
	}
}

// CloneOp makes everything that op aliases its own: one allocation for all bytes, one for the ACL list.
func CloneOp(op *znode.Op) {
	n := len(op.Path) + len(op.Data)
	for i := range op.ACL {
		n += len(op.ACL[i].Scheme) + len(op.ACL[i].ID)
	}
	c := cloner{buf: make([]byte, 0, n)}
	op.Path = c.text(op.Path)
	if op.Data != nil {
		op.Data = c.bytes(op.Data)
	}
	if op.ACL != nil {
		op.ACL = append(make([]znode.ACL, 0, len(op.ACL)), op.ACL...)
	}
	for i := range op.ACL {
		op.ACL[i].Scheme, op.ACL[i].ID = c.text(op.ACL[i].Scheme), c.text(op.ACL[i].ID)
	}
}
