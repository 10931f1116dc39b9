package server

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// stats counts what the server did. Batches of frames are counted once.
type stats struct {
	metrics    *admin.Metrics
	received   atomic.Uint64 // packets, since the start or srst
	sent       atomic.Uint64
	authFailed atomic.Uint64
	started    int64 // ns
	traceMask  atomic.Int64
	role       atomic.Uint32 // zab.Role

	mu    sync.Mutex
	all   latencies
	sizes sizes
}

// frameLength is what stands before a frame.
const frameLength = 4

// sizes are bytes of replies; n counts them.
type sizes struct{ n, last, min, max int }

// add counts a frame, without its length, as ZooKeeper does.
func (z *sizes) add(frame int) {
	bytes := frame - frameLength
	if z.n == 0 || bytes < z.min {
		z.min = bytes
	}
	z.max, z.last = max(z.max, bytes), bytes
	z.n++
}

// merge takes in what a turn has added up.
func (z *sizes) merge(o *sizes) {
	if o.n == 0 {
		return
	}
	if z.n == 0 || o.min < z.min {
		z.min = o.min
	}
	z.max, z.last = max(z.max, o.max), o.last
	z.n += o.n
}

// latencies are of answered requests, ns.
type latencies struct {
	count         int64
	sum, min, max int64
}

func (l *latencies) add(n, each int64) {
	if l.count == 0 || each < l.min {
		l.min = each
	}
	l.max = max(l.max, each)
	l.count += n
	l.sum += n * each
}

func (st *stats) init(now int64, m *admin.Metrics) {
	st.started = now
	if st.metrics = m; m == nil {
		st.metrics = admin.NewMetrics()
	}
}

// latency counts one request that waited in a pipeline, and its reply of so many bytes; 0: it had none.
func (st *stats) latency(write bool, ns int64, bytes int) {
	m := &st.metrics.Requests
	if write {
		m.UpdateLatency.Observe(ns)
		m.WriteQueued.Observe(ns)
	} else {
		m.ReadLatency.Observe(ns)
		m.ReadQueued.Observe(ns)
	}
	var z sizes
	if bytes > 0 {
		z.add(bytes)
	}
	st.count(1, ns, &z)
}

// batch counts reads that were answered at once: their latency is that of the turn, and each did its share of the work.
func (st *stats) batch(n, ns int64, z *sizes) {
	m := &st.metrics.Requests
	m.ReadLatency.ObserveN(ns, n)
	m.ReadFinal.ObserveN(ns/n, n)
	st.count(n, ns, z)
}

func (st *stats) count(n, ns int64, z *sizes) {
	st.sent.Add(uint64(n))
	st.mu.Lock()
	st.all.add(n, ns)
	st.sizes.merge(z)
	st.mu.Unlock()
}

// fired counts one event and how many watchers were notified of it.
func (st *stats) fired(ty znode.EventType, notified int) {
	if notified == 0 {
		return
	}
	st.sent.Add(uint64(notified))
	w := &st.metrics.Watch
	switch ty {
	case znode.EventCreated:
		w.Created.Observe(int64(notified))
	case znode.EventDeleted:
		w.Deleted.Observe(int64(notified))
	case znode.EventDataChanged:
		w.Changed.Observe(int64(notified))
	case znode.EventChildrenChanged:
		w.Children.Observe(int64(notified))
	}
}

// applied counts one chunk that took ns; wallMs is compared with the leader's stamp, as ZooKeeper does.
func (st *stats) applied(entries []zab.Entry, wallMs, ns int64) {
	m := &st.metrics.Requests
	n := int64(len(entries))
	m.Commits.Add(n)
	m.WriteFinal.ObserveN(ns/n, n)
	if at := entries[len(entries)-1].Time; at > 0 && wallMs >= at { // the first entry of an ensemble has no time
		st.metrics.Consensus.Propagation.Observe((wallMs - at) * 1e6)
	}
}

// ClientInfo says who asked.
type ClientInfo struct {
	Session session.ID
	Remote  netip.AddrPort
	IDs     []znode.Identity
}

// connInfo is what the cons word tells of a connection. It is guarded by conn.mu.
type connInfo struct {
	since          int64 // wall clock, ms
	received, sent uint64
	lastOp         int32
	lastCxid       int32
	lastZxid       int64
	lastAt         int64 // ns
	lastLatency    int64
	lat            latencies
}

// replied counts a request that waited; op and cxid are those of the record where it is known.
func (i *connInfo) replied(op, cxid int32, zxid, now, ns int64) {
	i.sent++
	i.lastOp, i.lastZxid, i.lastAt, i.lastLatency = op, zxid, now, ns
	if cxid >= 0 {
		i.lastCxid = cxid
	}
	i.lat.add(1, ns)
}
