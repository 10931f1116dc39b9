package zoocfg

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

func limitKeys() []key {
	requests := func(f func(*RequestThrottle) *bool) func(*Config) *bool {
		return func(c *Config) *bool { return f(&c.Limits.Requests) }
	}
	drop := requests(func(r *RequestThrottle) *bool { return &r.DropStale })
	gone := requests(func(r *RequestThrottle) *bool { return &r.StaleConnection })
	late := requests(func(r *RequestThrottle) *bool { return &r.StaleLatency })
	return slices.Concat([]key{
		maxBuffer(),
		least("globalOutstandingLimit", 1, func(c *Config) *int { return &c.Limits.Outstanding }),
		off("largeRequestThreshold", 1, -1, func(c *Config) *int { return &c.Limits.LargeThreshold }),
		or("largeRequestMaxBytes", 1, 100<<20, func(c *Config) *int { return &c.Limits.LargeMaxBytes }),
		flag("enforceQuota", onlyTrue, func(c *Config) *bool { return &c.Limits.EnforceQuota }),
		off("netty.server.outstandingHandshake.limit", 1, -1, func(c *Config) *int { return &c.Limits.Handshakes }),
		list("4lw.commands.whitelist", func(c *Config) *[]string { return &c.Limits.WhitelistedWords }),
		off("request_throttle_max_requests", 1, 0, func(c *Config) *int { return &c.Limits.Requests.MaxRequests }),
		off("requestThrottleLimit", 1, 0, func(c *Config) *int { return &c.Limits.Requests.MaxRequests }),
		off("throttled_op_wait_time", 1, 0, func(c *Config) *int { return &c.Limits.Requests.WaitTime }),
		off("throttledOpWaitTime", 1, 0, func(c *Config) *int { return &c.Limits.Requests.WaitTime }),
		flag("request_throttle_drop_stale", onlyTrue, drop), flag("requestThrottleDropStale", onlyTrue, drop),
		flag("request_stale_connection_check", onlyTrue, gone), flag("requestStaleConnectionCheck", onlyTrue, gone),
		flag("request_stale_latency_check", onlyTrue, late), flag("requestStaleLatencyCheck", onlyTrue, late),
	},
		idle("there is one limit, jute.maxbuffer", wholes("jute.maxbuffer.extrasize")...),
		idle("replies are made anew, which costs less than to keep them", wholes("maxResponseCacheSize", "maxGetChildrenResponseCacheSize")...),
		idle("a request that must wait is looked at again when another one is done", wholes("request_throttle_stall_time", "requestThrottleStallTime")...),
	)
}

// maxBuffer is jute.maxbuffer, often in hex.
func maxBuffer() key {
	return anyNumber("jute.maxbuffer", func(c *Config) *int { return &c.Limits.MaxBuffer }, func(n int64) (int64, string) {
		switch {
		case n < 1:
			return 0xfffff, fmt.Sprintf("%d would refuse every request; %d counts", n, 0xfffff)
		case n >= math.MaxInt32:
			return math.MaxInt32 - 1, "one request may take 2 GB of memory"
		}
		return n, ""
	})
}

func throttleKeys() []key {
	at := func(f func(*ConnThrottle) *int) func(*Config) *int {
		return func(c *Config) *int { return f(&c.Limits.Connections) }
	}
	return slices.Concat([]key{
		off("connection_throttle_tokens", 1, 0, at(func(t *ConnThrottle) *int { return &t.Tokens })),
		least("connection_throttle_fill_time", 1, at(func(t *ConnThrottle) *int { return &t.FillTime })),
		least("connection_throttle_fill_count", 0, at(func(t *ConnThrottle) *int { return &t.FillCount })),
		off("connection_throttle_freeze_time", 0, -1, at(func(t *ConnThrottle) *int { return &t.FreezeTime })),
		real("connection_throttle_drop_increase", func(c *Config) *float64 { return &c.Limits.Connections.DropIncrease }),
		real("connection_throttle_drop_decrease", func(c *Config) *float64 { return &c.Limits.Connections.DropDecrease }),
		real("connection_throttle_decrease_ratio", func(c *Config) *float64 { return &c.Limits.Connections.DecreaseRatio }),
		flag("connection_throttle_weight_enabled", onlyTrue, func(c *Config) *bool { return &c.Limits.Connections.Weighed }),
		or("connection_throttle_global_session_weight", 1, 3, at(func(t *ConnThrottle) *int { return &t.GlobalWeight })),
		or("connection_throttle_renew_session_weight", 1, 2, at(func(t *ConnThrottle) *int { return &t.RenewWeight })),
	},
		idle("a local session costs what a global one costs", wholes("connection_throttle_local_session_weight")...),
	)
}

func nodeKeys() []key {
	return slices.Concat([]key{
		flag("extendedTypesEnabled", onlyTrue, func(c *Config) *bool { return &c.Nodes.ExtendedTypes }),
		or("znode.container.checkIntervalMs", 1, 60000, func(c *Config) *int64 { return &c.Nodes.ContainerCheck }),
		or("znode.container.maxPerMinute", 1, 10000, func(c *Config) *int { return &c.Nodes.ContainerPerMin }),
		off("znode.container.maxNeverUsedIntervalMs", 1, 0, func(c *Config) *int64 { return &c.Nodes.ContainerUnused }),
		flag("skipACL", onlyYes, func(c *Config) *bool { return &c.Nodes.SkipACL }),
	},
		always("an ACL is judged when the write is applied, on every server alike", onlyTrue.is(false), word("enableEagerACLCheck", onlyTrue)),
	)
}

func authKeys() []key {
	return slices.Concat([]key{
		flag("DigestAuthenticationProvider.enabled", onlyTrue, func(c *Config) *bool { return &c.Auth.DigestEnabled }),
		text("DigestAuthenticationProvider.superDigest", func(c *Config) *string { return &c.Auth.SuperDigest }),
		text("DigestAuthenticationProvider.digestAlg", func(c *Config) *string { return &c.Auth.DigestAlg }),
		text("X509AuthenticationProvider.superUser", func(c *Config) *string { return &c.Auth.X509Super }),
		list("ensembleAuthName", func(c *Config) *[]string { return &c.Auth.EnsembleNames }),
		flag("enforce.auth.enabled", guarded, func(c *Config) *bool { return &c.Auth.EnforceOn }),
		list("enforce.auth.schemes", func(c *Config) *[]string { return &c.Auth.EnforceSchemes }),
		flag("allowSaslFailedClients", onlyTrue, func(c *Config) *bool { return &c.Auth.AllowSASLFails }),
		text("ssl.authProvider", func(c *Config) *string { return &c.Auth.SSLProvider }),
	},
		refuse("SASL is not there, so no client could do anything; use enforce.auth.enabled with digest or x509", word("sessionRequireClientSASLAuth", guarded)),
		always("no header of a request says who it is from", onlyTrue.is(false), word("IPAuthenticationProvider.usexforwardedfor", onlyTrue)),
	)
}

// authProvider is the rule of authProvider.<anything>.
func authProvider(name string) key {
	k := class(name, map[string]func(*Config){
		"X509AuthenticationProvider":     func(c *Config) { c.Auth.X509 = true },
		"SASLAuthenticationProvider":     func(c *Config) { c.Auth.SASL = true },
		"EnsembleAuthenticationProvider": func(c *Config) { c.Auth.EnsembleOn = true },
		"DigestAuthenticationProvider":   func(*Config) {},
		"IPAuthenticationProvider":       func(*Config) {},
	})
	k.remark = func(v string) string {
		if strings.HasSuffix(v, "SASLAuthenticationProvider") {
			return "SASL is not there: ACLs may name the scheme, and no client can show such an identity; a client that tries is refused"
		}
		return ""
	}
	return k
}

// superUser is the rule of superUser.<anything>.
func superUser(name string) key {
	return idle("the superuser of SASL; SASL is not there", text(name, nobody[string]))[0]
}
