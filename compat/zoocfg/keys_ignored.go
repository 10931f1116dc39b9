package zoocfg

import "slices"

// ignoredKeys are those of parts that are not there, or have no counterpart.
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
		ignore("connections send at once, as with nodelay", "follower.nodelay", "leader.nodelay"),
		ignore(threads, "nio.numSelectorThreads", "nio.numWorkerThreads", "nio.shutdownTimeout", "commitProcessor.numWorkerThreads",
			"commitProcessor.shutdownTimeout", "quorum.cnxn.threads.size"),
		ignore(process, "commitProcessor.maxReadBatchSize", "commitProcessor.maxCommitBatchSize", "learner.closeSocketAsync",
			"leader.closeSocketAsync", "learner.asyncSending", "follower.skipLearnerRequestToNextProcessor",
			"forward_learner_requests_to_commit_processor_disabled", "request_throttler.shutdownTimeout", "leader.ackLoggingFrequency"),
		ignore(nio, "nio.directBufferBytes", "intBufferStartingSizeBytes"),
		ignore(netty, "netty.advancedFlowControl.enabled", "netty.server.earlyDropSecureConnectionHandshakes", "ssl.sslProvider", "ssl.quorum.sslProvider"),
		ignore(jvm, "jmx.log4j.disable", "jmx.log4j.mbean", "jmxremote.authenticate", "fips-mode", "ssl.fips-mode", "audit.impl.class", "admin.httpVersion",
			"ssl.tcnative.ocsp", "ssl.quorum.tcnative.ocsp"),
		ignore(watches, "watchManagerName", "watcherCleanThreadsNum", "watcherCleanThreshold", "watcherCleanIntervalInSeconds",
			"maxInProcessingDeadWatchers", "bitHashCacheSize"),
		ignore(sasl, "quorum.auth.learner.saslLoginContext", "quorum.auth.server.saslLoginContext", "quorum.auth.kerberos.servicePrincipal",
			"kerberos.removeHostFromPrincipal", "kerberos.removeRealmFromPrincipal", "kerberos.canonicalizeHostNames", "kerberos.minReLoginTimeMs",
			"letAnySaslUserDoX", "requireKerberosConfig", "kinit", "sasl.serverconfig", "security.auth_to_local", "jaasLoginRenew",
			"SASLAuthenticationProvider.superPassword"),
		ignore(client, "client.secure", "clientCnxnSocket", "disableAutoWatchReset", "request.timeout", "sasl.client", "sasl.clientconfig",
			"sasl.client.username", "sasl.client.canonicalize.hostname", "server.principal", "server.realm"),
		ignore(testing, "testingonly.initialZxid", "test.allowDiscontinuousProposals", "forceSnapshotSync"),
		ignore("the 3.5.3 encoding of TTL nodes is read by the importer and never written", "emulate353TTLNodes"),
		ignore("no packets are kept for tracing", "messageTracker.BufferSize", "messageTracker.Enabled"),
		ignore("paths are not sampled", "pathStats.delay", "pathStats.enabled", "pathStats.initialDelay", "pathStats.maxDepth", "pathStats.sampleRate",
			"pathStats.slotCapacity", "pathStats.slotDuration", "pathStats.topPathMax"),
		ignore("servers reconnect with their own back-off", "controllerPort"),
		ignore("this is a name of ZooKeeper's manual, which its code does not read; the key is connection_throttle_…", "connectionMaxTokens", "connectionTokenFillTime", "connectionTokenFillCount",
			"connectionFreezeTime", "connectionDropIncrease", "connectionDropDecrease", "connectionDecreaseRatio"),
		ignore("this is a name of ZooKeeper's manual, which its code does not read", "maxConcurrentSnapSyncs", "maxConcurrentDiffSyncs", "maxTimeToWaitForEpoch",
			"advancedFlowControlEnabled", "outstandingHandshake.limit"),
		ignore("metrics are counted in place, without workers and queues", "metricsProvider.numWorkerThreads", "metricsProvider.maxQueueSize",
			"metricsProvider.workerShutdownTimeoutMs"),
	)
}

// ignore makes keys of any text that nobody reads.
func ignore(why string, names ...string) []key { return idle(why, anything(names...)...) }

// allKeys is every key by its name without the prefix "zookeeper.".
func allKeys() map[string]key {
	m := map[string]key{}
	for _, keys := range [][]key{
		basicKeys(), ensembleKeys(), sessionKeys(), storageKeys(), limitKeys(), throttleKeys(), nodeKeys(), authKeys(),
		tlsKeys("ssl.", func(c *Config) *TLS { return &c.TLS }), tlsKeys("ssl.quorum.", func(c *Config) *TLS { return &c.QuorumTLS.TLS }),
		tlsSwitches(), adminKeys(), telemetryKeys(), ignoredKeys(),
	} {
		for _, k := range keys {
			if k.effect == "" {
				k.effect = honoured
			}
			m[k.name] = k
		}
	}
	return m
}
