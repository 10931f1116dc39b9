package servertest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store/storetest"
)

// simNode is one server: a peer.Peer on a log on a fake disk, and a server.Server on top of it.
type simNode struct {
	zabtest.Process
	sim      *Sim
	id       zab.PeerID
	ens      zab.Ensemble
	log      simLog
	disk     stateDisk
	clock    simClock
	core     *zab.Core
	server   *server.Server
	state    *znode.State // of server
	lis      *listener.Listener
	links    []*link
	soft     zab.SoftState // as the server was told
	shell    shell
	heard    heard
	contract contract
	alarm    alarmBook
}

// simLog is the log of a server, the disk below it, and when the write that is under way will be durable.
type simLog struct {
	*txnlog.Log
	disk *faultfs.Disk
	size int64 // of a segment
	at   int64
}

// simClock is a server's time. Monotonic time drifts and never jumps, wall time jumps.
type simClock struct {
	rate   float64
	wall   int64 // ms: how far the wall is off
	ticked int64 // mono µs
}

func newSimNode(s *Sim, id zab.PeerID, ens zab.Ensemble) *simNode {
	n := &simNode{sim: s, id: id, ens: ens}
	n.Process = zabtest.NewProcess(&s.Scheduler, n.poke)
	n.log.disk, n.log.size = faultfs.New(), 4096<<s.Rand.IntN(2)
	n.disk = stateDisk{Disk: storetest.NewDisk(), every: s.opt.Disks.Every, snapCount: s.opt.Disks.SnapCount}
	n.disk.Keep(s.opt.Disks.Images)
	n.makeRoom()
	n.clock.rate = 1 + s.opt.Faults.Drift*(2*s.Rand.Float64()-1)
	return n
}

// mono is the monotonic clock in µs.
func (n *simNode) mono() int64 { return 1_000_000 + int64(float64(n.sim.Now())*n.clock.rate) }

// wall is the wall clock in ms.
func (n *simNode) wall() int64 { return 1_700_000_000_000 + n.clock.wall + n.sim.Now()/1000 }

// start begins a new life from what is durable: an image, and the log behind it.
func (n *simNode) start() {
	if n.Up() {
		return
	}
	s := n.sim
	n.Begin()
	n.openLog()
	if n.openState() != nil {
		n.End()
		n.log.disk = n.log.disk.Clone()
		return
	}
	n.soft, n.links, n.heard, n.contract, n.alarm = zab.SoftState{}, nil, heard{}, contract{}, alarmBook{}
	n.startPeer(zab.Config{ID: n.id, Ensemble: n.ens, Applied: n.state.LastZxid(),
		Rand: rand.NewPCG(s.Rand.Uint64(), uint64(n.id)), Timing: s.opt.Core.Timing, Limits: s.opt.Core.Limits})
	n.serve()
	n.follow()
	n.runPeer()
	n.clock.ticked = n.mono()
	s.trace("start %d at %v %v", n.id, n.state.LastZxid(), n.core.Status())
	n.Schedule(tickLen, n.tick)
	n.Schedule(s.Between(0, sessionTick/2*1000), n.serverTick)
	n.drain()
	n.poke()
}

// openLog opens the log as this life finds it.
func (n *simNode) openLog() {
	l, err := txnlog.Open(n.log.disk, "log", txnlog.Options{Identity: txnlog.Identity{Lineage: lineage.Lineage{Cluster: lineage.ID{1}}, Peer: n.id}, SegmentBytes: n.log.size,
		Rand: newSeeded(n.sim.Rand), Background: func(prepare func()) { prepare() }, Logger: slog.New(watchdog{n})})
	if err != nil {
		n.sim.violate("server %d: the log does not open: %v", n.id, err)
	}
	n.log.Log, n.log.at = l, 0
}

// serve makes the server of this life.
func (n *simNode) serve() {
	s := n.sim
	set, err := auth.New(auth.Config{})
	if err != nil {
		panic(err)
	}
	seed := [32]byte{byte(n.id)}
	binary.LittleEndian.PutUint64(seed[8:], s.Rand.Uint64())
	now := func() time.Time { return time.UnixMilli(n.wall()) }
	o := server.Options{
		ID: n.id, Boot: s.Rand.Uint64() | 1, Orderer: s.plant.orderer(n, orderer{n.shell.Peer, n}), State: n.state, Auth: set,
		Clock:    server.Clock{Mono: func() int64 { return n.mono() * 1000 }, Wall: n.wall},
		Rand:     io.Reader(rand.NewChaCha8(seed)),
		Sessions: server.SessionOptions{TickMs: sessionTick, Limits: session.Limits{MinMs: minTimeout, MaxMs: maxTimeout}},
		Features: server.Features{Flags: znode.FlagExtendedTypes, Flushers: -1, LinearizableReads: s.opt.Clients.Linearize,
			ApplyChunk: 1 + s.Rand.IntN(8)},
		Virtual: tokens.NewKeeper(func() fencing.Lineage { return fencing.Lineage{Cluster: fencing.ID{1}, Incarnation: fencing.ID{2}} }, now, nil),
	}
	o.Go = func(work func()) { n.Schedule(s.soon(), work) }
	if s.opt.OnServe != nil {
		s.opt.OnServe(n.id, &o)
	}
	n.server = server.New(o)
	n.lis = listener.New(n.server, listener.Options{})
}

func (n *simNode) serverTick() {
	n.Schedule(sessionTick/2*1000, n.serverTick)
	n.server.Tick()
}

// crash ends the process, and often the machine.
func (n *simNode) crash() {
	if n.Up() {
		n.end(n.sim.Chance(n.sim.opt.Core.Faults.Torn))
	}
}

// powerCut ends the machine.
func (n *simNode) powerCut() {
	if n.Up() {
		n.end(true)
	}
}

// end ends the process. With the machine what was not durable is lost, and a write that is under way is torn.
func (n *simNode) end(machine bool) {
	s := n.sim
	s.Stats.Crashes++
	s.Stats.count(n)
	if machine && n.shell.inFlight {
		s.Stats.TornWrites++
		n.log.disk.CrashAt(n.log.disk.Ops() + 1 + s.Rand.IntN(6))
		if err := n.shell.steps.Append(&n.shell.batches); err != nil && !errors.Is(err, faultfs.ErrCrashed) {
			s.violate("server %d: %v", n.id, err)
		}
	}
	if machine {
		n.log.disk = n.log.disk.Crash(s.Rand)
		n.disk.cut(s)
	} else {
		n.log.disk = n.log.disk.Clone() // the process alone
	}
	n.disk.follower.End()
	n.End()
	for _, l := range n.links {
		l.die()
	}
	n.links = nil
	s.trace("crash %d", n.id)
}

// pause stops the process; what arrives waits in its sockets, and its disk goes on.
func (n *simNode) pause(d int64) {
	if !n.Running() {
		return
	}
	n.sim.Stats.Pauses++
	n.sim.trace("pause %d for %d ms", n.id, d/1000)
	n.Pause(d)
}

// reconfig proposes a random ensemble, as an operator would.
func (n *simNode) reconfig() {
	s := n.sim
	ens := n.core.Status().Ensemble.Committed
	next := zab.Ensemble{}
	for i := range s.nodes {
		m, ok := ens.Member(zab.PeerID(i + 1))
		if !ok {
			m = n.ens.Members[i]
		}
		switch s.Rand.IntN(8) {
		case 0:
			continue
		case 1:
			m.Role = zab.Observer
		case 2:
			m.Role = zab.Participant
		default:
			if !ok {
				continue
			}
		}
		next.Members = append(next.Members, m)
	}
	if _, err := n.core.ProposeReconfig(n.wall(), next, nil); err == nil {
		s.Stats.Reconfigs++
		s.trace("reconfig by %d: %v", n.id, next)
	}
}

func (n *simNode) describe() string {
	if !n.Up() {
		return fmt.Sprintf("server %d is down", n.id)
	}
	st := n.core.Status()
	held, why := n.shell.steps.Held()
	return fmt.Sprintf("%v state at %v, told %+v, %d links, %d proposals held (%v); %s", st, n.state.LastZxid(), n.soft, len(n.links),
		held, why, st.Why)
}
