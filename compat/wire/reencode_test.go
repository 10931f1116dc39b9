package wire

import (
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

// coder is what every plain record is.
type coder interface {
	Append([]byte) []byte
	Decode(*jute.Reader)
}

func requestRecord(op Opcode) coder {
	switch op {
	case OpCreate, OpCreate2, OpCreateContainer:
		return &CreateRequest{}
	case OpCreateTTL:
		return &CreateTTLRequest{}
	case OpDelete, OpCheck:
		return &DeleteRequest{}
	case OpExists, OpGetData, OpGetChildren, OpGetChildren2:
		return &ExistsRequest{}
	case OpSetData:
		return &SetDataRequest{}
	case OpGetACL, OpGetAllChildrenNumber:
		return &GetACLRequest{}
	case OpSetACL:
		return &SetACLRequest{}
	case OpSync, OpGetEphemerals:
		return &SyncRequest{}
	case OpReconfig:
		return &ReconfigRequest{}
	case OpCheckWatches, OpRemoveWatches, OpAddWatch:
		return &AddWatchRequest{}
	case OpAuth:
		return &AuthPacket{}
	case OpSASL:
		return &SASLToken{}
	}
	return nil
}

func replyRecord(op Opcode) coder {
	switch op {
	case OpCreate:
		return &CreateResponse{}
	case OpCreate2, OpCreateContainer, OpCreateTTL:
		return &Create2Response{}
	case OpExists, OpSetData, OpSetACL:
		return &StatResponse{}
	case OpGetData, OpReconfig:
		return &DataResponse{}
	case OpGetACL:
		return &ACLResponse{}
	case OpGetChildren, OpGetEphemerals:
		return &GetChildrenResponse{}
	case OpGetChildren2:
		return &GetChildren2Response{}
	case OpSync:
		return &SyncResponse{}
	case OpGetAllChildrenNumber, OpAddWatch:
		return &IntResponse{}
	case OpWhoAmI:
		return &WhoAmIResponse{}
	case OpSASL:
		return &SASLToken{}
	}
	return nil
}

// reencodeRequest decodes a request and writes it again.
func reencodeRequest(b []byte) ([]byte, error) {
	r := jute.NewReader(b)
	var h RequestHeader
	h.Decode(&r)
	out := h.Append(nil)
	switch rec := requestRecord(h.Op); {
	case rec != nil:
		rec.Decode(&r)
		out = rec.Append(out)
	case h.Op == OpMulti:
		if ops := DecodeMulti(&r, nil); r.Err() == nil {
			out = AppendMulti(out, ops)
		}
	case h.Op == OpMultiRead:
		out = appendReadsAndWrites(out, DecodeMultiRead(&r, nil))
	case h.Op == OpSetWatches || h.Op == OpSetWatches2:
		var q SetWatches
		q.Decode(&r, h.Op)
		out = q.Append(out, h.Op)
	}
	return out, r.Err()
}

// appendReadsAndWrites writes the body of a multiRead. A write among the parts was read and forgotten but for its opcode, so the plainest
// write of that opcode stands for it: written as a read it would be shorter than what the decoder expects behind the opcode.
func appendReadsAndWrites(dst []byte, ops []ReadOp) []byte {
	end := len(MultiEnd().Append(nil))
	for _, o := range ops {
		part := AppendMultiRead(nil, []ReadOp{o})
		if !o.reads() {
			write := znode.Op{Wire: o.Op, ACL: []znode.ACL{}}
			switch o.Op {
			case OpDelete:
				write.Kind = znode.KindDelete
			case OpCheck:
				write.Kind = znode.KindCheck
			case OpSetData:
				write.Kind = znode.KindSetData
			default:
				write.Kind = znode.KindCreate
			}
			part = AppendMulti(nil, []znode.Op{write})
		}
		dst = append(dst, part[:len(part)-end]...)
	}
	return MultiEnd().Append(dst)
}

// reencodeReply decodes a reply to op, or an event, and writes it again.
func reencodeReply(b []byte, op Opcode) ([]byte, error) {
	r := jute.NewReader(b)
	var h ReplyHeader
	h.Decode(&r)
	out := h.Append(nil)
	if h.Xid == XidEvent {
		var e WatcherEvent
		e.Decode(&r)
		return e.Append(out), r.Err()
	}
	if h.Err != znode.OK || r.Len() == 0 {
		return out, r.Err()
	}
	if rec := replyRecord(op); rec != nil {
		rec.Decode(&r)
		return rec.Append(out), r.Err()
	}
	if op == OpMulti || op == OpMultiRead {
		var m MultiResult
		for !m.Decode(&r) {
			out = m.Append(out)
		}
		out = MultiEnd().Append(out)
	}
	return out, r.Err()
}

// reencodeConnect decodes one half of the handshake and writes it again.
func reencodeConnect(b []byte, response bool) ([]byte, error) {
	r := jute.NewReader(b)
	if response {
		var p ConnectResponse
		p.Decode(&r)
		return p.Append(nil), r.Err()
	}
	var q ConnectRequest
	q.Decode(&r)
	return q.Append(nil), r.Err()
}
