package zoocfg

// defaults are ZooKeeper 3.9's, but for the two loopback addresses.
func defaults() *Config {
	c := &Config{
		Basics:   Basics{ClientPort: -1, SecurePort: -1, TickTime: 3000, MaxClientCnxns: 60, Backlog: -1},
		Ensemble: Ensemble{Dynamic: Dynamic{Standalone: true}},
		Members:  Members{ID: -1, Groups: map[int64][]int64{}, Weights: map[int64]int64{}},
		Sessions: Sessions{MinTimeout: -1, MaxTimeout: -1, SessionlessFor: 10000},
		Storage:  Storage{SnapCount: 100000, SlowSync: 1000, AutoCreateDir: true},
		Limits: Limits{MaxBuffer: 0xfffff, Outstanding: 1000, LargeThreshold: -1, LargeMaxBytes: 100 << 20, Handshakes: -1,
			Requests:    RequestThrottle{DropStale: true, StaleConnection: true},
			Connections: ConnThrottle{FillTime: 1, FillCount: 1, FreezeTime: -1, DropIncrease: 0.02, DropDecrease: 0.002, GlobalWeight: 3, RenewWeight: 2}},
		Nodes:     Nodes{ContainerCheck: 60000, ContainerPerMin: 10000},
		Auth:      Auth{DigestEnabled: true},
		TLS:       tlsDefaults(),
		QuorumTLS: QuorumTLS{TLS: tlsDefaults()},
		Admin:     Admin{Enabled: true, Address: "127.0.0.1", Port: 8080, URL: "/commands", RateInterval: 300000, Snapshot: true, Restore: true},
		Telemetry: Telemetry{HTTPHost: "127.0.0.1", HTTPPort: -1, ExportJVM: true},
		Own:       map[string]string{},
	}
	c.QuorumTLS.ClientHostVerify = true
	return c
}

func tlsDefaults() TLS {
	return TLS{Protocol: "TLSv1.3", Protocols: []string{"TLSv1.3", "TLSv1.2"}, ClientAuth: "need", HostVerify: true, HandshakeTimeout: 5000}
}
