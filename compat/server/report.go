package server

import (
	"time"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/watch"
)

// Report implements admin.Source with what a server knows: its clients, the state, sessions and watches. Options.Describe adds the
// rest (configuration, build, folders, the ensemble's members).
func (s *Server) Report(want admin.Parts) admin.Report {
	r := admin.Report{Serving: !s.is(modeDown), Idle: s.is(modeIdle), Role: s.role(), TraceMask: s.stats.traceMask.Load()}
	s.reportTraffic(&r.Traffic)
	s.reportState(&r, want)
	c := s.watches.Counts()
	r.Watches = admin.Watches{Count: c.Total, Summary: admin.WatchSummary{Clients: c.Watchers, Paths: c.Paths, Watches: c.Watches}}
	if want&admin.PartWatches != 0 {
		s.watches.ByPath(func(path string, ws []watch.Watcher) {
			w := admin.Watched{Path: path}
			for _, id := range ws {
				if c := s.reg.watcher(id); c != nil {
					w.Sessions = append(w.Sessions, c.sid.Load())
				}
			}
			r.Watches.ByPath = append(r.Watches.ByPath, w)
		})
	}
	if want&admin.PartConnections != 0 {
		s.reg.each(func(c *conn) { r.Connections = append(r.Connections, c.report()) })
	}
	if want&admin.PartSessions != 0 {
		r.Sessions = s.reportSessions()
	}
	r.Files = s.reportFiles()
	if s.opts.Describe != nil {
		s.opts.Describe(&r, want)
	}
	return r
}

func (s *Server) role() admin.Role {
	switch {
	case s.is(modeReadOnly):
		return admin.RoleReadOnly
	case s.opts.Features.Standalone:
		return admin.RoleStandalone
	}
	switch zab.Role(s.stats.role.Load()) {
	case zab.Leading:
		return admin.RoleLeader
	case zab.Observing:
		return admin.RoleObserver
	}
	return admin.RoleFollower
}

func (s *Server) reportTraffic(t *admin.Traffic) {
	st := &s.stats
	st.mu.Lock()
	l, z := st.all, st.sizes
	st.mu.Unlock()
	t.MinLatency, t.MaxLatency = l.min/1e6, l.max/1e6
	if l.count > 0 {
		t.AvgLatency = float64(l.sum) / float64(l.count) / 1e6
	}
	t.Received, t.Sent = int64(st.received.Load()), int64(st.sent.Load())
	t.Connections = s.reg.len()
	t.Outstanding = s.load.queued.Load()
	t.AuthFailed = int64(st.authFailed.Load())
	t.Uptime = time.Duration(s.opts.Clock.Mono() - st.started)
	_, t.DropProbability = s.conns.deficit()
	t.Responses = admin.Sizes{Last: -1, Min: -1, Max: -1}
	if z.n > 0 {
		t.Responses = admin.Sizes{Last: int64(z.last), Min: int64(z.min), Max: int64(z.max)}
	}
}

func (s *Server) reportState(r *admin.Report, want admin.Parts) {
	s.state.RLock()
	defer s.state.RUnlock()
	st := s.state.st
	low, members := s.lowDisks()
	r.Data = admin.Data{
		Zxid: int64(st.LastZxid()), Nodes: st.NodeCount(), Bytes: st.DataSize(), Ephemerals: st.EphemeralCount(),
		ReadOnly: s.is(modeReadOnly), DiskLow: low, LowDisks: members,
		LastSnapshot: admin.SnapshotInfo{Zxid: -1},
	}
	if want&admin.PartDigests != 0 {
		r.Data.Digests = []admin.Digest{{Zxid: int64(st.LastZxid()), Digest: st.Digest(), Version: 1}}
	}
	r.SessionInfo = admin.SessionCounts{Global: st.SessionCount(), Local: s.locals.count()}
	if want&admin.PartEphemerals != 0 {
		st.EachEphemeral(func(id session.ID, paths []string) {
			r.Ephemerals = append(r.Ephemerals, admin.Ephemerals{Session: int64(id), Paths: paths})
		})
	}
}

// reportSessions tells deadlines on the leader; a follower knows only who exists.
func (s *Server) reportSessions() (out []admin.Session) {
	timeouts := map[session.ID]int32{}
	s.locals.each(func(id session.ID, l localSession) {
		out = append(out, admin.Session{ID: int64(id), Timeout: int(l.timeoutMs)})
	})
	s.View(func(st *znode.State) {
		st.Sessions(func(id session.ID, timeoutMs int32) { timeouts[id] = timeoutMs })
	})
	wall, mono := s.opts.Clock.Wall(), s.nowMs()
	x := &s.sess
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.tracker == nil {
		for id, t := range timeouts {
			out = append(out, admin.Session{ID: int64(id), Timeout: int(t)})
		}
		return out
	}
	x.tracker.Buckets(func(expiresMs int64, ids []session.ID) {
		for _, id := range ids {
			out = append(out, admin.Session{ID: int64(id), Expires: time.UnixMilli(wall + expiresMs - mono), Timeout: int(timeouts[id])})
		}
	})
	return out
}

// report is one line of cons.
func (c *conn) report() admin.Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := &c.info
	r := admin.Connection{
		Expires: c.expires(),
		Remote:  c.lc.Remote().String(), Secure: c.lc.TLS() != nil, Queued: int64(c.waits.Load()), Reading: !c.parked && !c.word,
		Received: int64(i.received), Sent: int64(i.sent), Session: c.sid.Load(), Timeout: int(c.timeout),
		Established: time.UnixMilli(i.since),
		Last:        admin.LastOp{Op: "NA", Cxid: -1, Zxid: -1},
	}
	if i.lat.count > 0 {
		r.Last = admin.LastOp{Op: opText(i.lastOp), Cxid: int64(i.lastCxid), Zxid: i.lastZxid, Latency: i.lastLatency / 1e6,
			Response: time.UnixMilli(c.s.opts.Clock.Wall() - (c.s.opts.Clock.Mono()-i.lastAt)/1e6)}
		r.Latency = admin.Latency{Min: i.lat.min / 1e6, Avg: i.lat.sum / i.lat.count / 1e6, Max: i.lat.max / 1e6}
	}
	return r
}

// connBucketMs is how far apart the ends of idle connections are (NIOServerCnxnFactory: the timeout of those without a session, 10 s).
const connBucketMs = 10_000

// expires is when a connection ends if nothing comes any more: with its session, or after 10 s without one. mu is held.
func (c *conn) expires() time.Time {
	clock := c.s.opts.Clock
	last := c.info.since
	if at := c.seen.Load(); at != 0 {
		last = clock.Wall() - (clock.Mono()-at)/1e6
	}
	idle := int64(c.timeout)
	if idle == 0 {
		idle = connBucketMs
	}
	return time.UnixMilli(((last+idle)/connBucketMs + 1) * connBucketMs)
}

// opText is how cons names an operation. (FinalRequestProcessor, lastOp)
func opText(op int32) string {
	switch op {
	case wire.OpPing:
		return "PING"
	case wire.OpCreateSession:
		return "SESS"
	case wire.OpMulti:
		return "MULT"
	case wire.OpMultiRead:
		return "MLTR"
	case wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL:
		return "CREA"
	case wire.OpDelete:
		return "DELE"
	case wire.OpSetData:
		return "SETD"
	case wire.OpReconfig:
		return "RECO"
	case wire.OpSetACL:
		return "SETA"
	case wire.OpCloseSession:
		return "CLOS"
	case wire.OpSync:
		return "SYNC"
	case wire.OpExists:
		return "EXIS"
	case wire.OpGetData:
		return "GETD"
	case wire.OpGetACL:
		return "GETA"
	case wire.OpGetChildren, wire.OpGetChildren2:
		return "GETC"
	}
	return opTextNewer(op)
}

func opTextNewer(op int32) string {
	switch op {
	case wire.OpSetWatches:
		return "SETW"
	case wire.OpSetWatches2:
		return "STW2"
	case wire.OpAddWatch:
		return "ADDW"
	case wire.OpCheckWatches:
		return "CHKW"
	case wire.OpRemoveWatches:
		return "REMW"
	case wire.OpGetEphemerals:
		return "GETE"
	case wire.OpGetAllChildrenNumber:
		return "GETACN"
	case wire.OpWhoAmI:
		return "HOMI"
	}
	return "NA"
}

// Metrics implements admin.Source.
func (s *Server) Metrics() *admin.Metrics { return s.stats.metrics }

// ResetServerStats implements admin.Source (srst).
func (s *Server) ResetServerStats() {
	st := &s.stats
	st.received.Store(0)
	st.sent.Store(0)
	st.mu.Lock()
	st.all, st.sizes = latencies{}, sizes{}
	st.mu.Unlock()
}

// ResetConnStats implements admin.Source (crst).
func (s *Server) ResetConnStats() {
	s.reg.each(func(c *conn) {
		c.mu.Lock()
		c.info = connInfo{since: c.info.since}
		c.mu.Unlock()
	})
}

// ResetObserverStats implements admin.Source. There is nothing to reset.
func (s *Server) ResetObserverStats() {}

// SetTraceMask implements admin.Source (stmk). The number is kept and shown; it switches nothing.
func (s *Server) SetTraceMask(mask int64) { s.stats.traceMask.Store(mask) }
