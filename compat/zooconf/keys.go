package zooconf

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// setter takes the text of a value; its error says what is allowed.
type setter func(value string) error

func text(to *string) setter {
	return func(v string) error { *to = v; return nil }
}

func list(to *[]string) setter {
	return func(v string) error {
		*to = nil
		for _, f := range strings.Split(v, ",") {
			if f = strings.TrimSpace(f); f != "" {
				*to = append(*to, f)
			}
		}
		return nil
	}
}

// secretFile reads a value from a file, without the line end that editors add.
func secretFile(to, where *string) setter {
	return func(v string) error {
		b, err := os.ReadFile(v)
		if err != nil {
			return fmt.Errorf("cannot read the file: %w", err)
		}
		*to = strings.TrimRight(string(b), "\r\n")
		if where != nil {
			*where = v
		}
		return nil
	}
}

func oneOf(to *string, words ...string) setter {
	return func(v string) error {
		for _, w := range words {
			if strings.EqualFold(v, w) {
				*to = w
				return nil
			}
		}
		return fmt.Errorf("give one of %s", strings.Join(words, ", "))
	}
}

// flag is strict, as QuorumPeerConfig.parseBoolean is.
func flag(to *bool) setter {
	return func(v string) error {
		switch strings.ToLower(v) {
		case "true":
			*to = true
		case "false":
			*to = false
		default:
			return fmt.Errorf("give true or false")
		}
		return nil
	}
}

// property switches are lax in Java (Boolean.getBoolean): "true" or "yes" in any case is true, "false" or "no" is false.
func yesNo(to *bool) setter {
	return func(v string) error {
		switch strings.ToLower(v) {
		case "true", "yes":
			*to = true
		case "false", "no":
			*to = false
		default:
			return fmt.Errorf("give yes or no (or true, false)")
		}
		return nil
	}
}

func number(to *int, low, high int) setter {
	return func(v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < int64(low) || n > int64(high) {
			return fmt.Errorf("give a whole number from %d to %d", low, high)
		}
		*to = int(n)
		return nil
	}
}

func count(to *int) setter { return number(to, 0, math.MaxInt32) }

func port(to *int) setter { return number(to, 0, 65535) }

func ratio(to *float64) setter {
	return func(v string) error {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || f < 0 || f > 1e9 || math.IsNaN(f) {
			return fmt.Errorf("give a number that is not negative")
		}
		*to = f
		return nil
	}
}

func millis(to *time.Duration) setter {
	return func(v string) error {
		var n int
		if err := number(&n, 1, 3_600_000)(v); err != nil {
			return err
		}
		*to = time.Duration(n) * time.Millisecond
		return nil
	}
}

// keys is the table of all keys that mean something here.
func (c *Config) keys() map[string]setter {
	t := map[string]setter{}
	for _, group := range []map[string]setter{c.basicKeys(), c.ensembleKeys(), c.sessionKeys(), c.limitKeys(), c.securityKeys(), c.adminKeys(), c.paddockKeys()} {
		for k, s := range group {
			t[k] = s
		}
	}
	c.TLS.addKeys(t, "ssl.")
	c.PeerTLS.addKeys(t, "ssl.quorum.")
	return t
}

func (c *Config) basicKeys() map[string]setter {
	b, s := &c.Basics, &c.Storage
	return map[string]setter{
		"dataDir":                 text(&b.DataDir),
		"dataLogDir":              text(&b.DataLogDir),
		"clientPort":              port(&b.ClientPort),
		"clientPortAddress":       text(&b.ClientAddr),
		"secureClientPort":        port(&b.SecurePort),
		"secureClientPortAddress": text(&b.SecureAddr),
		"tickTime":                number(&b.TickTime, 1, 3_600_000),
		"maxClientCnxns":          count(&b.MaxClientCnxns),
		"maxCnxns":                count(&b.MaxCnxns),
		"clientPortListenBacklog": number(&b.Backlog, -1, math.MaxInt32),
		"clientTcpKeepAlive":      flag(&b.TCPKeepAlive),
		"jute.maxbuffer":          number(&b.JuteMaxBuffer, 1024, 1<<30),
		"client.portUnification":  flag(&b.PortUnification),
		"snapCount":               number(&s.SnapCount, 2, math.MaxInt32),
		"autopurge.snapRetainCount": func(v string) error {
			err := count(&s.SnapRetain)(v)
			s.SnapRetain = max(s.SnapRetain, 3) // as ZooKeeper does
			return err
		},
		"autopurge.purgeInterval":  count(&s.PurgeHours),
		"forceSync":                yesNo(&s.ForceSync),
		"fsync.warningthresholdms": count(&s.FsyncWarningMs),
		"digest.enabled":           flag(&s.DigestEnabled),
		"db.autocreate":            flag(&s.DBAutoCreate),
	}
}

func (c *Config) ensembleKeys() map[string]setter {
	e := &c.Ensemble
	return map[string]setter{
		"initLimit":            count(&e.InitLimit),
		"syncLimit":            count(&e.SyncLimit),
		"peerType":             oneOf(&e.PeerType, "participant", "observer"),
		"reconfigEnabled":      flag(&e.ReconfigEnabled),
		"standaloneEnabled":    flag(&e.StandaloneEnabled),
		"dynamicConfigFile":    text(&e.DynamicFile),
		"sslQuorum":            flag(&e.SSLQuorum),
		"quorumListenOnAllIPs": flag(&e.ListenOnAllIPs),
		"electionAlg": func(v string) error {
			if v != "3" {
				return fmt.Errorf("only 3 is supported, as in ZooKeeper 3.9")
			}
			return nil
		},
	}
}

func (c *Config) sessionKeys() map[string]setter {
	s, n := &c.Sessions, &c.Nodes
	return map[string]setter{
		"minSessionTimeout":                      number(&s.MinTimeout, -1, math.MaxInt32),
		"maxSessionTimeout":                      number(&s.MaxTimeout, -1, math.MaxInt32),
		"localSessionsEnabled":                   flag(&s.Local),
		"localSessionsUpgradingEnabled":          flag(&s.LocalUpgrading),
		"readonlymode.enabled":                   yesNo(&s.ReadOnlyMode),
		"sessionRequireClientSASLAuth":           flag(&s.RequireSASL),
		"extendedTypesEnabled":                   flag(&n.ExtendedTypes),
		"znode.container.checkIntervalMs":        number(&n.ContainerCheckMs, 1, math.MaxInt32),
		"znode.container.maxPerMinute":           number(&n.ContainerPerMinute, 1, math.MaxInt32),
		"znode.container.maxNeverUsedIntervalMs": count(&n.ContainerNeverMs),
	}
}

func (c *Config) limitKeys() map[string]setter {
	l, t := &c.Limits, &c.Limits.Throttle
	return map[string]setter{
		"globalOutstandingLimit":                    number(&l.GlobalOutstanding, 1, math.MaxInt32),
		"request_throttle_max_requests":             count(&l.ThrottleRequests),
		"throttled_op_wait_time":                    count(&l.ThrottledOpWaitMs),
		"largeRequestThreshold":                     number(&l.LargeThreshold, -1, math.MaxInt32),
		"largeRequestMaxBytes":                      count(&l.LargeMaxBytes),
		"enforceQuota":                              flag(&l.EnforceQuota),
		"netty.server.outstandingHandshake.limit":   number(&l.NettyHandshakes, -1, math.MaxInt32),
		"connection_throttle_tokens":                count(&t.Tokens),
		"connection_throttle_fill_time":             count(&t.FillTime),
		"connection_throttle_fill_count":            count(&t.FillCount),
		"connection_throttle_freeze_time":           number(&t.FreezeTime, -1, math.MaxInt32),
		"connection_throttle_drop_increase":         ratio(&t.DropIncrease),
		"connection_throttle_drop_decrease":         ratio(&t.DropDecrease),
		"connection_throttle_decrease_ratio":        ratio(&t.Ratio),
		"connection_throttle_weight_enabled":        flag(&t.WeightEnabled),
		"connection_throttle_global_session_weight": count(&t.GlobalWeight),
		"connection_throttle_local_session_weight":  count(&t.LocalWeight),
		"connection_throttle_renew_session_weight":  count(&t.RenewWeight),
	}
}

func (c *Config) securityKeys() map[string]setter {
	s := &c.Security
	return map[string]setter{
		"skipACL": yesNo(&s.SkipACL),
		"DigestAuthenticationProvider.superDigest": text(&s.SuperDigest),
		"DigestAuthenticationProvider.digestAlg":   text(&s.DigestAlg),
		"DigestAuthenticationProvider.enabled":     flag(&s.DigestEnabled),
		"X509AuthenticationProvider.superUser":     text(&s.X509SuperUser),
		"superUser":                                text(&s.SuperUser),
		"ensembleAuthName":                         list(&s.EnsembleNames),
		"enforce.auth.enabled":                     flag(&s.EnforceAuth),
		"enforce.auth.schemes":                     list(&s.EnforceSchemes),
		"allowSaslFailedClients":                   flag(&s.AllowSASLFailed),
		"4lw.commands.whitelist":                   list(&s.Words),
		"audit.enable":                             flag(&s.Audit),
		"client.certReload":                        flag(&c.TLS.Reload),
		"sslQuorumReloadCertFiles":                 flag(&c.PeerTLS.Reload),
	}
}

func (c *Config) adminKeys() map[string]setter {
	a, m := &c.Admin, &c.Metrics
	return map[string]setter{
		"admin.enableServer":  flag(&a.Enabled),
		"admin.serverAddress": text(&a.Addr),
		"admin.serverPort": func(v string) error {
			a.PortGiven = true
			return port(&a.Port)(v)
		},
		"admin.commandURL":          text(&a.CommandURL),
		"admin.snapshot.enabled":    flag(&a.SnapshotEnabled),
		"admin.restore.enabled":     flag(&a.RestoreEnabled),
		"metricsProvider.className": text(&m.Class),
		"metricsProvider.httpHost":  text(&m.HTTPHost),
		"metricsProvider.httpPort":  port(&m.HTTPPort),
	}
}

func (c *Config) paddockKeys() map[string]setter {
	p := &c.Paddock
	return map[string]setter{
		"paddock.peerPort":          oneOf(&p.PeerPort, "quorum", "election"),
		"paddock.peerSecret":        text(&p.PeerSecret),
		"paddock.peerSecretFile":    secretFile(&p.PeerSecret, &p.PeerSecretFile),
		"paddock.gossipAddr":        text(&p.GossipAddr),
		"paddock.gossipKey":         text(&p.GossipKey),
		"paddock.gossipKeyFile":     secretFile(&p.GossipKey, nil),
		"paddock.id":                number(&c.Ensemble.MyID, 1, 254),
		"paddock.peerAddr":          text(&p.PeerAddr),
		"paddock.join":              list(&p.Join),
		"paddock.linearizableReads": flag(&p.LinearizableReads),
		"paddock.minFreeMB":         count(&p.MinFreeMB),
		"paddock.flushEveryMs":      millis(&p.FlushEvery),
		"paddock.electionTimeoutMs": number(&p.ElectionMs, 20, 600_000),
		"paddock.logFormat":         oneOf(&p.LogFormat, "text", "json"),
		"paddock.logLevel":          oneOf(&p.LogLevel, "debug", "info", "warn", "error"),
	}
}

// addKeys adds ssl.* or ssl.quorum.* keys.
func (t *TLS) addKeys(to map[string]setter, prefix string) {
	for k, s := range map[string]setter{
		"keyStore.location":               text(&t.KeyStore),
		"keyStore.password":               text(&t.KeyPassword),
		"keyStore.passwordPath":           secretFile(&t.KeyPassword, &t.KeyPasswordPath),
		"keyStore.type":                   text(&t.KeyType),
		"trustStore.location":             text(&t.TrustStore),
		"trustStore.password":             text(&t.TrustPassword),
		"trustStore.passwordPath":         secretFile(&t.TrustPassword, &t.TrustPasswordPath),
		"trustStore.type":                 text(&t.TrustType),
		"clientAuth":                      oneOf(&t.ClientAuth, "need", "want", "none"),
		"hostnameVerification":            flag(&t.HostnameVerification),
		"clientHostnameVerification":      flag(&t.ClientHostnameVerification),
		"protocol":                        text(&t.Protocol),
		"enabledProtocols":                list(&t.EnabledProtocols),
		"ciphersuites":                    list(&t.CipherSuites),
		"handshakeDetectionTimeoutMillis": count(&t.HandshakeTimeoutMs),
	} {
		to[prefix+k] = s
	}
}
