package zoocfg

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
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
	p.finishClientNames()
	if c.Telemetry.Prometheus && c.Telemetry.HTTPPort < 0 {
		c.Telemetry.HTTPPort = 7000
	}
	p.finishAdmin()
}

// finishAdmin: without the AdminServer its port may be anything. With it a standalone ZooKeeper does not start on a port that is none, and a
// member of an ensemble goes on without.
func (p *parser) finishAdmin() {
	a, line := &p.cfg.Admin, p.seen["admin.serverPort"]
	switch {
	case !a.Enabled || a.Port >= 0 && a.Port <= 65535:
	case p.cfg.Distributed():
		p.warn(line, "admin.serverPort", "%d is not a port: the AdminServer is not served, as in ZooKeeper", a.Port)
		a.Enabled = false
	default:
		p.fail(line, "admin.serverPort", "%d is not a port; ports are 0 to 65535, and admin.enableServer=false switches the AdminServer off", a.Port)
	}
}

func (p *parser) finishPorts() {
	b := &p.cfg.Basics
	if line := p.seen["clientPortAddress"]; line > 0 && b.ClientPort < 0 {
		p.fail(line, "clientPortAddress", "is set but clientPort is not")
	}
	if line := p.seen["secureClientPortAddress"]; line > 0 && b.SecurePort < 0 {
		p.fail(line, "secureClientPortAddress", "is set but secureClientPort is not")
	}
	self, ok := p.cfg.Self()
	if !ok || self.ClientPort < 0 {
		return
	}
	line := p.seen["clientPort"]
	same, known := sameAddress(b.ClientAddress, self.ClientAddress)
	switch {
	case b.ClientPort >= 0 && (b.ClientPort != self.ClientPort || known && !same):
		p.fail(line, "clientPort", "%s:%d differs from the client part of server.%d, %s:%d; give it in one place",
			b.ClientAddress, b.ClientPort, self.ID, self.ClientAddress, self.ClientPort)
		return
	case b.ClientPort >= 0 && !known:
		p.warn(p.seen["clientPortAddress"], "clientPortAddress", "%s may be another address than %s of server.%d, which counts; give it in one place", b.ClientAddress, self.ClientAddress, self.ID)
	}
	b.ClientPort, b.ClientAddress = self.ClientPort, self.ClientAddress
	if b.SecurePort < 0 && self.SecurePort >= 0 {
		b.SecurePort, b.SecureAddress = self.SecurePort, self.SecureAddress
	}
}

// sameAddress says whether an address of the static part is the one of a server line, or all addresses, which hold it; known is false if
// only a name server could tell.
func sameAddress(static, member string) (same, known bool) {
	a, b := plainAddress(static), plainAddress(member)
	one, err1 := netip.ParseAddr(a)
	two, err2 := netip.ParseAddr(b)
	switch {
	case a == b, err1 == nil && one.IsUnspecified():
		return true, true
	case err1 != nil || err2 != nil:
		return false, false
	}
	return one.Unmap() == two.Unmap(), true
}

// plainAddress is an address as a number, if that needs nobody to be asked.
func plainAddress(name string) string {
	switch name = strings.Trim(strings.ToLower(name), "[]"); name {
	case "":
		return "0.0.0.0"
	case "localhost":
		return "127.0.0.1"
	}
	return name
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

// finishClientNames: ZooKeeper compares nothing where another key switches it off, or asks for no certificate, and says nothing of it.
func (p *parser) finishClientNames() {
	const name = "ssl.clientHostnameVerification"
	switch t := &p.cfg.TLS; {
	case !t.ClientHostVerify:
	case !t.HostVerify:
		p.fail(p.seen[name], name, "is true, and ssl.hostnameVerification=false switches it off; give one of them only")
	case t.ClientAuth == "none":
		p.fail(p.seen[name], name, "is true, and with ssl.clientAuth=none clients show no certificate; set ssl.clientAuth=need")
	case t.ClientAuth == "want":
		p.warn(p.seen[name], name, "says nothing of clients that show no certificate, which ssl.clientAuth=want lets in; set ssl.clientAuth=need")
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
	if c.Auth.EnforceOn && len(c.Auth.EnforceSchemes) == 0 {
		p.fail(p.seen["enforce.auth.enabled"], "enforce.auth.enabled", "is true but enforce.auth.schemes names no scheme")
	}
	if c.Nodes.SkipACL {
		p.warn(p.seen["skipACL"], "skipACL", "is on: nobody's permissions are checked")
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
