package zoocfg

import "slices"

// ignoredKeys are accepted and do nothing, each with the reason.
func ignoredKeys() []key {
	const (
		threads = "Go schedules its own threads"
		netty   = "there is no Netty here"
		nio     = "buffers and selectors are Go's"
		jvm     = "there is no JVM here"
		sasl    = "SASL is not supported; use digest or TLS certificates"
		process = "ZooKeeper's chain of request processors has no counterpart"
		watches = "there is one watch table, which needs no cleaner"
		testing = "a switch of ZooKeeper's own tests"
		client  = "a setting of the Java client, not of the server"
	)
	return slices.Concat(
		ignore(threads, "nio.numSelectorThreads", "nio.numWorkerThreads", "nio.shutdownTimeout", "commitProcessor.numWorkerThreads",
			"commitProcessor.shutdownTimeout", "quorum.cnxn.threads.size"),
		ignore(process, "commitProcessor.maxReadBatchSize", "commitProcessor.maxCommitBatchSize", "learner.closeSocketAsync",
			"leader.closeSocketAsync", "learner.asyncSending", "follower.skipLearnerRequestToNextProcessor",
			"forward_learner_requests_to_commit_processor_disabled", "request_throttler.shutdownTimeout", "leader.ackLoggingFrequency"),
		ignore(nio, "nio.directBufferBytes", "intBufferStartingSizeBytes"),
		ignore(netty, "netty.advancedFlowControl.enabled", "netty.server.earlyDropSecureConnectionHandshakes", "ssl.sslProvider",
			"ssl.context.supplier.class", "ssl.quorum.context.supplier.class"),
		ignore(jvm, "jmx.log4j.disable", "jmx.log4j.mbean", "jmxremote.authenticate", "fips-mode", "ssl.fips-mode", "audit.impl.class", "admin.httpVersion",
			"ssl.tcnative.ocsp", "ssl.quorum.tcnative.ocsp"),
		ignore(watches, "watchManagerName", "watcherCleanThreadsNum", "watcherCleanThreshold", "watcherCleanIntervalInSeconds",
			"maxInProcessingDeadWatchers", "bitHashCacheSize"),
		ignore(sasl, "quorum.auth.learnerRequireSasl", "quorum.auth.serverRequireSasl",
			"quorum.auth.learner.saslLoginContext", "quorum.auth.server.saslLoginContext", "quorum.auth.kerberos.servicePrincipal",
			"kerberos.removeHostFromPrincipal", "kerberos.removeRealmFromPrincipal", "kerberos.canonicalizeHostNames", "kerberos.minReLoginTimeMs",
			"letAnySaslUserDoX", "requireKerberosConfig", "kinit", "sasl.serverconfig", "security.auth_to_local", "jaasLoginRenew",
			"SASLAuthenticationProvider.superPassword"),
		ignore(client, "client.secure", "clientCnxnSocket", "disableAutoWatchReset", "request.timeout", "sasl.client", "sasl.clientconfig",
			"sasl.client.username", "sasl.client.canonicalize.hostname", "server.principal", "server.realm"),
		ignore(testing, "testingonly.initialZxid", "test.allowDiscontinuousProposals", "forceSnapshotSync"),
		ignore("the 3.5.3 encoding of TTL nodes is read by the importer and never written", "emulate353TTLNodes"),
		ignore("only the addresses in the membership are dialled, all at once", "multiAddress.reachabilityCheckEnabled", "multiAddress.reachabilityCheckTimeoutMs"),
		ignore("a quorum is a majority or weighted groups; there is no oracle", "oraclePath"),
		ignore("no packets are kept for tracing", "messageTracker.BufferSize", "messageTracker.Enabled"),
		ignore("paths are not sampled", "pathStats.delay", "pathStats.enabled", "pathStats.initialDelay", "pathStats.maxDepth", "pathStats.sampleRate",
			"pathStats.slotCapacity", "pathStats.slotDuration", "pathStats.topPathMax"),
		ignore("peers reconnect with their own back-off", "leaderConnectDelayDuringRetryMs", "controllerPort"),
		ignore("metrics are counted in place, without workers and queues", "metricsProvider.numWorkerThreads", "metricsProvider.maxQueueSize",
			"metricsProvider.workerShutdownTimeoutMs"),
	)
}

// allKeys is every key by its name without the prefix "zookeeper.".
func allKeys() map[string]key {
	m := map[string]key{}
	for _, keys := range [][]key{
		basicKeys(), ensembleKeys(), sessionKeys(), storageKeys(), limitKeys(), throttleKeys(), nodeKeys(), authKeys(),
		tlsKeys("ssl.", func(c *Config) *TLS { return &c.TLS }), tlsKeys("ssl.quorum.", func(c *Config) *TLS { return &c.QuorumTLS.TLS }),
		tlsKeys("metricsProvider.ssl.", func(c *Config) *TLS { return &c.Telemetry.TLS }),
		tlsSwitches(), adminKeys(), telemetryKeys(), ignoredKeys(),
	} {
		for _, k := range keys {
			m[k.name] = k
		}
	}
	return m
}
