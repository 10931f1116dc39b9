package zoocfg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// finish fills what depends on several keys, and checks what no single key can show.
func (p *parser) finish() {
	c := p.cfg
	if c.Basics.DataDir == "" {
		p.fail(0, "dataDir", "is not set; it names the folder that holds the data and the file myid")
	} else if !filepath.IsAbs(c.Basics.DataDir) && !strings.HasPrefix(c.Basics.DataDir, "./") {
		p.warn(p.seen["dataDir"], "dataDir", "%s is relative to wherever the server is started; prepend ./ to say that you mean it", c.Basics.DataDir)
	}
	if c.Basics.DataLogDir == "" {
		c.Basics.DataLogDir = c.Basics.DataDir
	}
	p.finishPorts()
	p.finishSessions()
	p.finishMembers()
	p.finishAuth()
	p.finishTLS()
	if c.Storage.RetainSnaps < 3 {
		p.warn(p.seen["autopurge.snapRetainCount"], "autopurge.snapRetainCount", "%d is too few; 3 are kept", c.Storage.RetainSnaps)
		c.Storage.RetainSnaps = 3
	}
	if !c.Storage.ForceSync {
		p.warn(p.seen["forceSync"], "forceSync", "is not honoured: a write that was acknowledged is always on disk")
		c.Storage.ForceSync = true
	}
	if c.Telemetry.Prometheus && c.Telemetry.HTTPPort < 0 && c.Telemetry.HTTPSPort < 0 {
		c.Telemetry.HTTPPort = 7000
	}
	if c.Limits.MaxBufferExtra == 0 {
		c.Limits.MaxBufferExtra = max(c.Limits.MaxBuffer, 1024)
	}
	if c.Storage.MaxWriteQueuePol == 0 {
		c.Storage.MaxWriteQueuePol = c.Storage.FlushDelay / 3
	}
}

func (p *parser) finishPorts() {
	b := &p.cfg.Basics
	if b.ClientAddress != "" && b.ClientPort < 0 {
		p.fail(p.seen["clientPortAddress"], "clientPortAddress", "is set but clientPort is not")
	}
	if b.SecureAddress != "" && b.SecurePort < 0 {
		p.fail(p.seen["secureClientPortAddress"], "secureClientPortAddress", "is set but secureClientPort is not")
	}
	self, ok := p.cfg.Self()
	if !ok || self.ClientPort < 0 {
		return
	}
	line := p.seen["clientPort"]
	if b.ClientPort >= 0 && (b.ClientPort != self.ClientPort || b.ClientAddress != "" && b.ClientAddress != self.ClientAddress) {
		p.fail(line, "clientPort", "%s:%d differs from the client part of server.%d, %s:%d; give it in one place",
			b.ClientAddress, b.ClientPort, self.ID, self.ClientAddress, self.ClientPort)
		return
	}
	b.ClientPort, b.ClientAddress = self.ClientPort, self.ClientAddress
	if b.SecurePort < 0 && self.SecurePort >= 0 {
		b.SecurePort, b.SecureAddress = self.SecurePort, self.SecureAddress
	}
}

func (p *parser) finishSessions() {
	s, tick := &p.cfg.Sessions, p.cfg.Basics.TickTime
	if s.MinTimeout < 0 {
		s.MinTimeout = 2 * tick
	}
	if s.MaxTimeout < 0 {
		s.MaxTimeout = 20 * tick
	}
	if s.MinTimeout > s.MaxTimeout {
		p.fail(p.seen["minSessionTimeout"], "minSessionTimeout", "%d is larger than maxSessionTimeout, %d", s.MinTimeout, s.MaxTimeout)
	}
}

func (p *parser) finishMembers() {
	c := p.cfg
	voters, all := c.Voters(), len(c.Members.Servers)
	if voters == 0 && all > 0 {
		p.fail(0, "server.N", "all %d servers are observers; an ensemble needs participants", all)
	}
	if voters == 0 && !c.Ensemble.Dynamic.Standalone && c.Own["join"] == "" { // a joiner hears of the participants by gossip
		p.fail(p.seen["standaloneEnabled"], "standaloneEnabled", "is false, so at least one participant is needed; add server.N lines")
	}
	for _, s := range c.Members.Servers {
		if len(s.Addresses) > 1 && !c.Ensemble.MultiAddress {
			p.fail(p.seen[fmt.Sprintf("server.%d", s.ID)], fmt.Sprintf("server.%d", s.ID), "has several addresses, but multiAddress.enabled is false")
		}
	}
	p.finishGroups()
	if !c.Distributed() {
		if voters == 1 && all > 1 {
			p.fail(0, "server.N", "observers beside a single participant need standaloneEnabled=false")
		} else if voters == 1 {
			p.warn(0, "server.N", "only one server is given and standaloneEnabled is true: it runs standalone")
		}
		return
	}
	if c.Ensemble.InitLimit == 0 {
		p.fail(0, "initLimit", "is not set; an ensemble needs it (ticks a follower may take to connect and sync)")
	}
	if c.Ensemble.SyncLimit == 0 {
		p.fail(0, "syncLimit", "is not set; an ensemble needs it (ticks a follower may lag behind)")
	}
	self, ok := c.Self()
	switch {
	case c.Members.ID < 0:
		p.fail(0, "myid", "%s is missing; it must hold this server's number", filepath.Join(c.Basics.DataDir, "myid"))
	case !ok:
		p.warn(0, "myid", "server %d is in no server line: it can only join by a reconfig", c.Members.ID)
	case self.Observer != c.Ensemble.Observer:
		if p.seen["peerType"] > 0 {
			p.warn(p.seen["peerType"], "peerType", "differs from the role in server.%d; the server line counts", self.ID)
		}
		c.Ensemble.Observer = self.Observer
	}
	switch {
	case voters == 2:
		p.warn(0, "server.N", "with two participants no failure is tolerated; three are the least")
	case voters > 2 && voters%2 == 0:
		p.warn(0, "server.N", "%d participants tolerate no more failures than %d", voters, voters-1)
	}
}

func (p *parser) finishGroups() {
	m := &p.cfg.Members
	if len(m.Groups) == 0 {
		if len(m.Weights) > 0 {
			p.fail(0, "weight.N", "weights need groups: every participant must be in a group.N")
		}
		return
	}
	grouped := map[int64]bool{}
	for _, list := range m.Groups {
		for _, id := range list {
			grouped[id] = true
		}
	}
	for _, s := range m.Servers {
		if !s.Observer && !grouped[s.ID] {
			p.fail(p.seen[fmt.Sprintf("server.%d", s.ID)], fmt.Sprintf("server.%d", s.ID), "is in no group; with groups every participant must be in one")
		}
	}
}

func (p *parser) finishAuth() {
	c := p.cfg
	if c.Basics.SecurePort >= 0 && (c.Auth.SSLProvider == "" || c.Auth.SSLProvider == "x509") {
		c.Auth.X509 = true
	}
	if c.Auth.RequireSASL {
		p.fail(p.seen["sessionRequireClientSASLAuth"], "sessionRequireClientSASLAuth", "SASL is not supported, so no client could do anything; use enforce.auth.enabled with digest or x509")
	}
	if c.QuorumTLS.SASL {
		p.fail(p.seen["quorum.auth.enableSasl"], "quorum.auth.enableSasl", "SASL between peers is not supported; authenticate them by certificates: sslQuorum=true")
	}
	if c.Auth.EnforceOn && len(c.Auth.EnforceSchemes) == 0 {
		p.fail(p.seen["enforce.auth.enabled"], "enforce.auth.enabled", "is true but enforce.auth.schemes names no scheme")
	}
	if c.Nodes.SkipACL {
		p.warn(p.seen["skipACL"], "skipACL", "is on: nobody's permissions are checked")
	}
}

// finishTLS refuses what would make a server look safer than it is, and warns of the rest that is not built.
func (p *parser) finishTLS() {
	c := p.cfg
	refuse := func(on bool, key, why string) {
		if on {
			p.fail(p.seen[key], key, "%s", why)
		}
	}
	const revoked = "revoked certificates are not looked for; give short-lived ones and replace them: files that change are read again"
	refuse(c.TLS.CRL, "ssl.crl", revoked)
	refuse(c.TLS.OCSP, "ssl.ocsp", revoked)
	refuse(c.QuorumTLS.CRL, "ssl.quorum.crl", revoked)
	refuse(c.QuorumTLS.OCSP, "ssl.quorum.ocsp", revoked)
	const plain = "the AdminServer speaks plain HTTP; leave it on 127.0.0.1 behind a proxy that does TLS, or set admin.enableServer=false"
	refuse(c.Admin.ForceHTTPS, "admin.forceHttps", plain)
	refuse(c.Admin.NeedClientAuth, "admin.needClientAuth", plain)
	if c.Telemetry.HTTPSPort >= 0 {
		p.warn(p.seen["metricsProvider.httpsPort"], "metricsProvider.httpsPort", "is not served; metrics are on metricsProvider.httpPort and on the admin port")
	}
	if c.QuorumTLS.PortUnification {
		p.warn(p.seen["portUnification"], "portUnification", "peers speak either TLS or plain text, never both: change sslQuorum on all servers at once")
	}
}

// CheckDirs looks at the data folders: they must be folders or, if datadir.autocreate allows it, may be missing; a folder for the log
// that holds snapshots, or the other way round, is refused, as ZooKeeper does.
func (c *Config) CheckDirs() error {
	var errs []error
	for _, d := range []struct{ key, name string }{{"dataDir", c.Basics.DataDir}, {"dataLogDir", c.Basics.DataLogDir}} {
		info, err := os.Stat(d.name)
		switch {
		case d.key == "dataLogDir" && d.name == c.Basics.DataDir: // said already
		case errors.Is(err, fs.ErrNotExist) && c.Storage.AutoCreateDir:
		case err != nil:
			errs = append(errs, Note{c.File, 0, d.key, fmt.Sprintf("cannot be used: %v; create it, or set datadir.autocreate=true", err)})
		case !info.IsDir():
			errs = append(errs, Note{c.File, 0, d.key, d.name + " is not a folder"})
		}
	}
	if c.Basics.DataDir == c.Basics.DataLogDir {
		return errors.Join(errs...)
	}
	for _, d := range []struct{ key, name, pattern, what string }{
		{"dataDir", c.Basics.DataDir, "log.*", "transaction logs; give their folder as dataLogDir"},
		{"dataLogDir", c.Basics.DataLogDir, "snapshot.*", "snapshots; give their folder as dataDir"},
	} {
		if found, _ := filepath.Glob(filepath.Join(d.name, "version-2", d.pattern)); len(found) > 0 {
			errs = append(errs, Note{c.File, 0, d.key, d.name + " holds " + d.what})
		}
	}
	return errors.Join(errs...)
}
