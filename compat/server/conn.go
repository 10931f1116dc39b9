package server

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/watch"
)

// phase is how far a connection has come.
type phase uint32

const (
	phaseFresh      phase = iota // waits for a ConnectRequest
	phaseConnecting              // waits for its session
	phaseOpen                    // takes requests
	phaseLast                    // its last request was taken; everything behind it is ignored
)

// conn is one client connection: the receiver of a listener.Conn. It is what the handshake and authentication have settled, the requests that
// wait, and what is counted. mu guards the fields without another owner.
type conn struct {
	s  *Server
	lc *listener.Conn
	id watch.Watcher
	mu sync.Mutex
	handshake
	waiting
	account
	touched uint64 // the applier's mark: already among the connections to flush
}

// handshake is who the connection speaks for.
type handshake struct {
	sid     atomic.Int64 // session.ID
	phase   atomic.Uint32
	local   atomic.Bool // its session is known to this server alone
	short   bool        // the client's handshake had no readOnly byte
	timeout int32
	pw      session.Password
	ids     atomic.Pointer[[]znode.Identity]
	sasl    func(token []byte) (answer []byte, add []znode.Identity, err error)
}

// waiting are the requests that cannot be answered yet, and why no more are taken. The pipeline is nil while nothing waits.
type waiting struct {
	pipe    *Pipeline
	waits   atomic.Int32 // = pipe.Len(), readable without mu; only the connection's goroutine raises it
	parked  bool         // paused until some of its requests are answered
	closed  bool         // the connection has ended: nothing waits any more
	stalled int64        // since when it waits for room (request throttle), ns
	asked   atomic.Int64 // Clock.Mono of an unanswered question to the leader; 0 = none
	greedy  atomic.Bool  // it has passed a bound of greed.go: it ends behind the answer that says so
}

// account is what reports tell of a connection.
type account struct {
	seen atomic.Int64 // Clock.Mono of the last packet
	info connInfo
	word bool // a four-letter word is answered
}

func (c *conn) sessionID() session.ID { return session.ID(c.sid.Load()) }

func (c *conn) identities() []znode.Identity { return *c.ids.Load() }

func (c *conn) in(p phase) bool { return phase(c.phase.Load()) == p }

// addIdentities adds what the connection proved; the list is replaced, never changed, since the applier reads it.
// It says no if that would be too much.
func (c *conn) addIdentities(add []znode.Identity) bool {
	list := auth.Merge(slices.Clone(c.identities()), add)
	if !fits(list) {
		return false
	}
	c.ids.Store(&list)
	return true
}

// peer is who the connection comes from, as far as the network can tell. Only a verified certificate counts.
func (c *conn) peer() (p auth.Peer, secure bool) {
	p.Addr = c.lc.Remote().Addr()
	t := c.lc.TLS()
	if t == nil {
		return p, false
	}
	if len(t.VerifiedChains) > 0 && len(t.VerifiedChains[0]) > 0 {
		p.Cert = t.VerifiedChains[0][0]
	}
	return p, true
}

// Receive implements listener.Receiver: all frames of one read, on the connection's goroutine.
func (c *conn) Receive(in *listener.Frames) listener.Verdict {
	now := c.s.opts.Clock.Mono()
	c.seen.Store(now)
	switch phase(c.phase.Load()) {
	case phaseFresh:
		frame, ok := in.Peek()
		if !ok {
			return listener.Continue
		}
		c.phase.Store(uint32(phaseConnecting)) // before the mode is read: who changes the mode closes those who may have read the old one
		v, held := c.connect(frame)
		if held {
			c.phase.Store(uint32(phaseFresh))
			return listener.Pause // the frame stays, and is judged after Resume
		}
		if in.Next(); v != listener.Continue {
			return v
		}
	case phaseConnecting, phaseLast:
		return listener.Pause
	}
	t := c.s.turn(c, now)
	v := t.run(in)
	t.end()
	return v
}

// Closed implements listener.Receiver.
func (c *conn) Closed(reason error) {
	s := c.s
	c.mu.Lock()
	c.closed = true
	left, large := 0, 0
	if c.pipe != nil {
		left, large = c.pipe.Abandon(func(seq uint64) { s.orders.take(seq) })
		c.pipe = nil
	}
	c.waits.Store(0)
	c.mu.Unlock()
	s.load.left(left)
	s.load.large.Add(-int64(large))
	s.stats.metrics.Conns.Dropped.Inc()
	if c.in(phaseOpen) && !c.local.Load() {
		s.sess.noteClosed(closedConn{c.sessionID(), c.timeout, c.seen.Load()})
	}
	s.watches.DropWatcher(c.id)
	s.reg.remove(c)
	if c.greedy.Load() {
		s.opts.Log.Warn("a client asked for more than a server keeps or makes for one connection, and was closed", "remote", c.lc.Remote(), "session", c.sessionID())
	}
	s.opts.Log.Debug("connection closed", "remote", c.lc.Remote(), "session", c.sessionID(), "reason", reason)
}

// enqueue gives the pipeline; mu is held.
func (c *conn) enqueue() *Pipeline {
	if c.pipe == nil {
		c.pipe, _ = c.s.pools.pipes.Get().(*Pipeline)
		if c.pipe == nil {
			c.pipe = new(Pipeline)
		}
	}
	c.waits.Add(1)
	c.s.load.entered()
	return c.pipe
}

// settleBytes is how many bytes of replies are collected before they are sent while more requests are settled.
const settleBytes = 1 << 20

// settle answers everything at the head of the pipeline that can be answered. mu is held, and the state may be read. It appends to
// b and reports how many were answered.
func (c *conn) settle(b []byte, now int64) (_ []byte, answered int) {
	for c.pipe != nil {
		it, bytes := c.pipe.Head()
		if it == nil {
			break
		}
		before := len(b)
		switch it.kind {
		case itemRead, itemSync:
			b = c.answerRead(b, bytes)
		case itemCode:
			z := c.s.lastZxid()
			if znode.Code(it.code) == znode.ErrUnimplemented {
				z = -1 // UnimplementedRequestProcessor knows no zxid
			}
			var mark int
			b, mark = wire.BeginFrame(b)
			b = append(wire.ReplyHeader{Xid: it.xid, Zxid: z, Err: znode.Code(it.code)}.Append(b), bytes...)
			wire.EndFrame(b, mark)
		case itemWrite:
			b = append(b, bytes...)
		}
		b = c.answered(b, it, now, len(b)-before)
		answered++
		if len(b) >= settleBytes { // a client may have queued reads of large nodes: what the socket does not take now is bounded
			c.lc.End(b)
			c.lc.Flush()
			b = c.lc.Begin()
		}
	}
	return b, answered
}

// answered takes the head off and accounts for it and its reply of so many bytes. mu is held.
func (c *conn) answered(b []byte, it *item, now int64, bytes int) []byte {
	s := c.s
	s.stats.latency(it.kind == itemWrite, now-it.at, bytes)
	c.info.replied(it.op, it.xid, s.zxid.Load(), now, now-it.at)
	if it.large > 0 {
		s.load.large.Add(-int64(it.large))
	}
	fatal := it.fatal || c.greedy.Load()
	c.pipe.Pop()
	left := c.waits.Add(-1)
	if left == 0 {
		s.pools.pipes.Put(c.pipe)
		c.pipe = nil
	}
	if fatal {
		c.lc.End(b) // what is appended before CloseAfterFlush is still sent
		c.lc.CloseAfterFlush()
		b = c.lc.Begin()
	}
	if c.parked && (left == 0 || !s.load.crowded()) {
		c.parked = false
		c.lc.Resume()
	}
	return b
}

// answerRead runs a request frame of the read kind. The state may be read.
func (c *conn) answerRead(b, frame []byte) []byte {
	r := jute.NewReader(frame)
	var h wire.RequestHeader
	h.Decode(&r)
	return c.read(b, h, &r)
}

// appendHeader appends a whole frame that is a reply header only.
func appendHeader(b []byte, xid int32, z zxid.ID, code znode.Code) []byte {
	b = jute.AppendInt(b, wire.ReplyHeaderSize)
	return wire.ReplyHeader{Xid: xid, Zxid: z, Err: code}.Append(b)
}
