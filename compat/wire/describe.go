package wire

import (
	"fmt"
	"strings"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

// DescribeConnect renders the payload of a ConnectRequest, or of a ConnectResponse, as one line.
func DescribeConnect(payload []byte, response bool) string {
	r := jute.NewReader(payload)
	if response {
		var p ConnectResponse
		p.Decode(&r)
		return ended(fmt.Sprintf("connected timeout=%d session=%v password=%x%s", p.Timeout, p.Session, p.Password, form(p.Short, p.ReadOnly)), &r)
	}
	var q ConnectRequest
	q.Decode(&r)
	return ended(fmt.Sprintf("connect protocol=%d lastZxid=%v timeout=%d session=%v password=%s%s",
		q.Protocol, q.LastZxid, q.Timeout, q.Session, hexOf(q.Password), form(q.Short, q.ReadOnly)), &r)
}

func form(short, readOnly bool) string {
	if short {
		return " short"
	}
	return fmt.Sprintf(" readOnly=%t", readOnly)
}

// DescribeRequest renders the payload of a request frame as one line, whatever its bytes are.
func DescribeRequest(payload []byte) string {
	r := jute.NewReader(payload)
	var h RequestHeader
	h.Decode(&r)
	if r.Err() != nil {
		return ended("request", &r)
	}
	s := fmt.Sprintf("xid=%d %s%s", h.Xid, OpName(h.Op), describeBody(h.Op, &r))
	return ended(s, &r)
}

// DescribeReply renders the payload of a server frame as one line. op is the opcode of the request it answers; it does not matter
// for events.
func DescribeReply(payload []byte, op Opcode) string {
	r := jute.NewReader(payload)
	var h ReplyHeader
	h.Decode(&r)
	s := fmt.Sprintf("xid=%d zxid=%v err=%d", h.Xid, h.Zxid, h.Err)
	switch {
	case r.Err() != nil:
	case h.Xid == XidEvent:
		var e WatcherEvent
		e.Decode(&r)
		s += fmt.Sprintf(" event type=%d state=%d path=%q", e.Type, e.State, e.Path)
	case h.Err == znode.OK && r.Len() > 0:
		s += " " + OpName(op) + describeReplyBody(op, &r)
	}
	return ended(s, &r)
}

// ended adds what the reader found wrong or left over.
func ended(s string, r *jute.Reader) string {
	if err := r.Err(); err != nil {
		return s + " (" + err.Error() + ")"
	}
	if n := r.Len(); n > 0 {
		return fmt.Sprintf("%s (+%d bytes)", s, n)
	}
	return s
}

func describeBody(op Opcode, r *jute.Reader) string {
	switch op {
	case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL, OpDelete, OpCheck, OpSetData, OpSetACL:
		var o znode.Op
		DecodeOp(op, r, &o)
		return describeOp(&o)
	case OpExists, OpGetData, OpGetChildren, OpGetChildren2:
		var q PathWatch
		q.Decode(r)
		return fmt.Sprintf(" path=%q watch=%t", q.Path, q.Watch)
	case OpGetACL, OpGetAllChildrenNumber:
		return fmt.Sprintf(" path=%q", r.Text())
	case OpSync, OpGetEphemerals:
		return " path=" + nullable(r.Buffer())
	case OpAddWatch, OpCheckWatches, OpRemoveWatches:
		var q PathInt
		q.Decode(r)
		return fmt.Sprintf(" path=%q value=%d", q.Path, q.Value)
	case OpMulti, OpMultiRead:
		return describeMulti(op, r)
	}
	return describeRare(op, r)
}

func describeRare(op Opcode, r *jute.Reader) string {
	switch op {
	case OpReconfig:
		var q ReconfigRequest
		q.Decode(r)
		return fmt.Sprintf(" joining=%s leaving=%s members=%s config=%d", nullable(q.Joining), nullable(q.Leaving), nullable(q.NewMembers), q.ConfigID)
	case OpAuth:
		var q AuthPacket
		q.Decode(r)
		return fmt.Sprintf(" type=%d scheme=%q auth=%s", q.Type, q.Scheme, size(q.Auth)) // the bytes are a secret
	case OpSASL:
		return " token=" + size(r.Buffer())
	case OpSetWatches, OpSetWatches2:
		var q SetWatches
		q.Decode(r, op)
		s := fmt.Sprintf(" since=%v data=%q exist=%q child=%q", q.RelativeZxid, q.Data.Texts(), q.Exist.Texts(), q.Child.Texts())
		if op == OpSetWatches2 {
			s += fmt.Sprintf(" persistent=%q recursive=%q", q.Persistent.Texts(), q.PersistentRecurs.Texts())
		}
		return s
	}
	return ""
}

func describeMulti(op Opcode, r *jute.Reader) string {
	var b strings.Builder
	if op == OpMultiRead {
		for _, o := range DecodeMultiRead(r, nil) {
			fmt.Fprintf(&b, " [%s path=%q]", OpName(o.Op), o.Path)
		}
		return b.String()
	}
	for _, o := range DecodeMulti(r, nil) {
		fmt.Fprintf(&b, " [%s%s]", OpName(o.Wire), describeOp(&o))
	}
	return b.String()
}

func describeOp(o *znode.Op) string {
	switch o.Kind {
	case znode.KindCreate:
		s := fmt.Sprintf(" path=%q data=%s acl=%s flags=%d", o.Path, size(o.Data), describeACL(o.ACL), o.Mode)
		if o.Wire == OpCreateTTL {
			s += fmt.Sprintf(" ttl=%d", o.TTL)
		}
		return s
	case znode.KindSetData:
		return fmt.Sprintf(" path=%q data=%s version=%d", o.Path, size(o.Data), o.Version)
	case znode.KindSetACL:
		return fmt.Sprintf(" path=%q acl=%s version=%d", o.Path, describeACL(o.ACL), o.Version)
	}
	return fmt.Sprintf(" path=%q version=%d", o.Path, o.Version)
}

func describeReplyBody(op Opcode, r *jute.Reader) string {
	var st znode.Stat
	switch op {
	case OpCreate:
		return fmt.Sprintf(" path=%q", r.Text())
	case OpCreate2, OpCreateContainer, OpCreateTTL:
		path := r.Text()
		DecodeStat(r, &st)
		return fmt.Sprintf(" path=%q %s", path, DescribeStat(&st))
	case OpExists, OpSetData, OpSetACL:
		DecodeStat(r, &st)
		return " " + DescribeStat(&st)
	case OpGetData, OpReconfig:
		data := r.Buffer()
		DecodeStat(r, &st)
		return fmt.Sprintf(" data=%s %s", nullable(data), DescribeStat(&st))
	case OpGetACL:
		acl := DecodeACL(r, nil)
		DecodeStat(r, &st)
		return fmt.Sprintf(" acl=%s %s", describeACL(acl), DescribeStat(&st))
	case OpGetChildren, OpGetEphemerals:
		return fmt.Sprintf(" names=%q", r.Vector().Texts())
	case OpGetChildren2:
		names := r.Vector().Texts()
		DecodeStat(r, &st)
		return fmt.Sprintf(" names=%q %s", names, DescribeStat(&st))
	case OpSync:
		return " path=" + nullable(r.Buffer())
	}
	return describeReplyRare(op, r)
}

func describeReplyRare(op Opcode, r *jute.Reader) string {
	switch op {
	case OpGetAllChildrenNumber, OpAddWatch:
		return fmt.Sprintf(" value=%d", r.Int())
	case OpSASL:
		return " token=" + size(r.Buffer())
	case OpWhoAmI:
		var p WhoAmIResponse
		p.Decode(r)
		return fmt.Sprintf(" %v", p.Infos)
	case OpMulti, OpMultiRead:
		var b strings.Builder
		var m MultiResult
		for !m.Decode(r) {
			fmt.Fprintf(&b, " [%s code=%d path=%q data=%s names=%q %s]", OpName(m.Type), m.Code, m.Path, nullable(m.Data), m.Children.Texts(), DescribeStat(&m.Stat))
		}
		return b.String()
	}
	return ""
}

// DescribeStat renders a Stat as one line.
func DescribeStat(s *znode.Stat) string {
	return fmt.Sprintf("stat{cz=%#x mz=%#x pz=%#x c=%d m=%d v=%d,%d,%d owner=%#x len=%d kids=%d}",
		s.Czxid, s.Mzxid, s.Pzxid, s.Ctime, s.Mtime, s.Version, s.Cversion, s.Aversion, uint64(s.EphemeralOwner), s.DataLength, s.NumChildren)
}

func describeACL(list []znode.ACL) string {
	if list == nil {
		return "null"
	}
	parts := make([]string, len(list))
	for i, a := range list {
		parts[i] = fmt.Sprintf("%s:%s:%d", a.Scheme, a.ID, a.Perms)
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func size(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%dB", len(b))
}

func nullable(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

func hexOf(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%x", b)
}
