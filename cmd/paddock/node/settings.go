package node

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// peerTick is the resolution of the ensemble's time: heartbeats go once a tick, elections begin after electionTicks of silence.
const (
	peerTick      = 20 * time.Millisecond
	aloneTick     = 200 * time.Millisecond // a single server sends no heartbeats
	electionTicks = 20
)

func (n *node) tick() time.Duration {
	if !n.distributed() {
		return aloneTick
	}
	return peerTick
}

func newSource(seed [32]byte) rand.Source { return rand.NewChaCha8(seed) }

// limits bound what the core keeps in memory: followers that are a little behind are served from it, and a single server has none.
func (n *node) limits() zab.Limits {
	if !n.distributed() {
		return zab.Limits{TailBytes: 1 << 20}
	}
	return zab.Limits{TailBytes: 16 << 20}
}

// timing is how long this server waits for others and for its disk, in ticks of peerTick.
func (n *node) timing() zab.Timing {
	t := zab.Timing{Election: electionTicks}
	if d := n.cfg.Paddock.Election; d > 0 {
		t.Election = max(3, int(d/n.tick()))
	}
	t.FirstLook = n.firstLook(t.Election)
	t.Found = max(1, int(time.Duration(n.cfg.Ensemble.InitLimit*n.cfg.Basics.TickTime)*time.Millisecond/n.tick()))
	t.DiskStepDown = int(5 * time.Second / n.tick())
	t.DiskFatal = int(60 * time.Second / n.tick())
	return t
}

// authConfig says which schemes exist and who is privileged.
func authConfig(c *Config) auth.Config {
	s := &c.Auth
	a := auth.Config{
		Digest:   auth.Digest{Disabled: !s.DigestEnabled, Super: s.SuperDigest, Algorithm: s.DigestAlg},
		X509:     auth.X509{Enabled: s.X509, Super: s.X509Super},
		SASL:     s.SASL,
		Ensemble: auth.Ensemble{Enabled: s.EnsembleOn, Names: s.EnsembleNames},
		Enforce:  auth.Enforce{Enabled: s.EnforceOn, Schemes: s.EnforceSchemes},
	}
	return a
}

func sessionOptions(c *Config) server.SessionOptions {
	return server.SessionOptions{
		TickMs: int64(c.Basics.TickTime), Limits: session.Limits{MinMs: int32(c.Sessions.MinTimeout), MaxMs: int32(c.Sessions.MaxTimeout)},
		AwaitFirstByte: true, Local: c.Sessions.Local, LocalUpgrade: c.Sessions.LocalUpgrade,
	}
}

// firstLook lets the highest id go first among servers that start together, so that it leads, as in ZooKeeper.
func (n *node) firstLook(election int) int {
	e, err := n.ensemble()
	if err != nil || !n.distributed() {
		return 0
	}
	higher := 0
	for _, m := range e.Members {
		if m.ID.Compare(n.self) > 0 && m.Role == zab.Participant {
			higher++
		}
	}
	return 1 + min(higher, 4)*max(1, election/4)
}

func serverLimits(c *Config) server.Limits {
	l, t := &c.Limits, &c.Limits.Connections
	return server.Limits{
		GlobalOutstanding: l.Outstanding, ThrottleRequests: l.Requests.MaxRequests, ThrottledOpWaitMs: int64(l.Requests.WaitTime),
		Stale:          server.StaleOptions{Drop: l.Requests.DropStale, Connection: l.Requests.StaleConnection, Latency: l.Requests.StaleLatency},
		LargeThreshold: max(l.LargeThreshold, 0), LargeMaxBytes: int64(l.LargeMaxBytes),
		ContainerCheckMs: c.Nodes.ContainerCheck, ContainerPerMinute: c.Nodes.ContainerPerMin, ContainerNeverMs: c.Nodes.ContainerUnused,
		Connection: server.ThrottleOptions{
			Tokens: t.Tokens, FillTimeMs: int64(t.FillTime), FillCount: t.FillCount, FreezeTimeMs: int64(t.FreezeTime),
			DropIncrease: t.DropIncrease, DropDecrease: t.DropDecrease, DropRatio: t.DecreaseRatio, Weighted: t.Weighed,
			GlobalCost: t.GlobalWeight, RenewCost: t.RenewWeight,
		},
	}
}

func (n *node) features(schemes znode.Flags) server.Features {
	c := n.cfg
	f := server.Features{
		Flags: schemes, Standalone: !n.distributed(), ReconfigEnabled: c.Ensemble.Dynamic.Reconfig, StandaloneEnabled: c.Ensemble.Dynamic.Standalone,
		LeaderIdle: c.Ensemble.LeaderIdle && n.distributed(), ReadOnlyMode: c.Sessions.ReadOnlyMode && n.distributed(), LinearizableReads: c.Paddock.LinearizableReads, AllowSASLFailed: c.Auth.AllowSASLFails,
	}
	if e := authConfig(c).Enforce; e.Enabled {
		f.SASLRequired = slices.Contains(e.Schemes, "sasl")
	}
	for flag, on := range map[znode.Flags]bool{
		znode.FlagSkipACL: c.Nodes.SkipACL, znode.FlagEnforceQuota: c.Limits.EnforceQuota, znode.FlagExtendedTypes: c.Nodes.ExtendedTypes,
	} {
		if on {
			f.Flags |= flag
		}
	}
	return f
}

// distributed says whether this server is one of an ensemble: its configuration says so, or it joins one.
func (n *node) distributed() bool { return n.cfg.Distributed() || len(n.cfg.Paddock.Join) > 0 }

// ensemble is the bootstrap configuration: the server lines, or this server alone.
func (n *node) ensemble() (zab.Ensemble, error) {
	if !n.distributed() {
		return zab.Ensemble{Members: []zab.Member{{ID: n.self, Weight: 1}}}, nil
	}
	if n.joins() {
		if known, ok := n.recall(); ok {
			return known, nil
		}
		return n.joining, nil
	}
	out, err := zab.ParseEnsemble(n.cfg.DynamicText())
	if err != nil {
		return out, fmt.Errorf("server lines: %w", err)
	}
	out.Version = zxid.ID(n.cfg.Members.Version)
	return out, nil
}

// operatorsWord says whether the operator has declared that the empty disk of this server never held anything, so that its vote counts at once. As
// in ZooKeeper he does so by a file named initialize in the data folder, which is removed when it is read.
func (n *node) operatorsWord() (bool, error) {
	err := os.Remove(filepath.Join(n.cfg.Basics.DataDir, "initialize"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("the file initialize cannot be removed after use: %w", err)
	}
	n.logger.Info("the file initialize vouches for the disk of this server: as long as it runs, its vote counts even if the disk is empty")
	return true, nil
}

// foundIdentity is the identity of a server that begins with an empty folder.
func (n *node) foundIdentity() folder.Identity {
	if n.joins() {
		return n.id
	}
	return folder.NewIdentity(n.self)
}
