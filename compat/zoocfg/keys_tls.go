package zoocfg

import (
	"slices"
	"strings"
)

// tlsKeys are those of the client port ("ssl.") and of the links between servers ("ssl.quorum.").
func tlsKeys(prefix string, at func(*Config) *TLS) []key {
	const revoked = "revoked certificates are not looked for; give short-lived ones and replace them: files that change are read again"
	keys := slices.Concat([]key{
		text(prefix+"keyStore.location", func(c *Config) *string { return &at(c).Key.Location }),
		text(prefix+"trustStore.location", func(c *Config) *string { return &at(c).Trust.Location }),
		text(prefix+"protocol", func(c *Config) *string { return &at(c).Protocol }),
		list(prefix+"enabledProtocols", func(c *Config) *[]string { return &at(c).Protocols }),
		list(prefix+"ciphersuites", func(c *Config) *[]string { return &at(c).Ciphers }),
	},
		idle("keys and certificates are PEM files without a password", anything(prefix+"keyStore.password", prefix+"keyStore.passwordPath",
			prefix+"trustStore.password", prefix+"trustStore.passwordPath")...),
		always("keys and certificates are PEM files", func(v string) bool { return v == "PEM" || v == "" }, storeType(prefix+"keyStore.type"), storeType(prefix+"trustStore.type")),
		always("names are never looked up from addresses", onlyTrue.is(false), word(prefix+"allowReverseDnsLookup", onlyTrue)),
		refuse(revoked, word(prefix+"crl", guarded), word(prefix+"ocsp", guarded)),
		idle("there is no Netty here", anything(prefix+"context.supplier.class")...),
	)
	clientAuth := oneOf(prefix+"clientAuth", func(c *Config) *string { return &at(c).ClientAuth }, "need", "want", "none")
	hostNames := flag(prefix+"hostnameVerification", guarded, func(c *Config) *bool { return &at(c).HostVerify })
	clientNames := flag(prefix+"clientHostnameVerification", guarded, func(c *Config) *bool { return &at(c).ClientHostVerify })
	patience := off(prefix+"handshakeDetectionTimeoutMillis", 1, 5000, func(c *Config) *int { return &at(c).HandshakeTimeout })
	if prefix == "ssl.quorum." {
		return slices.Concat(keys, []key{hostNames, clientNames},
			always("both sides of a link between servers show a certificate", func(v string) bool { return strings.EqualFold(v, "need") }, clientAuth),
			idle("links between servers have a time limit of their own", patience))
	}
	return slices.Concat(keys, []key{clientAuth, patience, hostNames, clientNames})
}

func storeType(name string) key {
	return oneOf(name, nobody[string], "", "JKS", "PEM", "PKCS12", "BCFKS")
}

func tlsSwitches() []key {
	return slices.Concat([]key{
		flag("client.portUnification", onlyTrue, func(c *Config) *bool { return &c.TLS.PortUnification }),
		flag("sslQuorum", strict, func(c *Config) *bool { return &c.QuorumTLS.Enabled }),
	},
		always("files of keys and certificates that change are read again", nil, word("client.certReload", onlyTrue), word("sslQuorumReloadCertFiles", strict)),
		always("peers speak either TLS or plain text, never both: change sslQuorum on all servers at once", strict.is(false), word("portUnification", strict)),
		refuse("SASL between peers is not there; authenticate them by certificates: sslQuorum=true",
			word("quorum.auth.enableSasl", strict), word("quorum.auth.learnerRequireSasl", strict), word("quorum.auth.serverRequireSasl", strict)),
	)
}

func adminKeys() []key {
	const plain = "the AdminServer speaks plain HTTP; leave it on 127.0.0.1 behind a proxy that does TLS, or set admin.enableServer=false"
	return slices.Concat([]key{
		flag("admin.enableServer", allButFalse, func(c *Config) *bool { return &c.Admin.Enabled }),
		address("admin.serverAddress", func(c *Config) *string { return &c.Admin.Address }),
		off("admin.serverPort", -1<<31, 0, func(c *Config) *int { return &c.Admin.Port }), // judged in finish, where it is known whether it is served
		{name: "admin.commandURL", allowed: "a path that begins with /", set: func(c *Config, v string) bool {
			c.Admin.URL = v
			return len(v) > 1 && v[0] == '/'
		}},
		off("admin.rateLimiterIntervalInMS", 1, 0, func(c *Config) *int64 { return &c.Admin.RateInterval }),
		flag("admin.snapshot.enabled", onlyTrue, func(c *Config) *bool { return &c.Admin.Snapshot }),
		flag("admin.restore.enabled", onlyTrue, func(c *Config) *bool { return &c.Admin.Restore }),
	},
		idle("a connection to the AdminServer may idle for a minute", wholes("admin.idleTimeout")...),
		refuse(plain, word("admin.forceHttps", guarded), word("admin.needClientAuth", guarded)),
		always("the AdminServer speaks plain HTTP", onlyTrue.is(false), word("admin.portUnification", onlyTrue)),
	)
}

func telemetryKeys() []key {
	const pauses = "a server that was paused finds out by itself, and says so"
	return slices.Concat([]key{
		class("metricsProvider.className", map[string]func(*Config){
			"PrometheusMetricsProvider": func(c *Config) { c.Telemetry.Prometheus = true },
			"DefaultMetricsProvider":    func(c *Config) { c.Telemetry.Prometheus = false },
			"NullMetricsProvider":       func(c *Config) { c.Telemetry.Prometheus = false },
		}),
		address("metricsProvider.httpHost", func(c *Config) *string { return &c.Telemetry.HTTPHost }),
		number("metricsProvider.httpPort", -1, 65535, func(c *Config) *int { return &c.Telemetry.HTTPPort }),
		flag("metricsProvider.exportJvmInfo", onlyTrue, func(c *Config) *bool { return &c.Telemetry.ExportJVM }),
		flag("audit.enable", guarded, func(c *Config) *bool { return &c.Telemetry.Audit }),
	},
		idle("metrics are served without TLS, on metricsProvider.httpPort and on the admin port", number("metricsProvider.httpsPort", -1, 65535, nobody[int])),
		idle(pauses, word("jvm.pause.monitor", strict)),
		idle(pauses, wholes("jvm.pause.info-threshold.ms", "jvm.pause.warn-threshold.ms", "jvm.pause.sleep.time.ms")...),
		idle("metrics are served without TLS", metricsTLS()...),
	)
}

func metricsTLS() []key {
	var names []string
	for _, name := range []string{"keyStore.location", "keyStore.password", "keyStore.passwordPath", "keyStore.type", "trustStore.location", "trustStore.password",
		"trustStore.passwordPath", "trustStore.type", "needClientAuth", "wantClientAuth", "enabledProtocols", "ciphersuites"} {
		names = append(names, "metricsProvider.ssl."+name)
	}
	return anything(names...)
}
