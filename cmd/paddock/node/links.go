package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/paddock-zk/paddock/compat/zoocfg"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/gossip"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/peer"
	"github.com/paddock-zk/paddock/zab/transport"
)

// links are the connections to the other servers: peer links, and gossip if it is configured. Nil on a standalone server.
type links struct {
	transport *transport.Transport
	gossip    *gossip.Gossip // nil: off
	lines     zab.Ensemble   // the server lines of the configuration
	newer     func() bool    // these lines are newer than the ensemble in effect
}

// startLinks listens for peers and fills the parts of the peer's environment that need a network.
func (n *node) startLinks(ctx context.Context, env *peer.Environment, e zab.Ensemble) error {
	if !n.distributed() {
		return nil
	}
	addr, err := n.peerAddr(e)
	if err != nil {
		return err
	}
	secure, err := peerTLS(n.cfg, n.logger)
	if err != nil {
		return err
	}
	sock, err := n.listenForPeers(ctx, addr)
	if err != nil {
		return err
	}
	secret := []byte(n.cfg.Paddock.PeerSecret)
	if len(secret) == 0 && secure == nil && !loopback(addr) {
		n.logger.Warn("the peer port proves nobody's identity: set paddock.peerSecretFile on all servers, or sslQuorum with certificates, or keep the network closed", "address", addr)
	}
	n.warnOfPeers(secret, secure != nil)
	if err := n.startMemberGossip(e, addr); err != nil {
		return errors.Join(err, sock.Close())
	}
	l := &links{gossip: n.gossip, lines: e, newer: func() bool { return zab.NewerFile(n.log.HardState(), n.file(e)) }}
	l.transport = transport.New(transport.Config{
		Identity: transport.Identity{Lineage: n.named.lineage(), Source: n.named.source, ID: n.self},
		Secret:   secret, TLS: secure, VerifyHost: n.cfg.QuorumTLS.HostVerify,
		VerifyDialler: n.cfg.QuorumTLS.HostVerify && n.cfg.QuorumTLS.ClientHostVerify, Vouched: l.vouched(n.cfg.Paddock), Listener: sock, Resolve: l.resolver(n.cfg.Paddock.PeerPort), Admit: l.admit,
		AdmitAll: n.admitsAll, Where: n.advertised(e, addr),
		Deliver: n.peer.Deliver, Gone: n.peer.Suspect, Receive: n.receiveImage, Logger: n.logger,
	})
	n.links = l
	env.Transport, env.Images = l.transport, &images{node: n}
	return nil
}

// warnOfPeers says what makes the proof of who is a server weaker than it looks.
func (n *node) warnOfPeers(secret []byte, secure bool) {
	if secure && !n.cfg.QuorumTLS.HostVerify || secure && !n.cfg.QuorumTLS.ClientHostVerify {
		n.logger.Warn("the names in certificates of servers are not compared: whoever has any server's certificate of this authority can be a server of this ensemble",
			"ssl.quorum.hostnameVerification", n.cfg.QuorumTLS.HostVerify, "ssl.quorum.clientHostnameVerification", n.cfg.QuorumTLS.ClientHostVerify)
	}
	if len(secret) > 0 && len(secret) < 16 {
		n.logger.Warn("the shared secret of the servers is short enough to be guessed: write 32 random bytes to paddock.peerSecretFile (head -c 32 /dev/urandom | base64)")
	}
}

// listenForPeers waits for as long as the name of this server does not resolve: in a new container it often does a moment later.
func (n *node) listenForPeers(ctx context.Context, addr string) (net.Listener, error) {
	for said := false; ; said = true {
		sock, err := net.Listen("tcp", addr)
		if err == nil {
			return sock, nil
		}
		if unresolved := (*net.DNSError)(nil); !errors.As(err, &unresolved) {
			return nil, fmt.Errorf("peers cannot be accepted on %s: %w", addr, err)
		}
		if !said {
			n.logger.Warn("the name in this server's own line does not resolve; trying again until it does", "address", addr, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// startMemberGossip starts the gossip of a server that knows its ensemble, if it is configured; a joiner's runs already.
func (n *node) startMemberGossip(e zab.Ensemble, listen string) error {
	if !n.gossips() || n.gossip != nil {
		return nil
	}
	self := gossip.Self{ID: n.self, Lineage: n.named.lineage(), PeerAddr: n.advertised(e, listen), ClientAddr: n.clientAddr(), Member: "joiner", Role: "looking", Version: n.program.Version}
	if m, ok := e.Member(n.self); ok {
		self.Member = m.Role.String()
	}
	return n.startGossip(self, e)
}

func (l *links) stop() {
	if l == nil {
		return
	}
	l.transport.Close()
}

// peerAddr is where this server listens for peers: as configured, or the quorum port (or, by paddock.peerPort, the election port)
// of its own server line.
func (n *node) peerAddr(e zab.Ensemble) (string, error) {
	if a := n.cfg.Paddock.PeerAddr; a != "" {
		return a, nil
	}
	m, ok := e.Member(n.self)
	if !ok {
		return "", fmt.Errorf("server %d is not among the server lines: give --peer host:port", n.self)
	}
	addrs := zoocfg.PeerAddrs(m.Addr, n.cfg.Paddock.PeerPort)
	if len(addrs) == 0 {
		return "", fmt.Errorf("server.%d=%s: no host:port in it", n.self, m.Addr)
	}
	host, port, _ := net.SplitHostPort(addrs[0])
	if n.cfg.Ensemble.ListenOnAllIPs || len(addrs) > 1 {
		host = ""
	}
	if deaf := elsewhere(addrs, port); len(deaf) > 0 {
		n.logger.Warn("this server listens for peers on one port, that of the first address in its line: nobody reaches it at the addresses with another port. Give all of them the same port",
			"listens", net.JoinHostPort(host, port), "not_at", deaf)
	}
	return net.JoinHostPort(host, port), nil
}

// elsewhere are the addresses whose port is another one.
func elsewhere(addrs []string, port string) (list []string) {
	for _, a := range addrs {
		if _, p, _ := net.SplitHostPort(a); p != port {
			list = append(list, a)
		}
	}
	return list
}

// advertised is where the others reach this server: its server line says so, or it listens there.
func (n *node) advertised(e zab.Ensemble, listen string) string {
	if m, ok := e.Member(n.self); ok {
		if a := zoocfg.PeerAddrs(m.Addr, n.cfg.Paddock.PeerPort); len(a) > 0 {
			return a[0]
		}
	}
	return listen
}

// resolver finds a member by its line in the configuration and in the ensemble, or, if it has none (a joiner), by what gossip says of it. Both count where they
// differ: the ensemble may have an own line that means nothing here, and the file may be old. But newer lines of the configuration take the place of those
// on other hosts: a copy of a data folder in another environment must not look for the servers of the first one.
func (l *links) resolver(which string) func(zab.Member) []string {
	return func(m zab.Member) []string {
		line, lined := l.lines.Member(m.ID)
		known, here := zoocfg.PeerAddrs(m.Addr, which), zoocfg.PeerAddrs(line.Addr, which)
		switch {
		case !lined && m.Addr == "":
			return l.heard(m.ID)
		case !lined:
			return known
		case slices.ContainsFunc(known, anywhere): // it is that server's own line, which the ensemble took over: the line here says where it is
			return here
		case l.newer() && !sameHosts(known, here):
			return here
		}
		return unite(here, known)
	}
}

// unite appends what is not there yet.
func unite(first, then []string) []string {
	for _, a := range then {
		if !slices.Contains(first, a) {
			first = append(first, a)
		}
	}
	return first
}

// sameHosts says whether two lists of addresses name the same hosts.
func sameHosts(a, b []string) bool {
	hosts := func(list []string) (out []string) {
		for _, addr := range list {
			host, _, _ := net.SplitHostPort(addr)
			out = append(out, host)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return slices.Equal(hosts(a), hosts(b))
}

// admitsAll: with reconfig anybody may come and observe. With reconfig off the server lines alone say who may come, but for a server that has lost its disk:
// its lines may be those of long ago, and the leader one that has come since. Who leads it is what the ensemble's history says, which it has yet to get.
func (n *node) admitsAll() bool {
	return n.cfg.Ensemble.Dynamic.Reconfig || n.named.lineage() == (lineage.Lineage{})
}

// admit lets a server in that is in no ensemble: gossip has announced it, or it has a server line here, as one that a reconfig took out
// has. It can only observe, and its clients learn how the reconfig ended; reconfig makes it a member (again).
func (l *links) admit(id zab.PeerID) bool {
	_, lined := l.lines.Member(id)
	return lined || len(l.heard(id)) > 0
}

// vouched are the addresses of a server that is in no ensemble, as far as they cannot be a stranger's word: it has a server line here, or gossip has a key.
func (l *links) vouched(own own) func(zab.PeerID) []string {
	return func(id zab.PeerID) []string {
		line, _ := l.lines.Member(id)
		addrs := zoocfg.PeerAddrs(line.Addr, own.PeerPort)
		if own.GossipKey != "" {
			addrs = append(addrs, l.heard(id)...)
		}
		return addrs
	}
}

// heard are the addresses that gossip has for a server. There are several if somebody else claims to be it: whoever answers the handshake is.
func (l *links) heard(id zab.PeerID) []string {
	if l.gossip == nil {
		return nil
	}
	var addrs []string
	for _, m := range l.gossip.Members() {
		if m.ID == id && m.Alive {
			addrs = append(addrs, m.PeerAddr)
		}
	}
	return slices.Compact(addrs) // sorted by address
}

// anywhere says that an address names no host: a server that listens on all of its addresses writes it in its own line.
func anywhere(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

func loopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
