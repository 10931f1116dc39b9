package znode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/paddock-zk/paddock/session"
)

// txnVersion is the format of AppendTxn. A change of meaning needs a new number, so that two releases never judge one entry differently.
const txnVersion = 1

// ErrTxn is wrapped by every complaint of DecodeTxn.
var ErrTxn = errors.New("znode: malformed transaction")

// AppendTxn appends the wire form of t: a format version, then the fields. Lengths and counts are varints; null bytes and null lists
// are told from empty ones.
func AppendTxn(dst []byte, t *Txn) []byte {
	dst = append(dst, txnVersion)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Session))
	dst = binary.AppendVarint(dst, int64(t.Cxid))
	dst = binary.LittleEndian.AppendUint64(dst, t.Origin.Boot)
	dst = binary.AppendUvarint(dst, t.Origin.Seq)
	dst = binary.AppendUvarint(dst, uint64(t.Flags))
	dst = binary.AppendUvarint(dst, uint64(len(t.Auth)))
	for i := range t.Auth {
		dst = appendText(appendText(dst, t.Auth[i].Scheme), t.Auth[i].ID)
	}
	dst = appendOp(dst, &t.Op)
	if t.Op.Kind != KindMulti {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(len(t.Ops)))
	for i := range t.Ops {
		dst = appendOp(dst, &t.Ops[i])
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendBytes writes 0 for null, else the length plus one.
func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 0)
	}
	return append(binary.AppendUvarint(dst, uint64(len(b))+1), b...)
}

// appendOp writes only the fields of the kind.
func appendOp(dst []byte, op *Op) []byte {
	dst = append(dst, byte(op.Kind))
	dst = binary.AppendVarint(dst, int64(op.Wire))
	switch op.Kind {
	case KindCreate:
		dst = appendACLs(appendBytes(appendText(dst, op.Path), op.Data), op.ACL)
		dst = binary.AppendVarint(dst, int64(op.Mode))
		dst = binary.AppendVarint(dst, op.TTL)
	case KindDelete, KindCheck:
		dst = binary.AppendVarint(appendText(dst, op.Path), int64(op.Version))
	case KindSetData:
		dst = binary.AppendVarint(appendBytes(appendText(dst, op.Path), op.Data), int64(op.Version))
	case KindSetACL:
		dst = binary.AppendVarint(appendACLs(appendText(dst, op.Path), op.ACL), int64(op.Version))
	case KindCreateSession:
		dst = appendBytes(binary.AppendVarint(dst, int64(op.Timeout)), op.Password)
	case KindDeleteContainer:
		dst = binary.AppendVarint(appendText(dst, op.Path), op.TTL)
	case KindReconfig:
		dst = binary.AppendVarint(appendBytes(dst, op.Data), int64(op.Version))
	case KindError:
		dst = binary.AppendVarint(dst, int64(op.Err))
	case KindPutSecret:
		dst = binary.AppendVarint(appendBytes(appendText(dst, op.Path), op.Data), int64(op.Version))
	}
	return dst
}

func appendACLs(dst []byte, list []ACL) []byte {
	if list == nil {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(list))+1)
	for i := range list {
		dst = binary.AppendVarint(dst, int64(list[i].Perms))
		dst = appendText(appendText(dst, list[i].Scheme), list[i].ID)
	}
	return dst
}

// DecodeTxn reads what AppendTxn wrote. t's slices are reused; its strings and bytes alias b, which must not change afterwards.
func DecodeTxn(b []byte, t *Txn) error {
	if len(b) == 0 || b[0] != txnVersion {
		return fmt.Errorf("%w: unknown format version (%d bytes): was it written by a newer release?", ErrTxn, len(b))
	}
	r := reader{b: b[1:]}
	t.Session = session.ID(r.fixed64())
	t.Cxid = r.int32()
	t.Origin = Origin{Boot: r.fixed64(), Seq: r.uvarint()}
	t.Flags = Flags(r.bounded(1<<16 - 1))
	t.Auth = t.Auth[:0]
	for n := r.count(2); n > 0 && r.err == nil; n-- {
		t.Auth = append(t.Auth, Identity{Scheme: r.text(), ID: r.text()})
	}
	r.op(&t.Op)
	t.Ops = t.Ops[:0]
	if t.Op.Kind == KindMulti {
		for n := r.count(2); n > 0 && r.err == nil; n-- {
			t.Ops = extendOps(t.Ops)
			r.op(&t.Ops[len(t.Ops)-1])
		}
	}
	switch {
	case r.err != nil:
		return r.err
	case len(r.b) != 0:
		return fmt.Errorf("%w: %d bytes too many", ErrTxn, len(r.b))
	}
	return nil
}

// extendOps appends an Op and keeps the memory of one that was there before.
func extendOps(ops []Op) []Op {
	if len(ops) < cap(ops) {
		return ops[:len(ops)+1]
	}
	return append(ops, Op{})
}

// reader takes fields off b; the first thing that does not fit sets err and everything after reads as zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrTxn, what)
	}
	r.b = nil
}

// op reads an operation over op, keeping the memory of its ACL.
func (r *reader) op(op *Op) {
	acl := op.ACL
	if len(r.b) == 0 {
		r.fail("an operation is missing")
		return
	}
	*op = Op{Kind: Kind(r.b[0])}
	r.b = r.b[1:]
	op.Wire = r.int32()
	switch op.Kind {
	case KindCreate:
		op.Path, op.Data = r.text(), r.bytes()
		op.ACL = r.acls(acl)
		op.Mode, op.TTL = Mode(r.int32()), r.varint()
	case KindDelete, KindCheck:
		op.Path, op.Version = r.text(), r.int32()
	case KindSetData:
		op.Path, op.Data, op.Version = r.text(), r.bytes(), r.int32()
	case KindSetACL:
		op.Path, op.ACL, op.Version = r.text(), r.acls(acl), r.int32()
	case KindMulti, KindCloseSession:
	case KindCreateSession:
		op.Timeout, op.Password = r.int32(), r.bytes()
	case KindDeleteContainer:
		op.Path, op.TTL = r.text(), r.varint()
	case KindReconfig:
		op.Data, op.Version = r.bytes(), r.int32()
	case KindError:
		op.Err = Code(r.int32())
	case KindPutSecret:
		op.Path, op.Data, op.Version = r.text(), r.bytes(), r.int32()
	default:
		r.fail("unknown kind of operation")
	}
	if op.ACL == nil && cap(acl) > 0 && op.Kind != KindCreate && op.Kind != KindSetACL {
		op.ACL = acl[:0]
	}
}

func (r *reader) acls(list []ACL) []ACL {
	n := r.uvarint()
	if n == 0 {
		return nil
	}
	n--
	if n > uint64(len(r.b))/3 {
		r.fail("more ACL entries than bytes")
		return nil
	}
	if list = list[:0]; list == nil {
		list = make([]ACL, 0, n)
	}
	for ; n > 0 && r.err == nil; n-- {
		list = append(list, ACL{Perms: r.int32(), Scheme: r.text(), ID: r.text()})
	}
	return list
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("a number is cut short or too long")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) int32() int32 {
	v := r.varint()
	if v != int64(int32(v)) {
		r.fail("a number does not fit 32 bits")
		return 0
	}
	return int32(v)
}

func (r *reader) bounded(limit uint64) uint64 {
	v := r.uvarint()
	if v > limit {
		r.fail("a number is out of its range")
		return 0
	}
	return v
}

// count reads a number of elements that need at least size bytes each.
func (r *reader) count(size int) uint64 { return r.bounded(uint64(len(r.b) / size)) }

func (r *reader) fixed64() uint64 {
	if len(r.b) < 8 {
		r.fail("cut short")
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

func (r *reader) fixed32() uint32 {
	if len(r.b) < 4 {
		r.fail("cut short")
		return 0
	}
	v := binary.LittleEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail("a string is longer than the rest")
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// text aliases the input.
func (r *reader) text() string {
	b := r.take(r.uvarint())
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

// bytes aliases the input; nil for null.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n == 0 {
		return nil
	}
	if b := r.take(n - 1); b != nil {
		return b
	}
	return nil
}
