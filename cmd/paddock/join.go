package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/gossip"
)

// gossips says whether this server takes part in gossip.
func (n *node) gossips() bool { return n.cfg.own.GossipAddr != "" || len(n.cfg.own.Join) > 0 }

// joins says whether this server comes into an ensemble of which it was told one gossip address, and no server lines.
func (n *node) joins() bool { return len(n.cfg.own.Join) > 0 && len(n.cfg.Members.Servers) == 0 }

// startGossip tells others of this server and learns of them. A joiner has no cluster yet and takes that of the first who answers.
func (n *node) startGossip(self gossip.Self) error {
	key, err := base64.StdEncoding.DecodeString(n.cfg.own.GossipKey)
	if err != nil {
		return fmt.Errorf("paddock.gossipKey: give 16, 24 or 32 bytes in base64: %w", err)
	}
	bind := n.cfg.own.GossipAddr
	if bind == "" {
		return errors.New("give --gossip host:port: where this server listens for gossip")
	}
	if host, _, err := net.SplitHostPort(bind); err == nil && len(key) == 0 && !loopback(net.JoinHostPort(host, "0")) {
		n.logger.Warn("gossip is neither encrypted nor authenticated: set paddock.gossipKeyFile on all servers", "address", bind)
	}
	n.gossip, err = gossip.Start(gossip.Config{Self: self, Bind: bind, Join: n.cfg.own.Join, Key: key, Logger: n.logger})
	return err
}

// ask waits until gossip knows an ensemble: its identity, and where its members are. It waits for as long as nobody answers, since a server
// may be started before those that it joins.
func (n *node) ask(ctx context.Context, known *identity) (zab.Ensemble, error) {
	if n.cfg.own.PeerAddr == "" {
		return zab.Ensemble{}, errors.New("give --peer host:port: where the others reach this server")
	}
	self := gossip.Self{ID: n.self, PeerAddr: n.cfg.own.PeerAddr, ClientAddr: n.clientAddr(), Member: "joiner", Role: "looking", Version: version}
	if known != nil {
		self.Cluster, self.Incarnation = known.cluster(), known.incarnation()
	}
	if err := n.startGossip(self); err != nil {
		return zab.Ensemble{}, err
	}
	said := false
	for {
		if e, id, ok := n.heardEnsemble(); ok {
			n.id = id
			return e, n.gossip.Update(func(s *gossip.Self) { s.Cluster, s.Incarnation = id.cluster(), id.incarnation() })
		}
		if !said {
			n.logger.Info("waiting for a member of the ensemble to answer", "asked", n.cfg.own.Join)
			said = true
		}
		select {
		case <-ctx.Done():
			return zab.Ensemble{}, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// heardEnsemble is what the members say of themselves. Gossip may lie: the handshake of the peer links checks the identity, and the
// leader's history says who belongs to the ensemble.
func (n *node) heardEnsemble() (zab.Ensemble, identity, bool) {
	var e zab.Ensemble
	var id identity
	for _, m := range n.gossip.Members() {
		if m.ID == n.self || !m.Alive || m.Member == "joiner" || m.Cluster == [16]byte{} {
			continue
		}
		if id.Cluster == "" {
			id = identity{Format: 1, Cluster: hex.EncodeToString(m.Cluster[:]), Incarnation: hex.EncodeToString(m.Incarnation[:]), Server: int(n.self)}
		} else if id.cluster() != m.Cluster {
			n.logger.Warn("gossip tells of servers of another cluster; they are left out", "server", m.ID, "address", m.PeerAddr)
			continue
		}
		host, port, err := net.SplitHostPort(m.PeerAddr)
		if err != nil {
			continue
		}
		member := zab.Member{ID: m.ID, Addr: host + ":" + port + ":" + port, Weight: 1}
		if m.Member == "observer" {
			member.Role = zab.Observer
		}
		e.Members = append(e.Members, member)
	}
	return e, id, len(e.Members) > 0
}

// tellGossip says what this server is now; it spreads by itself.
func (n *node) tellGossip() {
	if n.gossip == nil {
		return
	}
	st := n.peer.Status()
	err := n.gossip.Update(func(s *gossip.Self) {
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
