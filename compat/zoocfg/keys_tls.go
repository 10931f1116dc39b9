package zoocfg

func tlsKeys(prefix string, at func(*Config) *TLS) []key {
	keys := append(storeKeys(prefix+"keyStore", func(c *Config) *Store { return &at(c).Key }),
		storeKeys(prefix+"trustStore", func(c *Config) *Store { return &at(c).Trust })...)
	return append(keys,
		text(prefix+"protocol", func(c *Config) *string { return &at(c).Protocol }),
		list(prefix+"enabledProtocols", func(c *Config) *[]string { return &at(c).Protocols }),
		list(prefix+"ciphersuites", func(c *Config) *[]string { return &at(c).Ciphers }),
		oneOf(prefix+"clientAuth", func(c *Config) *string { return &at(c).ClientAuth }, "need", "want", "none"),
		yes(prefix+"hostnameVerification", func(c *Config) *bool { return &at(c).HostVerify }),
		yes(prefix+"clientHostnameVerification", func(c *Config) *bool { return &at(c).ClientHostVerify }),
		yes(prefix+"allowReverseDnsLookup", func(c *Config) *bool { return &at(c).ReverseDNS }),
		yes(prefix+"crl", func(c *Config) *bool { return &at(c).CRL }),
		yes(prefix+"ocsp", func(c *Config) *bool { return &at(c).OCSP }),
		positive(prefix+"handshakeDetectionTimeoutMillis", func(c *Config) *int { return &at(c).HandshakeTimeout }),
	)
}

func storeKeys(prefix string, at func(*Config) *Store) []key {
	return []key{
		text(prefix+".location", func(c *Config) *string { return &at(c).Location }),
		text(prefix+".password", func(c *Config) *string { return &at(c).Password }),
		text(prefix+".passwordPath", func(c *Config) *string { return &at(c).PasswordPath }),
		oneOf(prefix+".type", func(c *Config) *string { return &at(c).Type }, "", "JKS", "PEM", "PKCS12", "BCFKS"),
	}
}

func tlsSwitches() []key {
	return []key{
		yes("client.certReload", func(c *Config) *bool { return &c.TLS.Reload }),
		yes("client.portUnification", func(c *Config) *bool { return &c.TLS.PortUnification }),
		yes("sslQuorum", func(c *Config) *bool { return &c.QuorumTLS.Enabled }),
		yes("portUnification", func(c *Config) *bool { return &c.QuorumTLS.PortUnification }),
		yes("quorum.auth.enableSasl", func(c *Config) *bool { return &c.QuorumTLS.SASL }),
		yes("sslQuorumReloadCertFiles", func(c *Config) *bool { return &c.QuorumTLS.Reload }),
	}
}

func adminKeys() []key {
	return []key{
		yes("admin.enableServer", func(c *Config) *bool { return &c.Admin.Enabled }),
		text("admin.serverAddress", func(c *Config) *string { return &c.Admin.Address }),
		port("admin.serverPort", func(c *Config) *int { return &c.Admin.Port }),
		positive("admin.idleTimeout", func(c *Config) *int { return &c.Admin.IdleTimeout }),
		{name: "admin.commandURL", allowed: "a path that begins with /", set: func(c *Config, v string) bool {
			c.Admin.URL = v
			return len(v) > 1 && v[0] == '/'
		}},
		yes("admin.forceHttps", func(c *Config) *bool { return &c.Admin.ForceHTTPS }),
		yes("admin.needClientAuth", func(c *Config) *bool { return &c.Admin.NeedClientAuth }),
		yes("admin.portUnification", func(c *Config) *bool { return &c.Admin.PortUnification }),
		long("admin.rateLimiterIntervalInMS", 0, 1<<40, func(c *Config) *int64 { return &c.Admin.RateInterval }),
		yes("admin.snapshot.enabled", func(c *Config) *bool { return &c.Admin.Snapshot }),
		yes("admin.restore.enabled", func(c *Config) *bool { return &c.Admin.Restore }),
	}
}

func telemetryKeys() []key {
	return []key{
		class("metricsProvider.className", map[string]func(*Config){
			"PrometheusMetricsProvider": func(c *Config) { c.Telemetry.Prometheus = true },
			"DefaultMetricsProvider":    func(c *Config) { c.Telemetry.Prometheus = false },
			"NullMetricsProvider":       func(c *Config) { c.Telemetry.Prometheus = false },
		}),
		text("metricsProvider.httpHost", func(c *Config) *string { return &c.Telemetry.HTTPHost }),
		port("metricsProvider.httpPort", func(c *Config) *int { return &c.Telemetry.HTTPPort }),
		port("metricsProvider.httpsPort", func(c *Config) *int { return &c.Telemetry.HTTPSPort }),
		yes("metricsProvider.exportJvmInfo", func(c *Config) *bool { return &c.Telemetry.ExportJVM }),
		yes("audit.enable", func(c *Config) *bool { return &c.Telemetry.Audit }),
		yes("jvm.pause.monitor", func(c *Config) *bool { return &c.Telemetry.PauseWatch }),
		long("jvm.pause.info-threshold.ms", 0, 1<<40, func(c *Config) *int64 { return &c.Telemetry.PauseInfo }),
		long("jvm.pause.warn-threshold.ms", 0, 1<<40, func(c *Config) *int64 { return &c.Telemetry.PauseWarn }),
		long("jvm.pause.sleep.time.ms", 1, 1<<40, func(c *Config) *int64 { return &c.Telemetry.PauseSleep }),
	}
}
