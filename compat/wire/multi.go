package wire

import (
	"fmt"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

// MultiHeader stands before each part of a multi, in both directions, and ends the list.
type MultiHeader struct {
	Type Opcode // of the part; -1 for a failed part and for the end
	Done bool   // the end
	Err  int32  // requests: -1; replies: the part's error
}

// MultiEnd is the last header of a list.
func MultiEnd() MultiHeader { return MultiHeader{Type: OpError, Done: true, Err: -1} }

// Append writes h.
func (h MultiHeader) Append(dst []byte) []byte {
	return jute.AppendInt(jute.AppendBool(jute.AppendInt(dst, h.Type), h.Done), h.Err)
}

// Decode reads h.
func (h *MultiHeader) Decode(r *jute.Reader) { h.Type, h.Done, h.Err = r.Int(), r.Bool(), r.Int() }

// AppendMulti writes the body of a multi (14).
func AppendMulti(dst []byte, ops []znode.Op) []byte {
	for i := range ops {
		dst = MultiHeader{Type: WireOf(&ops[i]), Err: -1}.Append(dst)
		dst = AppendOp(dst, &ops[i])
	}
	return MultiEnd().Append(dst)
}

// DecodeMulti reads the body of a multi (14) into the room of ops. Parts alias the frame. What ZooKeeper refuses while decoding is
// refused here too, as an error for the whole request: parts that are not create, delete, setData or check in their forms, and in a
// create of the non-TTL forms an unknown flag, a TTL flag or a null ACL ([ErrNullACL], unless the flag is unknown too). What it rewrites is rewritten: a create with the container
// flag becomes createContainer, a createTTL without a TTL flag loses its ttl. (MultiOperationRecord.deserialize, Op.create)
func DecodeMulti(r *jute.Reader, ops []znode.Op) []znode.Op {
	ops = ops[:0]
	var h MultiHeader
	for h.Decode(r); r.Err() == nil && !h.Done; h.Decode(r) {
		if len(ops) < cap(ops) {
			ops = ops[:len(ops)+1] // the ACL room of an earlier decode is used again
		} else {
			ops = append(ops, znode.Op{})
		}
		if decodePart(h.Type, r, &ops[len(ops)-1]); r.Err() != nil {
			return ops[:len(ops)-1]
		}
	}
	return ops
}

func decodePart(code Opcode, r *jute.Reader, op *znode.Op) {
	if code == OpSetACL {
		r.Fail(fmt.Errorf("%w: setACL inside a multi", ErrOp))
		return
	}
	if DecodeOp(code, r, op); r.Err() == nil {
		judgePart(code, r, op)
	}
}

// judgePart refuses and rewrites a part that was decoded, as [DecodeMulti] says. The order decides which error it is.
func judgePart(code Opcode, r *jute.Reader, op *znode.Op) {
	if op.Kind != znode.KindCreate {
		return
	}
	known := op.Mode >= znode.ModePersistent && op.Mode <= znode.ModePersistentSequentialWithTTL
	ttl := op.Mode == znode.ModePersistentWithTTL || op.Mode == znode.ModePersistentSequentialWithTTL
	switch {
	case code == OpCreateTTL && (ttl || !known || op.ACL == nil): // judged with the part, not refused with the whole
		return
	case code == OpCreateTTL:
		op.Wire, op.TTL = OpCreate, 0
	case known && op.ACL == nil:
		r.Fail(ErrNullACL)
		return
	case !known || ttl:
		r.Fail(fmt.Errorf("%w: %s with flags %d inside a multi", ErrOp, OpName(code), op.Mode))
		return
	}
	if op.Mode == znode.ModeContainer {
		op.Wire = OpCreateContainer
	}
}

// ReadOp is one part of a multiRead: getData (4) or getChildren (8). A watch flag in the frame is read and forgotten: no watch is set.
type ReadOp struct {
	Op   Opcode
	Path string
	Bad  bool // cannot be read: its path is null, or it is a write
}

// AppendMultiRead writes the body of a multiRead (22).
func AppendMultiRead(dst []byte, ops []ReadOp) []byte {
	for _, o := range ops {
		dst = MultiHeader{Type: o.Op, Err: -1}.Append(dst)
		q := PathWatch{Path: o.Path}
		dst = q.Append(dst)
	}
	return MultiEnd().Append(dst)
}

// DecodeMultiRead reads the body of a multiRead (22) into the room of ops. Paths alias the frame. Reads and writes together are an error for
// the whole request, and so is a write that DecodeMulti refuses; a null path, and writes alone, are found out when the part has its turn.
func DecodeMultiRead(r *jute.Reader, ops []ReadOp) []ReadOp {
	ops = ops[:0]
	var h MultiHeader
	for h.Decode(r); r.Err() == nil && !h.Done; h.Decode(r) {
		o := ReadOp{Op: h.Type}
		if o.reads() {
			var present bool
			o.Path, present = r.NullableText()
			r.Bool()
			o.Bad = !present
		} else {
			passWrite(h.Type, r)
			o.Bad = true
		}
		if r.Err() != nil {
			break
		}
		if len(ops) > 0 && ops[0].reads() != o.reads() {
			r.Fail(fmt.Errorf("%w: %s and %s in one multiRead", ErrOp, OpName(ops[0].Op), OpName(h.Type)))
			break
		}
		ops = append(ops, o)
	}
	return ops
}

func (o *ReadOp) reads() bool { return o.Op == OpGetData || o.Op == OpGetChildren }

// passWrite reads a write inside a multiRead and forgets it.
func passWrite(code Opcode, r *jute.Reader) {
	switch code {
	case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL, OpDelete, OpSetData, OpCheck:
		var op znode.Op
		if DecodeNulls(code, r, &op); r.Err() == nil {
			judgePart(code, r, &op)
		}
	default:
		r.Fail(fmt.Errorf("%w: %s inside a multiRead", ErrOp, OpName(code)))
	}
}

// AppendMultiResult writes the body of the answer to a multi. If any part failed, every part is written as failed: with OK before
// the failure and ErrRuntimeInconsistency behind it, as znode reports them.
func AppendMultiResult(dst []byte, ops []znode.OpResult) []byte {
	for i := range ops {
		if ops[i].Code != znode.OK {
			return appendFailedMulti(dst, ops)
		}
	}
	for i := range ops {
		o := &ops[i]
		switch o.Wire {
		case OpCreate:
			dst = jute.AppendText(MultiHeader{Type: OpCreate}.Append(dst), o.Path)
		case OpCreate2, OpCreateContainer, OpCreateTTL:
			dst = jute.AppendText(MultiHeader{Type: OpCreate2}.Append(dst), o.Path)
			dst = AppendStat(dst, &o.Stat)
		case OpSetData:
			dst = AppendStat(MultiHeader{Type: OpSetData}.Append(dst), &o.Stat)
		default: // delete, check: nothing to tell
			dst = MultiHeader{Type: o.Wire}.Append(dst)
		}
	}
	return MultiEnd().Append(dst)
}

func appendFailedMulti(dst []byte, ops []znode.OpResult) []byte {
	for i := range ops {
		dst = AppendMultiError(dst, ops[i].Code)
	}
	return MultiEnd().Append(dst)
}

// AppendMultiError writes a failed part of a multi's or multiRead's answer.
func AppendMultiError(dst []byte, c znode.Code) []byte {
	return jute.AppendInt(MultiHeader{Type: OpError, Err: int32(c)}.Append(dst), int32(c))
}

// MultiResult is one part of an answer as a client reads it. Type says which fields mean something: OpCreate Path; OpCreate2 Path and
// Stat; OpSetData Stat; OpGetData Data and Stat; OpGetChildren Children; OpError Code.
type MultiResult struct {
	Type     Opcode
	Code     znode.Code
	Path     string
	Data     []byte
	Children jute.Vector
	Stat     znode.Stat
}

// Append writes m with its header. The answers of multi and multiRead are such parts and a [MultiEnd].
func (m *MultiResult) Append(dst []byte) []byte {
	if m.Type == OpError {
		return AppendMultiError(dst, m.Code)
	}
	dst = MultiHeader{Type: m.Type}.Append(dst)
	switch m.Type {
	case OpCreate:
		return jute.AppendText(dst, m.Path)
	case OpCreate2:
		return AppendStat(jute.AppendText(dst, m.Path), &m.Stat)
	case OpSetData:
		return AppendStat(dst, &m.Stat)
	case OpGetData:
		return AppendStat(jute.AppendBuffer(dst, m.Data), &m.Stat)
	case OpGetChildren:
		return jute.AppendVector(dst, m.Children)
	}
	return dst
}

// Decode reads the next part. done is true at the end of the list and after an error.
func (m *MultiResult) Decode(r *jute.Reader) (done bool) {
	var h MultiHeader
	h.Decode(r)
	*m = MultiResult{Type: h.Type}
	if h.Done || r.Err() != nil {
		return true
	}
	switch h.Type {
	case OpError:
		m.Code = znode.Code(r.Int())
	case OpCreate:
		m.Path = r.Text()
	case OpCreate2:
		m.Path = r.Text()
		DecodeStat(r, &m.Stat)
	case OpSetData:
		DecodeStat(r, &m.Stat)
	case OpGetData:
		m.Data = r.Buffer()
		DecodeStat(r, &m.Stat)
	case OpGetChildren:
		m.Children = r.Vector()
	case OpDelete, OpCheck:
	default:
		r.Fail(fmt.Errorf("%w: %s in the answer to a multi", ErrOp, OpName(h.Type)))
	}
	return r.Err() != nil
}
