package node

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/compat/zoocfg"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/gossip"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/znode"
)

// gossips says whether this server takes part in gossip.
func (n *node) gossips() bool { return n.cfg.Paddock.GossipAddr != "" || len(n.cfg.Paddock.Join) > 0 }

// joins says whether this server joins an ensemble of which it knows gossip addresses and no server lines.
func (n *node) joins() bool { return len(n.cfg.Paddock.Join) > 0 && len(n.cfg.Members.Servers) == 0 }

// startGossip tells others of this server and learns of them: of those that paddock.join names, and of the members that are known, whose
// gossip port is the same as here unless paddock.join says otherwise.
func (n *node) startGossip(self gossip.Self, members zab.Ensemble) error {
	key, err := base64.StdEncoding.DecodeString(n.cfg.Paddock.GossipKey)
	if err != nil {
		return fmt.Errorf("paddock.gossipKey: give 16, 24 or 32 bytes in base64: %w", err)
	}
	bind := n.cfg.Paddock.GossipAddr
	if bind == "" {
		return errors.New("give --gossip host:port (paddock.gossipAddr): where this server listens for gossip")
	}
	if bind, err = gossipBind(bind, self.PeerAddr); err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(bind); err == nil && len(key) == 0 && !loopback(net.JoinHostPort(host, "0")) {
		n.logger.Warn("gossip is neither encrypted nor authenticated: set paddock.gossipKeyFile on all servers", "address", bind)
	}
	join := slices.Concat(n.cfg.Paddock.Join, gossipHosts(members, n.self, bind))
	n.gossip, err = gossip.Start(gossip.Config{Self: self, Bind: bind, Join: join, Key: key, Logger: n.logger})
	return err
}

// gossipBind is where this server gossips: a port without a host is on the host where the others reach it, so that all can have the same
// configuration.
func gossipBind(addr, peerAddr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("paddock.gossipAddr %q: give host:port, or :port for the host of the own server line: %w", addr, err)
	}
	if host == "" {
		host, _, _ = net.SplitHostPort(peerAddr) // it may be empty too: then all addresses
	}
	return net.JoinHostPort(host, port), nil
}

// gossipHosts are the other members' hosts with the port of bind. Servers of one machine have one host, and different ports: they need paddock.join.
func gossipHosts(members zab.Ensemble, self zab.PeerID, bind string) []string {
	own, _ := members.Member(self)
	ownHosts := zoocfg.PeerAddrs(own.Addr, "quorum")
	_, port, _ := net.SplitHostPort(bind)
	var out []string
	for _, m := range members.Members {
		for _, addr := range zoocfg.PeerAddrs(m.Addr, "quorum") {
			host, _, _ := net.SplitHostPort(addr)
			same := slices.ContainsFunc(ownHosts, func(a string) bool { h, _, _ := net.SplitHostPort(a); return h == host })
			if m.ID != self && !same {
				out = append(out, net.JoinHostPort(host, port))
			}
		}
	}
	return out
}

// ask waits until gossip knows an ensemble: its identity, and where its members are. It waits for as long as nobody answers, since a server
// may be started before those that it joins.
func (n *node) ask(ctx context.Context, known *folder.Identity) (zab.Ensemble, error) {
	if err := n.tellJoining(known); err != nil {
		return zab.Ensemble{}, err
	}
	n.logger.Info("waiting for a member of the ensemble to answer", "asked", n.cfg.Paddock.Join)
	select {
	case <-ctx.Done():
		return zab.Ensemble{}, ctx.Err()
	case <-n.gossip.Joined():
	}
	said := ""
	for {
		e, id, err := n.heardEnsemble(known, n.gossip.Members())
		if err == nil {
			if known != nil {
				id = *known // if they are of another incarnation, the handshake says so
			}
			n.id = id
			return e, n.gossip.Update(func(s *gossip.Self) { s.Lineage = id.Lineage })
		}
		if errors.Is(err, errTaken) {
			return zab.Ensemble{}, err
		}
		if said != err.Error() {
			said = err.Error()
			n.logger.Warn("gossip tells of no ensemble that could be joined; waiting", "why", err)
		}
		select {
		case <-ctx.Done():
			return zab.Ensemble{}, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// tellJoining starts the gossip of a joiner. known is the identity of its data folder, nil if that is empty.
func (n *node) tellJoining(known *folder.Identity) error {
	host, _, err := net.SplitHostPort(n.cfg.Paddock.PeerAddr)
	if ip := net.ParseIP(host); err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("--peer (paddock.peerAddr) %q: give host:port where the others reach this server", n.cfg.Paddock.PeerAddr)
	}
	self := gossip.Self{ID: n.self, PeerAddr: n.cfg.Paddock.PeerAddr, ClientAddr: n.clientAddr(), Member: "joiner", Role: "looking", Version: n.program.Version}
	if known != nil {
		self.Lineage = known.Lineage
	}
	return n.startGossip(self, zab.Ensemble{})
}

// errTaken ends the start of a joiner whose id another server has: two servers with one id would count as one.
var errTaken = errors.New("the id is taken")

// heardEnsemble is what the members say of themselves. Gossip may lie: the handshake of the peer links checks the identity, and the
// leader's history says who belongs to the ensemble. Members that gossip does not hear at the moment belong to it as well.
func (n *node) heardEnsemble(known *folder.Identity, all []gossip.Member) (zab.Ensemble, folder.Identity, error) {
	var e zab.Ensemble
	var id folder.Identity
	voters := 0
	for _, m := range all {
		if m.ID == n.self && known == nil {
			if err := n.taken(m); err != nil {
				return e, id, err
			}
		}
		if m.ID == n.self || m.Member != "participant" && m.Member != "observer" || m.Cluster == (lineage.ID{}) {
			continue
		}
		theirs := folder.Identity{Format: 1, Lineage: m.Lineage, Server: n.self.Number()}
		if id.Cluster == (lineage.ID{}) {
			id = theirs
		} else if id != theirs {
			one, other := min(id.Cluster.String(), theirs.Cluster.String()), max(id.Cluster.String(), theirs.Cluster.String())
			return e, id, fmt.Errorf("servers of two clusters (or of one before and after a restore) gossip together, %s and %s: give each ensemble a gossip key of its own", one, other)
		}
		if m.Member == "participant" && m.Alive {
			voters++
		}
		host, port, _ := net.SplitHostPort(m.PeerAddr)
		addr := host + ":" + port + ":" + port
		if last := len(e.Members) - 1; last >= 0 && e.Members[last].ID == m.ID {
			e.Members[last].Addr += "|" + addr // two servers say that they are this one: the handshake tells which is
			continue
		}
		member := zab.Member{ID: m.ID, Addr: addr, Weight: 1}
		if m.Member == "observer" {
			member.Role = zab.Observer
		}
		e.Members = append(e.Members, member)
	}
	if voters == 0 {
		return e, id, errors.New("no voting member is heard")
	}
	return e, id, e.Valid()
}

// taken says whether m has the id of this server, whose folder is empty, so that this server must not join with it.
func (n *node) taken(m gossip.Member) error {
	mine := m.PeerAddr == n.cfg.Paddock.PeerAddr // this server itself, or one that ran at this address before
	switch {
	case m.Member == "participant" || m.Member == "observer":
		return fmt.Errorf("%w: gossip has server %d at %s as a member of the ensemble, and the data folder here is empty: give this server another --id; or, if it is that server, its data folder", errTaken, n.self, m.PeerAddr)
	case m.Alive && !mine:
		return fmt.Errorf("%w: server %d at %s has it: give this server another --id", errTaken, n.self, m.PeerAddr)
	}
	return nil
}

// recall is the ensemble as the replicated state of this server has it: a joiner that comes back needs no gossip.
func (n *node) recall() (zab.Ensemble, bool) {
	data, _, c := n.state.GetData(znode.ConfigPath, nil, znode.FlagSkipACL)
	if c != znode.OK || len(data) == 0 {
		return zab.Ensemble{}, false
	}
	e, err := zab.ParseEnsemble(string(data))
	return e, err == nil
}

// tellGossip tells the gossip what this server is now; the gossip spreads it.
func (n *node) tellGossip() {
	st := n.peer.Status()
	if n.joining.Members != nil && st.Soft.Leader == 0 { // this joiner has no leader yet: the members that it heard of first may not be all that it needs
		if e, _, err := n.heardEnsemble(&n.id, n.gossip.Members()); err == nil {
			n.peer.SetJoinList(e)
		}
	}
	err := n.gossip.Update(func(s *gossip.Self) {
		s.Lineage = n.named.lineage()
		s.Role, s.Member = roleName(st.Soft.Role), "joiner"
		s.Zxid = st.Commit &^ 0xfff // not every transaction is worth a message
		if m, ok := st.Ensemble.Committed.Member(n.self); ok {
			s.Member = m.Role.String()
		}
	})
	if err != nil {
		n.logger.Warn("gossip", "err", err)
	}
}
