package zooconf

// ignored are keys that ZooKeeper knows and that mean nothing here, with the reason that the operator is told. A "*" at the end stands for any rest.
func ignored() map[string]string {
	const (
		threads  = "Paddock has no such threads to size"
		peers    = "Paddock's peers speak their own protocol; election and synchronization time themselves by measured round trips"
		fast     = "Paddock's own log and checkpoints need no such tuning"
		jvm      = "there is no JVM"
		caches   = "Paddock encodes responses without a cache"
		watchers = "Paddock has one watch manager, which is compact as it is"
		sasl     = "SASL between servers is not built: use ssl.quorum.* or paddock.peerSecret"
	)
	return map[string]string{
		"serverCnxnFactory": "one listener serves plain and TLS connections", "nio.*": threads, "netty.*": threads,
		"commitProcessor.*": threads, "learner.*": peers, "leader.closeSocketAsync": threads, "quorum.cnxn.threads.size": threads,
		"connectToLearnerMasterLimit": peers, "leaderServes": "every server serves clients", "cnxTimeout": peers, "quorumCnxnTimeoutMs": peers,
		"electionPortBindRetry": peers, "tcpKeepAlive": peers, "leader.*": peers, "fastleader.*": peers, "multiAddress.*": peers,
		"oraclePath": peers, "syncEnabled": "observers always keep a log", "observerMasterPort": peers, "observer.*": peers,
		"follower.nodelay": peers, "closeSessionTxn.enabled": "always so", "portUnification": "use sslQuorum on all servers at once, or a rolling change of the secret",
		"snapSizeLimitInKb": fast, "preAllocSize": fast, "txnLogSizeLimitInKb": fast, "commitLogCount": fast, "snapshotSizeFactor": fast,
		"flushDelay": "batches form by themselves while a sync is under way", "maxBatchSize": fast, "maxWriteQueuePollTime": fast,
		"snapshot.compression.method": "checkpoints are always compressed (zstd)", "snapshot.trust.empty": "an empty checkpoint is never trusted",
		"serializeLastProcessedZxid.enabled": fast, "datadir.autocreate": fast, "jute.maxbuffer.extrasize": "jute.maxbuffer alone bounds a request",
		"request_throttle_stall_time": "a stalled connection wakes as soon as there is room", "request_throttle_drop_stale": "requests of closed connections are always dropped",
		"request_stale_*": "requests of closed connections are always dropped", "request_throttler.*": threads,
		"maxResponseCacheSize": caches, "maxGetChildrenResponseCacheSize": caches, "intBufferStartingSizeBytes": caches, "bitHashCacheSize": caches,
		"emulate353TTLNodes": "only for data of ZooKeeper 3.5.3", "watchManagerName": watchers, "watcherClean*": watchers, "maxInProcessingDeadWatchers": watchers,
		"authProvider*": "", "ssl.authProvider": "the x509 scheme is on whenever secureClientPort is", "enableEagerACLCheck": "permission is judged when a request is applied",
		"kerberos.*": sasl, "quorum.auth.*": sasl, "requireKerberosConfig": sasl, "quorum.*": peers, "letAnySaslUserDoX": sasl, "server.realm": sasl, "security.auth_to_local": sasl,
		"fips-mode": "Go's TLS has no weak suites to turn off", "ssl.sslProvider": jvm, "ssl.context.supplier.class": jvm, "ssl.quorum.context.supplier.class": jvm,
		"ssl.crl": "revocation lists are not read; revoke by replacing the trust store, which is reloaded", "ssl.ocsp": "OCSP is not asked",
		"ssl.quorum.crl": "revocation lists are not read", "ssl.quorum.ocsp": "OCSP is not asked", "ssl.allowReverseDnsLookup": "never done", "ssl.quorum.allowReverseDnsLookup": "never done",
		"admin.idleTimeout": fast, "admin.httpVersion": "HTTP/1.1", "admin.portUnification": "put a TLS proxy before it", "admin.forceHttps": "put a TLS proxy before it",
		"admin.needClientAuth": "put a TLS proxy before it", "admin.rateLimiterIntervalInMS": "snapshots are throttled by themselves", "admin.ssl.*": "put a TLS proxy before it",
		"metricsProvider.*": "the metrics page has no such option", "audit.impl.class": jvm, "jvm.pause.*": "Paddock always watches for pauses of its process",
		"jmx.*": jvm, "root.logger": jvm, "console.threshold": jvm, "log.*": jvm, "clientCnxnSocket": "for clients", "client.*": "for clients", "config.expiry.*": jvm,
		"nodelay": fast, "unsafe.*": "", "testingonly.*": jvm, "test.*": jvm, "standalone.*": jvm, "observerMaster.*": peers,
		"snapCountRand": fast, "purgeInterval": fast, "readResponseCache*": caches,
	}
}
