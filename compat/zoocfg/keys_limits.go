package zoocfg

import "math"

func limitKeys() []key {
	return []key{
		number("jute.maxbuffer", 1, math.MaxInt32-1, func(c *Config) *int { return &c.Limits.MaxBuffer }),
		number("jute.maxbuffer.extrasize", 0, math.MaxInt32-1, func(c *Config) *int { return &c.Limits.MaxBufferExtra }),
		positive("globalOutstandingLimit", func(c *Config) *int { return &c.Limits.Outstanding }),
		atLeast("largeRequestThreshold", -1, func(c *Config) *int { return &c.Limits.LargeThreshold }),
		positive("largeRequestMaxBytes", func(c *Config) *int { return &c.Limits.LargeMaxBytes }),
		yes("enforceQuota", func(c *Config) *bool { return &c.Limits.EnforceQuota }),
		atLeast("maxResponseCacheSize", 0, func(c *Config) *int { return &c.Limits.ResponseCache }),
		atLeast("maxGetChildrenResponseCacheSize", 0, func(c *Config) *int { return &c.Limits.ChildrenCache }),
		atLeast("netty.server.outstandingHandshake.limit", -1, func(c *Config) *int { return &c.Limits.Handshakes }),
		positive("observerMaster.sizeLimit", func(c *Config) *int { return &c.Limits.LearnerReqSizeMax }),
		list("4lw.commands.whitelist", func(c *Config) *[]string { return &c.Limits.WhitelistedWords }),
		atLeast("request_throttle_max_requests", 0, func(c *Config) *int { return &c.Limits.Requests.MaxRequests }),
		atLeast("requestThrottleLimit", 0, func(c *Config) *int { return &c.Limits.Requests.MaxRequests }),
		positive("request_throttle_stall_time", func(c *Config) *int { return &c.Limits.Requests.StallTime }),
		positive("requestThrottleStallTime", func(c *Config) *int { return &c.Limits.Requests.StallTime }),
		yes("request_throttle_drop_stale", func(c *Config) *bool { return &c.Limits.Requests.DropStale }),
		yes("requestThrottleDropStale", func(c *Config) *bool { return &c.Limits.Requests.DropStale }),
		yes("request_stale_latency_check", func(c *Config) *bool { return &c.Limits.Requests.StaleLatency }),
		yes("requestStaleLatencyCheck", func(c *Config) *bool { return &c.Limits.Requests.StaleLatency }),
		yes("request_stale_connection_check", func(c *Config) *bool { return &c.Limits.Requests.StaleConn }),
		yes("requestStaleConnectionCheck", func(c *Config) *bool { return &c.Limits.Requests.StaleConn }),
		atLeast("throttled_op_wait_time", 0, func(c *Config) *int { return &c.Limits.Requests.WaitTime }),
		atLeast("throttledOpWaitTime", 0, func(c *Config) *int { return &c.Limits.Requests.WaitTime }),
	}
}

func throttleKeys() []key {
	at := func(f func(*ConnThrottle) *int) func(*Config) *int {
		return func(c *Config) *int { return f(&c.Limits.Connections) }
	}
	return []key{
		atLeast("connection_throttle_tokens", 0, at(func(t *ConnThrottle) *int { return &t.Tokens })),
		positive("connection_throttle_fill_time", at(func(t *ConnThrottle) *int { return &t.FillTime })),
		atLeast("connection_throttle_fill_count", 0, at(func(t *ConnThrottle) *int { return &t.FillCount })),
		atLeast("connection_throttle_freeze_time", -1, at(func(t *ConnThrottle) *int { return &t.FreezeTime })),
		real("connection_throttle_drop_increase", func(c *Config) *float64 { return &c.Limits.Connections.DropIncrease }),
		real("connection_throttle_drop_decrease", func(c *Config) *float64 { return &c.Limits.Connections.DropDecrease }),
		real("connection_throttle_decrease_ratio", func(c *Config) *float64 { return &c.Limits.Connections.DecreaseRatio }),
		yes("connection_throttle_weight_enabled", func(c *Config) *bool { return &c.Limits.Connections.Weighed }),
		positive("connection_throttle_global_session_weight", at(func(t *ConnThrottle) *int { return &t.GlobalWeight })),
		positive("connection_throttle_local_session_weight", at(func(t *ConnThrottle) *int { return &t.LocalWeight })),
		positive("connection_throttle_renew_session_weight", at(func(t *ConnThrottle) *int { return &t.RenewWeight })),
	}
}

func nodeKeys() []key {
	return []key{
		yes("extendedTypesEnabled", func(c *Config) *bool { return &c.Nodes.ExtendedTypes }),
		long("znode.container.checkIntervalMs", 1, math.MaxInt32, func(c *Config) *int64 { return &c.Nodes.ContainerCheck }),
		positive("znode.container.maxPerMinute", func(c *Config) *int { return &c.Nodes.ContainerPerMin }),
		long("znode.container.maxNeverUsedIntervalMs", 0, math.MaxInt64, func(c *Config) *int64 { return &c.Nodes.ContainerUnused }),
		yes("skipACL", func(c *Config) *bool { return &c.Nodes.SkipACL }),
		yes("enableEagerACLCheck", func(c *Config) *bool { return &c.Nodes.EagerACL }),
	}
}

func authKeys() []key {
	return []key{
		yes("DigestAuthenticationProvider.enabled", func(c *Config) *bool { return &c.Auth.DigestEnabled }),
		text("DigestAuthenticationProvider.superDigest", func(c *Config) *string { return &c.Auth.SuperDigest }),
		text("DigestAuthenticationProvider.digestAlg", func(c *Config) *string { return &c.Auth.DigestAlg }),
		text("X509AuthenticationProvider.superUser", func(c *Config) *string { return &c.Auth.X509Super }),
		yes("IPAuthenticationProvider.usexforwardedfor", func(c *Config) *bool { return &c.Auth.ForwardedFor }),
		list("ensembleAuthName", func(c *Config) *[]string { return &c.Auth.EnsembleNames }),
		yes("enforce.auth.enabled", func(c *Config) *bool { return &c.Auth.EnforceOn }),
		list("enforce.auth.schemes", func(c *Config) *[]string { return &c.Auth.EnforceSchemes }),
		yes("sessionRequireClientSASLAuth", func(c *Config) *bool { return &c.Auth.RequireSASL }),
		yes("allowSaslFailedClients", func(c *Config) *bool { return &c.Auth.AllowSASLFails }),
		text("ssl.authProvider", func(c *Config) *string { return &c.Auth.SSLProvider }),
	}
}

// authProvider is the rule of authProvider.<anything>.
func authProvider(name string) key {
	return class(name, map[string]func(*Config){
		"X509AuthenticationProvider":     func(c *Config) { c.Auth.X509 = true },
		"SASLAuthenticationProvider":     func(c *Config) { c.Auth.SASL = true },
		"EnsembleAuthenticationProvider": func(c *Config) { c.Auth.EnsembleOn = true },
		"DigestAuthenticationProvider":   func(*Config) {},
		"IPAuthenticationProvider":       func(*Config) {},
	})
}

func superUser(name string) key {
	return key{name: name, allowed: "any text", set: func(c *Config, v string) bool {
		c.Auth.SASLSuper = append(c.Auth.SASLSuper, v)
		return true
	}}
}
