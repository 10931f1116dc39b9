package zoocfg

import "math"

const million = 1_000_000

func basicKeys() []key {
	return []key{
		text("dataDir", func(c *Config) *string { return &c.Basics.DataDir }),
		text("dataLogDir", func(c *Config) *string { return &c.Basics.DataLogDir }),
		port("clientPort", func(c *Config) *int { return &c.Basics.ClientPort }),
		text("clientPortAddress", func(c *Config) *string { return &c.Basics.ClientAddress }),
		port("secureClientPort", func(c *Config) *int { return &c.Basics.SecurePort }),
		text("secureClientPortAddress", func(c *Config) *string { return &c.Basics.SecureAddress }),
		number("tickTime", 1, million, func(c *Config) *int { return &c.Basics.TickTime }),
		atLeast("maxClientCnxns", 0, func(c *Config) *int { return &c.Basics.MaxClientCnxns }),
		atLeast("maxCnxns", 0, func(c *Config) *int { return &c.Basics.MaxCnxns }),
		atLeast("clientPortListenBacklog", -1, func(c *Config) *int { return &c.Basics.Backlog }),
		yes("clientTcpKeepAlive", func(c *Config) *bool { return &c.Basics.TCPKeepAlive }),
		class("serverCnxnFactory", map[string]func(*Config){"NIOServerCnxnFactory": func(*Config) {}, "NettyServerCnxnFactory": func(*Config) {}}),
	}
}

func ensembleKeys() []key {
	return []key{
		positive("initLimit", func(c *Config) *int { return &c.Ensemble.InitLimit }),
		positive("syncLimit", func(c *Config) *int { return &c.Ensemble.SyncLimit }),
		atLeast("connectToLearnerMasterLimit", 0, func(c *Config) *int { return &c.Ensemble.ConnectLimit }),
		{name: "electionAlg", allowed: "3, the only one there is", set: func(_ *Config, v string) bool { return v == "3" }},
		{name: "peerType", allowed: "participant or observer", set: setPeerType},
		yes("leaderServes", func(c *Config) *bool { return &c.Ensemble.LeaderServes }),
		yes("quorumListenOnAllIPs", func(c *Config) *bool { return &c.Ensemble.ListenOnAllIPs }),
		port("observerMasterPort", func(c *Config) *int { return &c.Ensemble.ObserverPort }),
		positive("cnxTimeout", func(c *Config) *int { return &c.Ensemble.CnxTimeout }),
		yes("tcpKeepAlive", func(c *Config) *bool { return &c.Ensemble.TCPKeepAlive }),
		atLeast("electionPortBindRetry", 0, func(c *Config) *int { return &c.Ensemble.BindRetry }),
		atLeast("leader.maxTimeToWaitForEpoch", -1, func(c *Config) *int { return &c.Ensemble.EpochTimeout }),
		positive("fastleader.minNotificationInterval", func(c *Config) *int { return &c.Ensemble.MinNotification }),
		positive("fastleader.maxNotificationInterval", func(c *Config) *int { return &c.Ensemble.MaxNotification }),
		yes("multiAddress.enabled", func(c *Config) *bool { return &c.Ensemble.MultiAddress }),
		yes("syncEnabled", func(c *Config) *bool { return &c.Ensemble.SyncEnabled }),
		yes("observer.syncEnabled", func(c *Config) *bool { return &c.Ensemble.SyncEnabled }),
		long("observer.reconnectDelayMs", 0, math.MaxInt32, func(c *Config) *int64 { return &c.Ensemble.ReconnectDelay }),
		long("observer.election.DelayMs", 0, math.MaxInt32, func(c *Config) *int64 { return &c.Ensemble.ElectionDelay }),
		yes("standaloneEnabled", func(c *Config) *bool { return &c.Ensemble.Dynamic.Standalone }),
		yes("reconfigEnabled", func(c *Config) *bool { return &c.Ensemble.Dynamic.Reconfig }),
		text("dynamicConfigFile", func(c *Config) *string { return &c.Ensemble.Dynamic.File }),
		positive("leader.maxConcurrentSnapSyncs", func(c *Config) *int { return &c.Ensemble.Dynamic.MaxSnapSyncs }),
		positive("leader.maxConcurrentDiffSyncs", func(c *Config) *int { return &c.Ensemble.Dynamic.MaxDiffSyncs }),
		atLeast("quorumCnxnTimeoutMs", -1, func(c *Config) *int { return &c.Ensemble.Dynamic.QuorumCnTimeout }),
	}
}

func setPeerType(c *Config, v string) bool {
	var role string
	if !oneOf("", func(*Config) *string { return &role }, "participant", "observer").set(c, v) {
		return false
	}
	c.Ensemble.Observer = role == "observer"
	return true
}

func sessionKeys() []key {
	return []key{
		atLeast("minSessionTimeout", -1, func(c *Config) *int { return &c.Sessions.MinTimeout }),
		atLeast("maxSessionTimeout", -1, func(c *Config) *int { return &c.Sessions.MaxTimeout }),
		yes("localSessionsEnabled", func(c *Config) *bool { return &c.Sessions.Local }),
		yes("localSessionsUpgradingEnabled", func(c *Config) *bool { return &c.Sessions.LocalUpgrade }),
		yes("readonlymode.enabled", func(c *Config) *bool { return &c.Sessions.ReadOnlyMode }),
		positive("nio.sessionlessCnxnTimeout", func(c *Config) *int { return &c.Sessions.SessionlessFor }),
	}
}

func storageKeys() []key {
	return []key{
		atLeast("snapCount", 2, func(c *Config) *int { return &c.Storage.SnapCount }),
		long("snapSizeLimitInKb", 0, math.MaxInt64/1024, func(c *Config) *int64 { return &c.Storage.SnapSizeKB }),
		long("preAllocSize", 1, 4*million, func(c *Config) *int64 { return &c.Storage.PreAllocKB }),
		long("txnLogSizeLimitInKb", -1, math.MaxInt64/1024, func(c *Config) *int64 { return &c.Storage.LogSizeKB }),
		positive("commitLogCount", func(c *Config) *int { return &c.Storage.CommitLogCount }),
		real("snapshotSizeFactor", func(c *Config) *float64 { return &c.Storage.SnapSizeFactor }),
		atLeast("autopurge.snapRetainCount", 0, func(c *Config) *int { return &c.Storage.RetainSnaps }),
		hours("autopurge.purgeInterval", func(c *Config) *duration { return &c.Storage.PurgeInterval }),
		yes("forceSync", func(c *Config) *bool { return &c.Storage.ForceSync }),
		long("fsync.warningthresholdms", 0, math.MaxInt64, func(c *Config) *int64 { return &c.Storage.FsyncWarning }),
		oneOf("snapshot.compression.method", func(c *Config) *string { return &c.Storage.Compression }, "", "gz", "snappy"),
		yes("snapshot.trust.empty", func(c *Config) *bool { return &c.Storage.TrustEmpty }),
		yes("digest.enabled", func(c *Config) *bool { return &c.Storage.DigestEnabled }),
		yes("datadir.autocreate", func(c *Config) *bool { return &c.Storage.AutoCreateDir }),
		yes("db.autocreate", func(c *Config) *bool { return &c.Storage.AutoCreateDB }),
		yes("serializeLastProcessedZxid.enabled", func(c *Config) *bool { return &c.Storage.LastProcessed }),
		yes("closeSessionTxn.enabled", func(c *Config) *bool { return &c.Storage.CloseSessionTxn }),
		long("flushDelay", 0, million, func(c *Config) *int64 { return &c.Storage.FlushDelay }),
		atLeast("maxBatchSize", 0, func(c *Config) *int { return &c.Storage.MaxBatch }),
		long("maxWriteQueuePollTime", 0, million, func(c *Config) *int64 { return &c.Storage.MaxWriteQueuePol }),
	}
}
