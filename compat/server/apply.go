package server

import (
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/watch"
)

// digestEvery is how often (in transactions) servers compare the digests of their states.
const digestEvery = 128

// applier is what the apply goroutine owns.
type applier struct {
	s       *Server
	txn     znode.Txn
	res     znode.Result
	now     int64
	mark    uint64  // of this chunk
	touched []*conn // have something to flush
	left    int     // requests answered in this chunk
	digest  digestAt
	deliver func(w watch.Watcher)
	event   struct {
		ev    *znode.Event
		frame []byte
	}
	bare []byte
}

type digestAt struct {
	zxid zxid.ID
	sum  uint64
}

func (a *applier) init(s *Server) {
	a.s = s
	a.deliver = a.tell
}

// Apply implements peer.StateMachine: committed entries, in order, from one goroutine.
func (s *Server) Apply(entries []zab.Entry) {
	for len(entries) > 0 {
		n := min(len(entries), s.opts.Features.ApplyChunk)
		s.apply.chunk(entries[:n])
		entries = entries[n:]
	}
}

// chunk applies some entries under one lock; then the connections that got something are flushed.
func (a *applier) chunk(entries []zab.Entry) {
	s := a.s
	a.mark++
	a.now, a.left = s.opts.Clock.Mono(), 0
	a.digest = digestAt{}
	s.state.Lock()
	for i := range entries {
		a.entry(&entries[i])
	}
	s.state.Unlock()
	s.stats.applied(entries, s.opts.Clock.Wall(), s.opts.Clock.Mono()-a.now)
	s.load.left(a.left)
	if a.digest.zxid != 0 {
		s.opts.Orderer.SetDigest(a.digest.zxid, a.digest.sum)
	}
	a.touched = s.flush.give(a.touched)
}

// entry applies one entry: events first, then the reply, then the reads that waited for it.
func (a *applier) entry(e *zab.Entry) {
	s := a.s
	st := s.state.st
	if e.Zxid <= st.LastZxid() {
		return // replayed after a load
	}
	decoded := a.change(st, e)
	if !decoded && e.Kind != zab.EntryNewLeader {
		s.opts.Log.Error("a committed transaction cannot be decoded; all servers skip it", "zxid", e.Zxid)
	}
	s.zxid.Store(int64(e.Zxid))
	if e.Zxid.Counter()%digestEvery == 0 {
		a.digest = digestAt{e.Zxid, st.Digest()}
	}
	if !decoded {
		return
	}
	if s.has(bugReplyBeforeEvent) {
		a.reply()
	}
	for i := range a.res.Events {
		a.fire(&a.res.Events[i])
	}
	if !s.has(bugReplyBeforeEvent) {
		a.reply()
	}
	if kind := a.txn.Op.Kind; kind == znode.KindCloseSession || kind == znode.KindCreateSession {
		a.sessionChanged()
	}
}

// change is the one way from a committed entry to a changed state, for live traffic and for replay alike. It fills res, and txn if the
// entry has one that can be decoded.
func (a *applier) change(st *znode.State, e *zab.Entry) (decoded bool) {
	decoded = a.decode(e)
	switch {
	case e.Kind == zab.EntryNewLeader && !decoded:
		st.Advance(e.Zxid, e.Time)
	case !decoded:
		st.ApplyUndecodable(e.Zxid, e.Time, &a.res)
	default:
		st.Apply(e.Zxid, e.Time, &a.txn, &a.res)
	}
	return decoded
}

// decode fills txn; false if the entry has none. A reconfiguration begins with the new ensemble, whose text becomes the data. So does the NEWLEADER of
// the first epoch, unless it is that of a server that stands alone: as in ZooKeeper, /zookeeper/config is empty there.
func (a *applier) decode(e *zab.Entry) bool {
	data := e.Data
	text := ""
	ensemble, makes, err := e.Ensemble()
	switch {
	case err != nil:
		return false
	case e.Kind == zab.EntryNewLeader:
		if !makes || withoutAddress(ensemble) {
			return false
		}
		a.txn = ensembleTxn(ensemble.String())
		return true
	case makes:
		_, extra, err := zab.DecodeReconfig(e.Data)
		if err != nil {
			return false
		}
		if data, text = extra, ensemble.String(); len(data) == 0 { // an operator's reconfiguration, not a client's
			a.txn = ensembleTxn(text)
			return true
		}
	}
	if err := znode.DecodeTxn(data, &a.txn); err != nil {
		return false
	}
	if e.Kind == zab.EntryReconfig {
		a.txn.Op.Data = []byte(text)
	}
	return true
}

// ensembleTxn is the transaction of an ensemble that no client has asked for.
func ensembleTxn(text string) znode.Txn {
	return znode.Txn{Op: znode.Op{Kind: znode.KindReconfig, Data: []byte(text)}}
}

// fire tells the watchers of one event.
func (a *applier) fire(ev *znode.Event) {
	a.event.ev, a.event.frame = ev, a.event.frame[:0]
	notified := a.s.watches.Trigger(ev, a.deliver)
	a.s.stats.fired(ev.Type, notified)
}

// tell gives the event to one watcher, unless it may not know. The one-shot watch is used up all the same. (ZOOKEEPER-4799)
func (a *applier) tell(w watch.Watcher) {
	s := a.s
	c := s.reg.watcher(w)
	if c == nil || !znode.Permits(a.event.ev.ACL, znode.PermRead, c.identities(), s.znodeFlags()) {
		return
	}
	if len(a.event.frame) == 0 {
		a.event.frame = appendEvent(a.event.frame, a.res.Zxid, a.event.ev.Type, a.event.ev.Path)
	}
	c.lc.End(append(c.lc.Begin(), a.event.frame...))
	s.stats.metrics.Watch.Bytes.Add(int64(len(a.event.frame) - frameLength))
	a.touch(c)
}

// touch notes that c has something to flush.
func (a *applier) touch(c *conn) {
	if c.touched != a.mark {
		c.touched = a.mark
		a.touched = append(a.touched, c)
	}
}

// reply answers the connection that asked, if it is ours and still there.
func (a *applier) reply() {
	s := a.s
	if a.txn.Origin.Boot != s.opts.Boot || a.txn.Origin.Seq == 0 {
		return
	}
	c := s.orders.take(a.txn.Origin.Seq)
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.pipe == nil {
		return
	}
	a.touch(c)
	it, atHead, err := c.pipe.Committed(a.txn.Origin.Seq)
	switch {
	case err != nil:
		s.opts.Log.Error("order of a session is broken, its connection is closed", "session", c.sessionID(), "err", err)
		c.lc.Close(err)
		return
	case moved(&a.res):
		c.lc.Close(errMoved)
		return
	case s.opts.Audit != nil:
		s.opts.Audit.Applied(&ClientInfo{Session: c.sessionID(), Remote: c.lc.Remote(), IDs: c.identities()}, &a.txn, &a.res)
	}
	if it.op == wire.OpCreateSession {
		c.answered(nil, it, a.now, 0)
		s.load.left(1) // at once: the connection goes on before this chunk ends
		c.opened(a.txn.Session, a.res.Code)
		return
	}
	if !atHead {
		a.bare = appendWriteReply(a.bare[:0], it.xid, it.op, &a.res)
		c.pipe.Hold(it, a.bare)
		return
	}
	b := c.lc.Begin()
	before := len(b)
	b = appendWriteReply(b, it.xid, it.op, &a.res)
	b = c.answered(b, it, a.now, len(b)-before)
	b, n := c.settle(b, a.now)
	c.lc.End(b)
	a.left += n + 1
}

// sessionChanged tells the tracker, and ends the connection of a session that was closed by someone else.
func (a *applier) sessionChanged() {
	s, id := a.s, a.txn.Session
	if a.txn.Op.Kind == znode.KindCreateSession {
		if a.res.Code == znode.OK {
			s.sess.added(id, a.txn.Op.Timeout, s.nowMs())
			s.upgraded(id)
		}
		return
	}
	s.sess.removed(id)
	if s.opts.Audit != nil && len(a.res.Closed) > 0 {
		s.opts.Audit.Closed(id, a.res.Closed)
	}
	c := s.reg.of(id)
	if c == nil || a.txn.Origin.Boot == s.opts.Boot && a.txn.Origin.Seq != 0 && c.in(phaseLast) {
		return // it closed itself: its reply is on the way, and then the connection closes
	}
	c.lc.Close(errExpired)
}

// closeTxn is the transaction that ends a session, proposed by the server itself.
func closeTxn(id session.ID) znode.Txn {
	return znode.Txn{Session: id, Op: znode.Op{Kind: znode.KindCloseSession}}
}
