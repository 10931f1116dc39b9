package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/zooconf"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// peerTick is the resolution of the ensemble's time: heartbeats go once a tick, elections begin after electionTicks of silence.
const (
	peerTick      = 20 * time.Millisecond
	electionTicks = 8
)

func newSource(seed [32]byte) rand.Source { return rand.NewChaCha8(seed) }

// timing is the ensemble's patience, in ticks of peerTick.
func (n *node) timing() zab.Timing {
	t := zab.Timing{Election: electionTicks}
	if ms := n.cfg.Paddock.ElectionMs; ms > 0 {
		t.Election = max(3, int(time.Duration(ms)*time.Millisecond/peerTick))
	}
	t.DiskStepDown = int(5 * time.Second / peerTick)
	t.DiskFatal = int(60 * time.Second / peerTick)
	return t
}

// authConfig says which schemes exist and who is privileged.
func authConfig(c *zooconf.Config) auth.Config {
	s := &c.Security
	a := auth.Config{
		Digest:  auth.Digest{Disabled: !s.DigestEnabled, Super: s.SuperDigest, Algorithm: s.DigestAlg},
		X509:    auth.X509{Enabled: c.Basics.SecurePort != 0 && c.TLS.ClientAuth != "none", Super: s.X509SuperUser},
		Enforce: auth.Enforce{Enabled: s.EnforceAuth, Schemes: s.EnforceSchemes},
	}
	for _, class := range s.AuthProviders {
		switch {
		case strings.HasSuffix(class, "SASLAuthenticationProvider"):
			a.SASL = true
		case strings.HasSuffix(class, "EnsembleAuthenticationProvider"):
			a.Ensemble = auth.Ensemble{Enabled: true, Names: s.EnsembleNames}
		}
	}
	if c.Sessions.RequireSASL {
		a.Enforce = auth.Enforce{Enabled: true, Schemes: []string{"sasl"}}
	}
	return a
}

func serverLimits(c *zooconf.Config) server.Limits {
	l, t := &c.Limits, &c.Limits.Throttle
	return server.Limits{
		GlobalOutstanding: l.GlobalOutstanding, ThrottleRequests: l.ThrottleRequests, ThrottledOpWaitMs: int64(l.ThrottledOpWaitMs),
		LargeThreshold: max(l.LargeThreshold, 0), LargeMaxBytes: int64(l.LargeMaxBytes),
		ContainerCheckMs: int64(c.Nodes.ContainerCheckMs), ContainerPerMinute: c.Nodes.ContainerPerMinute, ContainerNeverMs: int64(c.Nodes.ContainerNeverMs),
		Connection: server.ThrottleOptions{
			Tokens: t.Tokens, FillTimeMs: int64(t.FillTime), FillCount: t.FillCount, FreezeTimeMs: int64(t.FreezeTime),
			DropIncrease: t.DropIncrease, DropDecrease: t.DropDecrease, DropRatio: t.Ratio, Weighted: t.WeightEnabled,
			GlobalCost: t.GlobalWeight, RenewCost: t.RenewWeight,
		},
	}
}

func (n *node) features(schemes znode.Flags) server.Features {
	c := n.cfg
	f := server.Features{
		Flags: schemes, Standalone: !n.distributed(), ReconfigEnabled: c.Ensemble.ReconfigEnabled, StandaloneEnabled: c.Ensemble.StandaloneEnabled,
		ReadOnlyMode: c.Sessions.ReadOnlyMode && n.distributed(), LinearizableReads: c.Paddock.LinearizableReads, AllowSASLFailed: c.Security.AllowSASLFailed,
	}
	if e := authConfig(c).Enforce; e.Enabled {
		f.SASLRequired = slices.Contains(e.Schemes, "sasl")
	}
	for flag, on := range map[znode.Flags]bool{
		znode.FlagSkipACL: c.Security.SkipACL, znode.FlagEnforceQuota: c.Limits.EnforceQuota, znode.FlagExtendedTypes: c.Nodes.ExtendedTypes,
	} {
		if on {
			f.Flags |= flag
		}
	}
	return f
}

// distributed says whether this server is one of an ensemble, in ZooKeeper's sense: more than one server line, or one that says so by
// standaloneEnabled=false, or a joiner.
func (n *node) distributed() bool {
	e := &n.cfg.Ensemble
	return len(e.Servers) > 1 || len(e.Servers) == 1 && !e.StandaloneEnabled || len(n.cfg.Paddock.Join) > 0
}

// ensemble is the bootstrap configuration: the server lines, or this server alone.
func (n *node) ensemble() (zab.Ensemble, error) {
	if !n.distributed() {
		return zab.Ensemble{Members: []zab.Member{{ID: n.self, Weight: 1}}}, nil
	}
	var lines strings.Builder
	e := &n.cfg.Ensemble
	for _, s := range e.Servers {
		fmt.Fprintf(&lines, "server.%d=%s\n", s.ID, s.Text)
	}
	for id, g := range e.Groups {
		fmt.Fprintf(&lines, "group.%d=%d\n", g, id)
	}
	for id, w := range e.Weights {
		fmt.Fprintf(&lines, "weight.%d=%d\n", id, w)
	}
	out, err := zab.ParseEnsemble(lines.String())
	if err != nil {
		return out, fmt.Errorf("server lines: %w", err)
	}
	out.Version = zxid.ID(e.DynamicVersion)
	return out, nil
}

// configText is what /zookeeper/config shows before the first reconfig.
func (n *node) configText() string {
	if !n.distributed() {
		return ""
	}
	e, err := n.ensemble()
	if err != nil {
		return ""
	}
	return e.String()
}

// foundIdentity draws the identity of a server that begins with an empty folder.
func (n *node) foundIdentity() (identity, error) {
	e, err := n.ensemble()
	if err != nil {
		return identity{}, err
	}
	return newIdentity(n.self, e), nil
}
