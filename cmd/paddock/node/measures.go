package node

import (
	"log/slog"
	"sync"
	"time"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/peer"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// measures feeds the metrics of what the server itself does not see: the log, elections, the start, the sockets.
type measures struct {
	*admin.Metrics
	begun time.Time // when the process began to start the server
	syncs *syncs

	mu        sync.Mutex
	sources   []*listener.Listener
	fed       listener.Stats // the part of the counts that was passed on already
	role      zab.Role
	leading   time.Time // since when
	lost      time.Time // since when nobody is served
	looking   time.Time // since when there is no leader
	proposals admin.Sizes
	probe     probe
	replay    replay
}

// probe is the one proposal whose way from the log to the commit is timed.
type probe struct {
	zxid zxid.ID
	at   time.Time
}

// replay is the part of the start that applies what the log has and the store has not.
type replay struct {
	until zxid.ID
	count int64
	since time.Time // zero when the replay has ended
}

func newMeasures(slowSync time.Duration, logger *slog.Logger) *measures {
	now, metrics := time.Now(), admin.NewMetrics()
	return &measures{Metrics: metrics, begun: now, lost: now, looking: now, proposals: admin.Sizes{Last: -1, Min: -1, Max: -1},
		syncs: &syncs{took: metrics.Storage.Fsync, threshold: slowSync, logger: logger, now: time.Now}}
}

// started tells how long the state took to load, and what the log is about to add.
func (m *measures) started(applied, last zxid.ID) {
	m.Storage.StartSnapLoad.ObserveSince(m.begun)
	m.mu.Lock()
	m.replay = replay{until: last, since: time.Now()}
	m.mu.Unlock()
	if applied >= last {
		m.replayed(last, 0)
	}
}

// replayed counts entries of the log until all that were there at the start are applied.
func (m *measures) replayed(z zxid.ID, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &m.replay
	if r.since.IsZero() {
		return
	}
	r.count += int64(n)
	if z < r.until {
		return
	}
	m.Storage.StartTxns.Observe(r.count)
	m.Storage.StartTxnsLoad.ObserveSince(r.since)
	m.Storage.InitTime.ObserveSince(m.begun)
	r.since = time.Time{}
}

// committed ends the way of the proposal that is timed.
func (m *measures) committed(entries []zab.Entry) {
	last := entries[len(entries)-1].Zxid
	m.replayed(last, len(entries))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.role != zab.Leading {
		m.Consensus.CommitsReceived.Add(int64(len(entries)))
	}
	if m.probe.zxid == 0 || last < m.probe.zxid {
		return
	}
	took := time.Since(m.probe.at)
	m.probe = probe{}
	if m.role == zab.Leading {
		m.Consensus.ProposalLatency.ObserveDuration(took)
		m.Consensus.QuorumAck.ObserveDuration(took)
	} else {
		m.Consensus.CommitPropagation.ObserveDuration(took)
	}
}

// changed follows elections: how long there was no leader, and how long nobody was served.
func (m *measures) changed(s zab.SoftState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if s.Role == zab.Looking && m.looking.IsZero() {
		m.looking = now
		m.Consensus.Looking.Inc()
	}
	if s.Role != zab.Looking && !m.looking.IsZero() {
		m.Consensus.ElectionTime.ObserveDuration(now.Sub(m.looking))
		m.looking = time.Time{}
	}
	if !s.Active && m.lost.IsZero() {
		m.lost = now
		if m.role == zab.Leading {
			m.Consensus.Disloyal.Inc()
		}
	}
	if s.Active && !m.lost.IsZero() {
		m.Consensus.Unavailable.ObserveDuration(now.Sub(m.lost))
		if s.Role == zab.Leading {
			m.Consensus.LeaderUnavailable.ObserveDuration(now.Sub(m.lost))
		}
		m.lost = time.Time{}
	}
	if s.Role == zab.Leading && m.role != zab.Leading {
		m.leading = now
	}
	m.role = s.Role
}

// logged counts what is about to be appended to the log.
func (m *measures) logged(batches []zab.Persist) {
	n, last := int64(0), zxid.ID(0)
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range batches {
		for j := range batches[i].Entries {
			e := &batches[i].Entries[j]
			p := &m.proposals
			p.Last = int64(len(e.Data))
			if p.Min < 0 || p.Last < p.Min {
				p.Min = p.Last
			}
			p.Max = max(p.Max, p.Last)
			n, last = n+1, e.Zxid
		}
	}
	if n == 0 {
		return
	}
	m.Storage.BatchSize.Observe(n)
	m.Storage.QueueSize.Observe(int64(len(batches)))
	if m.role == zab.Leading {
		m.Consensus.Proposals.Add(n)
	} else {
		m.Consensus.ProposalsReceived.Add(n)
	}
	if m.probe.zxid == 0 {
		m.probe = probe{last, time.Now()}
	}
}

// leader is what a leader's report says beyond its learners.
func (m *measures) leader(l *admin.Leading) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l.Proposals, l.Uptime = m.proposals, time.Since(m.leading)
}

// listens adds a source of numbers about sockets.
func (m *measures) listens(l *listener.Listener) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources = append(m.sources, l)
}

// sockets passes on what the listeners counted since the last time.
func (m *measures) sockets(t *admin.Traffic) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var s listener.Stats
	for _, l := range m.sources {
		x := l.Stats()
		s.Handshakes += x.Handshakes
		s.Rejected += x.Rejected
		s.BytesReceived += x.BytesReceived
		s.BytesSent += x.BytesSent
		s.TLSFailed += x.TLSFailed
		s.TLSExceeded += x.TLSExceeded
		s.Sessionless += x.Sessionless
		s.PlainLocal += x.PlainLocal
		s.PlainRemote += x.PlainRemote
	}
	t.TLSHandshakes = s.Handshakes
	t.Plain = admin.PlainConns{Local: int64(s.PlainLocal), Remote: int64(s.PlainRemote)}
	add := func(c *admin.Counter, now, before uint64) {
		if now > before {
			c.Add(int64(now - before))
		}
	}
	add(m.Conns.Rejected, s.Rejected, m.fed.Rejected)
	add(m.Requests.BytesReceived, s.BytesReceived, m.fed.BytesReceived)
	add(m.Requests.ResponseBytes, s.BytesSent, m.fed.BytesSent)
	add(m.Conns.BadHandshake, s.TLSFailed, m.fed.TLSFailed)
	add(m.Conns.TLSExceeded, s.TLSExceeded, m.fed.TLSExceeded)
	add(m.Conns.Sessionless, s.Sessionless, m.fed.Sessionless)
	m.fed = s
}

// timedLog is the peer's log; it measures how long appends take.
type timedLog struct {
	peer.Log
	m *measures
}

// Append implements peer.Log.
func (l timedLog) Append(batches ...zab.Persist) error {
	l.m.logged(batches)
	begin := time.Now()
	err := l.Log.Append(batches...)
	took := time.Since(begin)
	l.m.Storage.SyncProcess.ObserveDuration(took)
	l.m.Storage.FlushTime.ObserveDuration(took)
	return err
}
