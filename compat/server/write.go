package server

import (
	"errors"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// write makes a transaction of a request and collects it for the proposal at the end of the turn. A record that is cut short is
// answered with -5 and takes no zxid; one that is whole but null where a path must be, and a multi that cannot be read, take one, but
// for a multi that has a create with a null ACL.
// (PrepRequestProcessor.pRequestHelper)
func (t *turn) write(h wire.RequestHeader, r *jute.Reader, large int) listener.Verdict {
	switch h.Op {
	case wire.OpCloseSession:
		t.setOp(znode.Op{Kind: znode.KindCloseSession})
		if t.c.local.Load() || t.s.is(modeReadOnly) {
			return t.closeLocal(h, large)
		}
		t.propose(h, true, large)
		return t.final()
	case wire.OpReconfig:
		return t.reconfig(h, r, large)
	case wire.OpMulti:
		t.ops = wire.DecodeMulti(r, t.ops)
		t.setOp(znode.Op{Kind: znode.KindMulti})
		t.txn.Ops = t.ops
		if errors.Is(r.Err(), wire.ErrNullACL) {
			t.code(h, znode.ErrMarshalling, false, large)
			return listener.Continue
		}
		if r.Err() != nil {
			t.setOp(znode.Op{Kind: znode.KindError, Err: znode.ErrMarshalling})
		}
	default:
		record := *r
		t.setOp(znode.Op{ACL: t.acl})
		wire.DecodeOp(h.Op, r, &t.txn.Op)
		if t.txn.Op.ACL != nil {
			t.acl = t.txn.Op.ACL[:0]
		}
		switch err := r.Err(); {
		case errors.Is(err, jute.ErrNull) && t.writeNull(h.Op, record):
		case err != nil:
			t.code(h, znode.ErrMarshalling, false, large)
			return listener.Continue
		}
	}
	if !t.refuseReserved(h, large) && !t.refuseGrowth(h, large) {
		t.propose(h, false, large)
	}
	return listener.Continue
}

// writeNull makes the refusal of a write that has null where a string must be; false if the record is cut short as well. ZooKeeper looks at
// the flags of a create, and at the path of a setData or setACL, before it falls over the null.
func (t *turn) writeNull(op wire.Opcode, record jute.Reader) bool {
	var o znode.Op
	hasPath := wire.DecodeNulls(op, &record, &o)
	if record.Err() != nil {
		return false
	}
	code := znode.ErrMarshalling
	switch o.Kind {
	case znode.KindCreate:
		if refused := znode.JudgeMode(&o, t.s.znodeFlags()); refused != znode.OK {
			code = refused
		}
	case znode.KindSetData, znode.KindSetACL:
		if !hasPath || !znode.ValidPath(o.Path) {
			code = znode.ErrBadArguments
		}
	}
	t.setOp(znode.Op{Kind: znode.KindError, Err: code})
	return true
}

func (t *turn) setOp(op znode.Op) { t.txn.Op, t.txn.Ops = op, nil }

// propose numbers the transaction, queues the request and collects the payload.
func (t *turn) propose(h wire.RequestHeader, fatal bool, large int) {
	t.upgrade(h.Op)
	payload := t.order(h, fatal, large)
	t.payloads = append(t.payloads, payload)
}

// order queues the request whose transaction stands in t.txn and returns its payload.
func (t *turn) order(h wire.RequestHeader, fatal bool, large int) []byte {
	seq := t.s.orders.place(t.c)
	c := t.lockConn()
	c.enqueue().Write(seq, h.Xid, h.Op, fatal, arrival{t.now, large})
	c.mu.Unlock()
	return t.encode(seq, h.Xid)
}

// encode makes the payload of t.txn for this connection; it is allocated, for it lives in the history.
func (t *turn) encode(seq uint64, cxid int32) []byte {
	x := &t.txn
	x.Cxid, x.Origin.Seq = cxid, seq
	t.sign()
	if x.Flags&znode.FlagNoGrow != 0 {
		t.lighten()
	}
	t.buf = znode.AppendTxn(t.buf[:0], x)
	return append(make([]byte, 0, len(t.buf)), t.buf...)
}

// sign puts into t.txn who asks, and what is in force for it now.
func (t *turn) sign() {
	x := &t.txn
	x.Session, x.Flags, x.Auth = t.c.sessionID(), t.s.znodeFlags(), t.c.identities()
	if t.c.local.Load() {
		x.Flags |= znode.FlagLocalSession
	}
}

// appendWriteReply appends the reply to an applied transaction, as the opcode shapes it. (FinalRequestProcessor.processRequest)
func appendWriteReply(b []byte, xid, op int32, r *znode.Result) []byte {
	b, mark := wire.BeginFrame(b)
	code := r.Code
	if op == wire.OpMulti && len(r.Ops) > 0 {
		code = znode.OK // the parts tell
	}
	b = wire.ReplyHeader{Xid: xid, Zxid: r.Zxid, Err: code}.Append(b)
	if code == znode.OK {
		switch op {
		case wire.OpCreate:
			b = jute.AppendText(b, r.Path)
		case wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL:
			b = wire.AppendStat(jute.AppendText(b, r.Path), &r.Stat)
		case wire.OpSetData, wire.OpSetACL:
			b = wire.AppendStat(b, &r.Stat)
		case wire.OpMulti:
			b = wire.AppendMultiResult(b, r.Ops)
		case wire.OpReconfig:
			b = wire.AppendStat(jute.AppendBuffer(b, r.Data), &r.Stat)
		}
	}
	wire.EndFrame(b, mark)
	return b
}

// moved says whether a write must end its connection without a reply: the session speaks through another server now.
func moved(r *znode.Result) bool {
	if r.Code == znode.ErrSessionMoved {
		return true
	}
	for i := range r.Ops {
		if r.Ops[i].Code == znode.ErrSessionMoved {
			return true
		}
	}
	return false
}
