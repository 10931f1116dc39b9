package admin

// Metrics are all counters and summaries of one server, grouped by who feeds them. Summaries of time take nanoseconds
// ([Summary.ObserveDuration]) and are shown in milliseconds, as in ZooKeeper; the others take counts.
type Metrics struct {
	Requests  RequestMetrics
	Conns     ConnMetrics
	Watch     WatchMetrics
	Consensus ConsensusMetrics
	Storage   StorageMetrics
	Auth      AuthMetrics
	entries   []entry
}

// RequestMetrics are fed by the request pipeline.
type RequestMetrics struct {
	ReadLatency   *Summary // readlatency: request read from the socket … reply built
	UpdateLatency *Summary // updatelatency: the same for writes of this server's clients
	PrepTime      *Summary // prep_process_time: decode to proposed
	ReadQueued    *Summary // read_commitproc_time_ms: reads that waited behind a write of their session
	WriteQueued   *Summary // write_commitproc_time_ms: proposed … committed
	ReadFinal     *Summary // read_final_proc_time_ms: state read and reply built
	WriteFinal    *Summary // write_final_proc_time_ms: applied … reply built
	SessionQueue  *Summary // requests_in_session_queue, a count
	ResponseBytes *Counter // response_bytes
	BytesReceived *Counter // bytes_received_count
	Commits       *Counter // commit_count
	Stale         *Counter // stale_requests
	StaleDropped  *Counter // stale_requests_dropped
	StaleReplies  *Counter // stale_replies
	Throttled     *Counter // throttled_ops
	ThrottleWaits *Counter // request_throttle_wait_count
	LargeRejected *Counter // large_requests_rejected
	Namespaces    NamespaceMetrics
}

// NamespaceMetrics are keyed by the first segment of a path.
type NamespaceMetrics struct {
	Writes *SummarySet // write_per_namespace, bytes
	Reads  *SummarySet // read_per_namespace, bytes
}

// ConnMetrics are fed by listener and sessions.
type ConnMetrics struct {
	Requested     *Counter // connection_request_count
	Rejected      *Counter // connection_rejected
	Dropped       *Counter // connection_drop_count
	Revalidated   *Counter // connection_revalidate_count
	Revalidations *Counter // revalidate_count
	Sessionless   *Counter // sessionless_connections_expired
	StaleSessions *Counter // stale_sessions_expired
	TokenDeficit  *Summary // connection_token_deficit
	TLSExceeded   *Counter // tls_handshake_exceeded
	BadHandshake  *Counter // unsuccessful_handshake
	NotServing    *Counter // cnxn_closed_without_zk_server_running
	PauseTime     *Summary // jvm_pause_time_ms: how late this process woke up
}

// WatchMetrics are fed when events fire; the summaries count the watchers of one event.
type WatchMetrics struct {
	Created  *Summary // node_created_watch_count
	Deleted  *Summary // node_deleted_watch_count
	Changed  *Summary // node_changed_watch_count
	Children *Summary // node_children_watch_count
	Bytes    *Counter // watch_bytes
}

// ConsensusMetrics are fed by the peer.
type ConsensusMetrics struct {
	ElectionTime      *Summary // election_time
	Looking           *Counter // looking_count
	Proposals         *Counter // proposal_count
	ProposalLatency   *Summary // proposal_latency: sent … quorum
	QuorumAck         *Summary // quorum_ack_latency
	Propagation       *Summary // propagation_latency: leader's stamp … applied here
	CommitPropagation *Summary // commit_propagation_latency
	ProposalsReceived *Counter // learner_proposal_received_count
	CommitsReceived   *Counter // learner_commit_received_count
	FollowerSync      *Summary // follower_sync_time
	ObserverSync      *Summary // observer_sync_time
	Diffs             *Counter // diff_count
	Snaps             *Counter // snap_count
	Disloyal          *Counter // quit_leading_due_to_disloyal_voter: stepped down without a majority
	Unavailable       *Summary // unavailable_time
	LeaderUnavailable *Summary // leader_unavailable_time
	Digests           *Counter // digest_mismatches_count
	Unrecoverable     *Counter // unrecoverable_error_count
}

// StorageMetrics are fed by log and store.
type StorageMetrics struct {
	Fsync            *Summary // fsynctime
	SyncProcess      *Summary // sync_process_time: one batch from queue to durable
	FlushTime        *Summary // sync_processor_queue_flush_time_ms
	QueueSize        *Summary // sync_processor_queue_size, a count
	BatchSize        *Summary // sync_processor_batch_size, a count
	SnapshotTime     *Summary // snapshottime
	SnapshotErrors   *Counter // snapshot_error_count
	SnapshotLimited  *Counter // snapshot_rate_limited_count
	RestoreTime      *Summary // restore_time
	RestoreErrors    *Counter // restore_error_count
	RestoreLimited   *Counter // restore_rate_limited_count
	InitTime         *Summary // dbinittime
	StartSnapLoad    *Summary // startup_snap_load_time
	StartTxnsLoad    *Summary // startup_txns_load_time
	StartTxns        *Summary // startup_txns_loaded, a count
	CacheHits        *Counter // response_packet_cache_hits
	CacheMisses      *Counter // response_packet_cache_misses
	ChildCacheHits   *Counter // response_packet_get_children_cache_hits
	ChildCacheMisses *Counter // response_packet_get_children_cache_misses
}

// AuthMetrics are fed by the auth package's outcomes.
type AuthMetrics struct {
	EnsembleSuccess *Counter // ensemble_auth_success
	EnsembleFail    *Counter // ensemble_auth_fail
	EnsembleSkip    *Counter // ensemble_auth_skip
	InsecureAdmin   *Counter // insecure_admin_count
}

// entry is a metric under its name; exactly one pointer is set.
type entry struct {
	name    string
	counter *Counter
	summary *Summary
	set     *SummarySet
}

// NewMetrics makes the set for one server.
func NewMetrics() *Metrics {
	m := &Metrics{}
	m.addRequests()
	m.addConns()
	m.addConsensus()
	m.addStorage()
	return m
}

func (m *Metrics) counter(name string) *Counter {
	c := &Counter{}
	m.entries = append(m.entries, entry{name: name, counter: c})
	return c
}

// count makes a summary of numbers. Prometheus shows its median, as ZooKeeper does for DetailLevel.BASIC.
func (m *Metrics) count(name string) *Summary {
	s := &Summary{hist: &histogram{}}
	m.entries = append(m.entries, entry{name: name, summary: s})
	return s
}

// times makes a summary of times (DetailLevel.BASIC).
func (m *Metrics) times(name string) *Summary {
	s := m.count(name)
	s.scale = 1e6
	return s
}

// latency makes a summary of times with all quantiles (DetailLevel.ADVANCED).
func (m *Metrics) latency(name string) *Summary {
	s := m.times(name)
	s.detailed = true
	return s
}

func (m *Metrics) set(name string) *SummarySet {
	s := &SummarySet{}
	m.entries = append(m.entries, entry{name: name, set: s})
	return s
}

func (m *Metrics) addRequests() {
	m.Requests = RequestMetrics{
		ReadLatency:   m.latency("readlatency"),
		UpdateLatency: m.latency("updatelatency"),
		PrepTime:      m.times("prep_process_time"),
		ReadQueued:    m.latency("read_commitproc_time_ms"),
		WriteQueued:   m.latency("write_commitproc_time_ms"),
		ReadFinal:     m.latency("read_final_proc_time_ms"),
		WriteFinal:    m.latency("write_final_proc_time_ms"),
		SessionQueue:  m.count("requests_in_session_queue"),
		ResponseBytes: m.counter("response_bytes"),
		BytesReceived: m.counter("bytes_received_count"),
		Commits:       m.counter("commit_count"),
		Stale:         m.counter("stale_requests"),
		StaleDropped:  m.counter("stale_requests_dropped"),
		StaleReplies:  m.counter("stale_replies"),
		Throttled:     m.counter("throttled_ops"),
		ThrottleWaits: m.counter("request_throttle_wait_count"),
		LargeRejected: m.counter("large_requests_rejected"),
		Namespaces:    NamespaceMetrics{Writes: m.set("write_per_namespace"), Reads: m.set("read_per_namespace")},
	}
	m.Watch = WatchMetrics{
		Created:  m.count("node_created_watch_count"),
		Deleted:  m.count("node_deleted_watch_count"),
		Changed:  m.count("node_changed_watch_count"),
		Children: m.count("node_children_watch_count"),
		Bytes:    m.counter("watch_bytes"),
	}
}

func (m *Metrics) addConns() {
	m.Conns = ConnMetrics{
		Requested:     m.counter("connection_request_count"),
		Rejected:      m.counter("connection_rejected"),
		Dropped:       m.counter("connection_drop_count"),
		Revalidated:   m.counter("connection_revalidate_count"),
		Revalidations: m.counter("revalidate_count"),
		Sessionless:   m.counter("sessionless_connections_expired"),
		StaleSessions: m.counter("stale_sessions_expired"),
		TokenDeficit:  m.count("connection_token_deficit"),
		TLSExceeded:   m.counter("tls_handshake_exceeded"),
		BadHandshake:  m.counter("unsuccessful_handshake"),
		NotServing:    m.counter("cnxn_closed_without_zk_server_running"),
		PauseTime:     m.latency("jvm_pause_time_ms"),
	}
	m.Auth = AuthMetrics{
		EnsembleSuccess: m.counter("ensemble_auth_success"),
		EnsembleFail:    m.counter("ensemble_auth_fail"),
		EnsembleSkip:    m.counter("ensemble_auth_skip"),
		InsecureAdmin:   m.counter("insecure_admin_count"),
	}
}

func (m *Metrics) addConsensus() {
	m.Consensus = ConsensusMetrics{
		ElectionTime:      m.times("election_time"),
		Looking:           m.counter("looking_count"),
		Proposals:         m.counter("proposal_count"),
		ProposalLatency:   m.latency("proposal_latency"),
		QuorumAck:         m.latency("quorum_ack_latency"),
		Propagation:       m.latency("propagation_latency"),
		CommitPropagation: m.latency("commit_propagation_latency"),
		ProposalsReceived: m.counter("learner_proposal_received_count"),
		CommitsReceived:   m.counter("learner_commit_received_count"),
		FollowerSync:      m.times("follower_sync_time"),
		ObserverSync:      m.times("observer_sync_time"),
		Diffs:             m.counter("diff_count"),
		Snaps:             m.counter("snap_count"),
		Disloyal:          m.counter("quit_leading_due_to_disloyal_voter"),
		Unavailable:       m.times("unavailable_time"),
		LeaderUnavailable: m.times("leader_unavailable_time"),
		Digests:           m.counter("digest_mismatches_count"),
		Unrecoverable:     m.counter("unrecoverable_error_count"),
	}
}

func (m *Metrics) addStorage() {
	m.Storage = StorageMetrics{
		Fsync:            m.times("fsynctime"),
		SyncProcess:      m.times("sync_process_time"),
		FlushTime:        m.latency("sync_processor_queue_flush_time_ms"),
		QueueSize:        m.count("sync_processor_queue_size"),
		BatchSize:        m.count("sync_processor_batch_size"),
		SnapshotTime:     m.times("snapshottime"),
		SnapshotErrors:   m.counter("snapshot_error_count"),
		SnapshotLimited:  m.counter("snapshot_rate_limited_count"),
		RestoreTime:      m.times("restore_time"),
		RestoreErrors:    m.counter("restore_error_count"),
		RestoreLimited:   m.counter("restore_rate_limited_count"),
		InitTime:         m.times("dbinittime"),
		StartSnapLoad:    m.times("startup_snap_load_time"),
		StartTxnsLoad:    m.times("startup_txns_load_time"),
		StartTxns:        m.count("startup_txns_loaded"),
		CacheHits:        m.counter("response_packet_cache_hits"),
		CacheMisses:      m.counter("response_packet_cache_misses"),
		ChildCacheHits:   m.counter("response_packet_get_children_cache_hits"),
		ChildCacheMisses: m.counter("response_packet_get_children_cache_misses"),
	}
}

// Reset starts every metric again (srst).
func (m *Metrics) Reset() {
	for _, e := range m.entries {
		switch {
		case e.counter != nil:
			e.counter.reset()
		case e.summary != nil:
			e.summary.reset()
		default:
			e.set.reset()
		}
	}
}
