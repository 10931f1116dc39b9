package zoocfg

import "slices"

func basicKeys() []key {
	return slices.Concat([]key{
		text("dataDir", func(c *Config) *string { return &c.Basics.DataDir }),
		text("dataLogDir", func(c *Config) *string { return &c.Basics.DataLogDir }),
		port("clientPort", func(c *Config) *int { return &c.Basics.ClientPort }),
		address("clientPortAddress", func(c *Config) *string { return &c.Basics.ClientAddress }),
		port("secureClientPort", func(c *Config) *int { return &c.Basics.SecurePort }),
		address("secureClientPortAddress", func(c *Config) *string { return &c.Basics.SecureAddress }),
		number("tickTime", 1, 107_374_182, func(c *Config) *int { return &c.Basics.TickTime }), // 20 of them must fit 32 bits
		off("maxClientCnxns", 1, 0, func(c *Config) *int { return &c.Basics.MaxClientCnxns }),
		off("maxCnxns", 1, 0, func(c *Config) *int { return &c.Basics.MaxCnxns }),
		flag("clientTcpKeepAlive", onlyTrue, func(c *Config) *bool { return &c.Basics.TCPKeepAlive }),
	},
		idle("the system sets how many connections wait to be accepted", off("clientPortListenBacklog", 1, -1, func(c *Config) *int { return &c.Basics.Backlog })),
		always("one listener serves all connections, with TLS and without",
			nil, class("serverCnxnFactory", map[string]func(*Config){"NIOServerCnxnFactory": func(*Config) {}, "NettyServerCnxnFactory": func(*Config) {}})),
	)
}

func ensembleKeys() []key {
	const patience = "how long servers wait for each other is measured, beginning with paddock.electionTimeoutMs"
	return slices.Concat([]key{
		{name: "electionAlg", allowed: "3, the only one there is", set: func(_ *Config, v string) bool { return v == "3" }},
		{name: "peerType", allowed: "participant or observer", set: setPeerType},
		flag("quorumListenOnAllIPs", strict, func(c *Config) *bool { return &c.Ensemble.ListenOnAllIPs }),
		flag("multiAddress.enabled", strict, func(c *Config) *bool { return &c.Ensemble.MultiAddress }),
		flag("standaloneEnabled", strict, func(c *Config) *bool { return &c.Ensemble.Dynamic.Standalone }),
		flag("reconfigEnabled", strict, func(c *Config) *bool { return &c.Ensemble.Dynamic.Reconfig }),
		{name: "leaderServes", allowed: "yes or no", words: allButNo, remark: allButNo.remark, set: setLeaderServes},
		text("dynamicConfigFile", func(c *Config) *string { return &c.Ensemble.Dynamic.File }),
	},
		always(patience, nil,
			off("initLimit", -1<<31, 0, func(c *Config) *int { return &c.Ensemble.InitLimit }), off("syncLimit", -1<<31, 0, func(c *Config) *int { return &c.Ensemble.SyncLimit })),
		idle(patience, wholes("connectToLearnerMasterLimit", "cnxTimeout", "leader.maxTimeToWaitForEpoch", "fastleader.minNotificationInterval",
			"fastleader.maxNotificationInterval", "quorumCnxnTimeoutMs", "observer.reconnectDelayMs", "observer.election.DelayMs", "leaderConnectDelayDuringRetryMs")...),
		idle("observers follow the leader itself", wholes("observerMasterPort", "observerMaster.sizeLimit")...),
		always("the links between servers have heartbeats of their own", nil, word("tcpKeepAlive", onlyTrue)),
		idle("a port that is taken ends the start at once", wholes("electionPortBindRetry")...),
		always("an observer always keeps a log of its own", strict.is(true), word("syncEnabled", strict), word("observer.syncEnabled", onlyTrue)),
		idle("how many servers catch up at once is not limited", wholes("leader.maxConcurrentSnapSyncs", "leader.maxConcurrentDiffSyncs")...),
		idle("only the addresses in the membership are dialled, all at once", whole("multiAddress.reachabilityCheckTimeoutMs"), word("multiAddress.reachabilityCheckEnabled", strict)),
		idle("a quorum is a majority or weighted groups; there is no oracle", anything("oraclePath")...),
	)
}

func setPeerType(c *Config, v string) bool {
	var role string
	if !oneOf("", func(*Config) *string { return &role }, "participant", "observer").set(c, v) {
		return false
	}
	c.Ensemble.Observer = role == "observer"
	return true
}

func setLeaderServes(c *Config, v string) bool {
	serves, ok := allButNo.read(v)
	c.Ensemble.LeaderIdle = !serves
	return ok
}

func sessionKeys() []key {
	return []key{
		or("minSessionTimeout", -1, 0, func(c *Config) *int { return &c.Sessions.MinTimeout }),
		or("maxSessionTimeout", -1, 0, func(c *Config) *int { return &c.Sessions.MaxTimeout }),
		flag("localSessionsEnabled", strict, func(c *Config) *bool { return &c.Sessions.Local }),
		flag("localSessionsUpgradingEnabled", strict, func(c *Config) *bool { return &c.Sessions.LocalUpgrade }),
		flag("readonlymode.enabled", onlyTrue, func(c *Config) *bool { return &c.Sessions.ReadOnlyMode }),
		or("nio.sessionlessCnxnTimeout", 1, 10000, func(c *Config) *int { return &c.Sessions.SessionlessFor }),
	}
}

func storageKeys() []key {
	const own = "the data folder is Paddock's own: its log and its checkpoints have other measures"
	return slices.Concat([]key{
		least("snapCount", 2, func(c *Config) *int { return &c.Storage.SnapCount }),
		anyNumber("fsync.warningthresholdms", func(c *Config) *int64 { return &c.Storage.SlowSync }, slowSync),
		flag("datadir.autocreate", onlyTrue, func(c *Config) *bool { return &c.Storage.AutoCreateDir }),
	},
		always("a write that was acknowledged is on disk", allButNo.is(true), word("forceSync", allButNo)),
		always("the newest three checkpoints are kept, and older ones deleted at once", func(v string) bool { return v == "3" }, whole("autopurge.snapRetainCount")),
		always("the newest three checkpoints are kept, and older ones deleted at once", nil, hours("autopurge.purgeInterval")),
		idle(own, wholes("snapSizeLimitInKb", "preAllocSize", "txnLogSizeLimitInKb", "commitLogCount")...),
		idle(own, anything("snapshotSizeFactor")...),
		always("checkpoints are compressed", nil, oneOf("snapshot.compression.method", nobody[string], "", "gz", "snappy")),
		always("an import wants a snapshot, or a log that begins with the first transaction", nil, word("snapshot.trust.empty", onlyTrue)),
		always("an empty disk makes up no majority before a leader has filled it or a file named initialize vouches for it", nil, word("db.autocreate", onlyTrue)),
		always("servers always compare a digest of what they hold", onlyTrue.is(true), word("digest.enabled", onlyTrue)),
		always("only ZooKeeper's own files have it", nil, word("serializeLastProcessedZxid.enabled", onlyTrue), word("closeSessionTxn.enabled", onlyTrue)),
		idle("whatever waits is written with one sync, and nothing waits for more", wholes("flushDelay", "maxBatchSize", "maxWriteQueuePollTime")...),
	)
}

// slowSync: ZooKeeper warns of every sync with a threshold that every sync exceeds.
func slowSync(n int64) (int64, string) {
	if n < 0 {
		return n, "is below 0, so every sync of the log counts as a slow one, as in ZooKeeper"
	}
	return n, ""
}
