package server

import (
	"encoding/binary"
	"strings"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/watch"
)

// read answers a request that changes nothing in the state: it appends a whole reply frame. The state may be read; a watch is
// registered under the same lock, so that no change slips between the answer and the watch.
func (c *conn) read(b []byte, h wire.RequestHeader, r *jute.Reader) []byte {
	st := c.s.state.st
	xid := h.Xid
	code := znode.OK
	switch h.Op {
	case wire.OpPing:
		return appendHeader(b, wire.XidPing, st.LastZxid(), znode.OK)
	case wire.OpSetWatches, wire.OpSetWatches2: // its events stand before its reply
		b, code = c.setWatches(b, h.Op, r)
		return appendHeader(b, xid, st.LastZxid(), code)
	}
	b, mark := wire.BeginFrame(b)
	b = wire.ReplyHeader{Xid: xid, Zxid: st.LastZxid()}.Append(b)
	body := len(b)
	b, code = c.readBody(b, h.Op, r)
	if code != znode.OK {
		if h.Op != wire.OpMultiRead { // which has what its parts before the failure gave
			b = b[:body]
		}
		binary.BigEndian.PutUint32(b[body-4:], uint32(code))
	}
	wire.EndFrame(b, mark)
	return b
}

// readBody appends the record of a reply. A request that cannot be decoded is ErrMarshalling.
func (c *conn) readBody(b []byte, op int32, r *jute.Reader) ([]byte, znode.Code) {
	switch op {
	case wire.OpGetData:
		return c.getData(b, r)
	case wire.OpExists:
		return c.exists(b, r)
	case wire.OpGetChildren, wire.OpGetChildren2:
		return c.getChildren(b, op, r)
	case wire.OpGetACL:
		return c.getACL(b, r)
	case wire.OpGetAllChildrenNumber:
		return c.getAllChildrenNumber(b, r)
	case wire.OpSync:
		return c.echoPath(b, r)
	case wire.OpMultiRead:
		return c.multiRead(b, r)
	case wire.OpAddWatch:
		return c.addWatch(b, r)
	case wire.OpCheckWatches, wire.OpRemoveWatches:
		return c.askWatches(b, op, r)
	case wire.OpGetEphemerals:
		return c.getEphemerals(b, r)
	case wire.OpWhoAmI:
		return c.whoAmI(b)
	}
	return b, znode.ErrUnimplemented
}

func (c *conn) getData(b []byte, r *jute.Reader) ([]byte, znode.Code) {
	var q wire.PathWatch
	if q.Decode(r); r.Err() != nil {
		return b, znode.ErrMarshalling
	}
	data, stat, code := c.dataOf(q.Path)
	if code != znode.OK {
		return b, code
	}
	if q.Watch {
		if code = c.watch(q.Path, watch.Data); code != znode.OK {
			return b, code
		}
	}
	return wire.AppendStat(jute.AppendBuffer(b, data), &stat), znode.OK
}

// dataOf reads a node, virtual ones included.
func (c *conn) dataOf(path string) ([]byte, znode.Stat, znode.Code) {
	s := c.s
	if s.opts.Virtual != nil && isVirtualPath(path) {
		if virtual, _ := s.opts.Virtual.Has(path); virtual {
			return s.opts.Virtual.Read(s.state.st, c.sessionID(), c.identities(), path)
		}
	}
	return s.state.st.GetData(path, c.identities(), s.znodeFlags())
}

// virtualPrefix begins the path of every virtual node.
const virtualPrefix = "/zookeeper/"

func isVirtualPath(path string) bool { return strings.HasPrefix(path, virtualPrefix) }

func (c *conn) exists(b []byte, r *jute.Reader) ([]byte, znode.Code) {
	var q wire.PathWatch
	if q.Decode(r); r.Err() != nil {
		return b, znode.ErrMarshalling
	}
	s := c.s
	var stat znode.Stat
	var code znode.Code
	if s.opts.Virtual != nil && isVirtualPath(q.Path) {
		if virtual, _ := s.opts.Virtual.Has(q.Path); virtual {
			_, stat, code = c.dataOf(q.Path)
			return wire.AppendStat(b, &stat), code
		}
	}
	stat, code = s.state.st.Exists(q.Path, c.identities(), s.znodeFlags())
	if q.Watch && (code == znode.OK || code == znode.ErrNoNode) {
		if refused := c.watch(q.Path, watch.Data); refused != znode.OK {
			return b, refused
		}
	}
	if code != znode.OK {
		return b, code
	}
	return wire.AppendStat(b, &stat), znode.OK
}

func (c *conn) getChildren(b []byte, op int32, r *jute.Reader) ([]byte, znode.Code) {
	var q wire.PathWatch
	if q.Decode(r); r.Err() != nil {
		return b, znode.ErrMarshalling
	}
	b, stat, code := c.childrenOf(b, q.Path)
	if code != znode.OK {
		return b, code
	}
	if q.Watch {
		if code = c.watch(q.Path, watch.Child); code != znode.OK {
			return b, code
		}
	}
	if op == wire.OpGetChildren2 {
		b = wire.AppendStat(b, &stat)
	}
	return b, znode.OK
}

// childrenOf appends the names of the children as a vector.
func (c *conn) childrenOf(b []byte, path string) ([]byte, znode.Stat, znode.Code) {
	b, mark := jute.BeginVector(b)
	n := 0
	stat, code := c.s.state.st.Children(path, c.identities(), c.s.znodeFlags(), func(name string) {
		b = jute.AppendText(b, name)
		n++
	})
	if code != znode.OK {
		return b[:mark], stat, code
	}
	jute.EndVector(b, mark, n)
	return b, stat, code
}

func (c *conn) getACL(b []byte, r *jute.Reader) ([]byte, znode.Code) {
	path := r.Text()
	if r.Err() != nil {
		return b, znode.ErrMarshalling
	}
	acl, stat, code := c.s.state.st.GetACL(path, c.identities(), c.s.znodeFlags())
	if code != znode.OK {
		return b, code
	}
	return wire.AppendStat(wire.AppendACL(b, acl), &stat), znode.OK
}

func (c *conn) getAllChildrenNumber(b []byte, r *jute.Reader) ([]byte, znode.Code) {
	path := r.Text()
	if r.Err() != nil {
		return b, znode.ErrMarshalling
	}
	n, code := c.s.state.st.AllChildrenNumber(path, c.identities(), c.s.znodeFlags())
	return jute.AppendInt(b, n), code
}

// echoPath is sync: the path is not interpreted, and null stays null.
func (c *conn) echoPath(b []byte, r *jute.Reader) ([]byte, znode.Code) {
	var q wire.NullablePath
	if q.Decode(r); r.Err() != nil {
		return b, znode.ErrMarshalling
	}
	return q.Append(b), znode.OK
}

func (c *conn) multiRead(b []byte, r *jute.Reader) ([]byte, znode.Code) {
	ops := wire.DecodeMultiRead(r, nil)
	if r.Err() != nil {
		return b, znode.ErrMarshalling
	}
	start := len(b)
	for _, o := range ops {
		if len(b)-start > mostReply {
			return b[:start], c.tooGreedy()
		}
		if o.Bad {
			return wire.MultiEnd().Append(b), znode.ErrMarshalling
		}
		mark := len(b)
		b = wire.MultiHeader{Type: o.Op}.Append(b)
		var code znode.Code
		if o.Op == wire.OpGetData {
			var data []byte
			var stat znode.Stat
			if data, stat, code = c.dataOf(o.Path); code == znode.OK {
				b = wire.AppendStat(jute.AppendBuffer(b, data), &stat)
			}
		} else {
			b, _, code = c.childrenOf(b, o.Path)
		}
		if code != znode.OK {
			b = wire.AppendMultiError(b[:mark], code)
		}
	}
	return wire.MultiEnd().Append(b), znode.OK
}

func (c *conn) getEphemerals(b []byte, r *jute.Reader) ([]byte, znode.Code) {
	var q wire.NullablePath
	if q.Decode(r); r.Err() != nil {
		return b, znode.ErrMarshalling
	}
	prefix := string(q.Path)
	if t := strings.TrimFunc(prefix, func(r rune) bool { return r <= ' ' }); t == "" || t == "/" {
		prefix = ""
	}
	paths := c.s.state.st.Ephemerals(session.ID(c.sid.Load()), prefix)
	b = jute.AppendInt(b, int32(len(paths)))
	for _, p := range paths {
		b = jute.AppendText(b, p)
	}
	return b, znode.OK
}

// whoAmI tells the identities without their secrets. (AuthUtil.getClientInfos)
func (c *conn) whoAmI(b []byte) ([]byte, znode.Code) {
	b, mark := jute.BeginVector(b)
	n := 0
	c.s.opts.Auth.WhoAmI(c.identities(), func(scheme, user string) {
		b = jute.AppendText(jute.AppendText(b, scheme), user)
		n++
	})
	jute.EndVector(b, mark, n)
	return b, znode.OK
}
