package servertest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
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
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// simNode is one server: a peer.Peer on a log on a fake disk, and a server.Server on top of it.
type simNode struct {
	zabtest.Process
	sim      *Sim
	id       zab.PeerID
	ens      zab.Ensemble
	log      simLog
	images   images
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
}

// simLog is the log of a server, the disk below it, and when the write that is under way will be durable.
type simLog struct {
	*txnlog.Log
	disk *faultfs.Disk
	size int64 // of a segment
	at   int64
}

// images are what a server keeps of its state besides the log.
type images struct {
	durable map[zxid.ID]image
	staged  map[zxid.ID]image // received, and not yet installed
}

// image is a whole state at one zxid, record by record.
type image []struct{ key, value []byte }

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
	n.images = images{map[zxid.ID]image{}, map[zxid.ID]image{}}
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
	n.state = znode.NewState(znode.Options{})
	n.load(n.state, n.newestImage())
	n.soft, n.links, n.heard, n.contract = zab.SoftState{}, nil, heard{}, contract{}
	n.startPeer(zab.Config{ID: n.id, Ensemble: n.ens, Applied: n.state.LastZxid(),
		Rand: rand.NewPCG(s.Rand.Uint64(), uint64(n.id)), Timing: s.opt.Core.Timing, Limits: s.opt.Core.Limits})
	n.serve()
	n.runPeer()
	n.clock.ticked = n.mono()
	s.trace("start %d at %v %v", n.id, n.state.LastZxid(), n.core.Status())
	n.Schedule(tickLen, n.tick)
	n.Schedule(s.Between(0, sessionTick/2*1000), n.serverTick)
	n.drain()
	n.poke()
}

// openLog opens the log as this life finds it. A staged image whose pointer is durable is the server's.
func (n *simNode) openLog() {
	l, err := txnlog.Open(n.log.disk, "log", txnlog.Options{Identity: txnlog.Identity{Lineage: lineage.Lineage{Cluster: lineage.ID{1}}, Peer: n.id}, SegmentBytes: n.log.size,
		Rand: newSeeded(n.sim.Rand), Background: func(prepare func()) { prepare() }, Logger: slog.New(watchdog{n})})
	if err != nil {
		n.sim.violate("server %d: the log does not open: %v", n.id, err)
	}
	n.log.Log, n.log.at = l, 0
	n.adopt()
	n.images.staged = map[zxid.ID]image{}
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

// crash ends the process, and often the machine: then what was not durable is lost, and a write that is under way is torn.
func (n *simNode) crash() {
	if !n.Up() {
		return
	}
	s := n.sim
	s.Stats.Crashes++
	s.Stats.count(n)
	switch torn := s.Chance(s.opt.Core.Faults.Torn); {
	case torn && n.shell.inFlight:
		s.Stats.TornWrites++
		n.log.disk.CrashAt(n.log.disk.Ops() + 1 + s.Rand.IntN(6))
		if err := n.shell.steps.Append(&n.shell.batches); err != nil && !errors.Is(err, faultfs.ErrCrashed) {
			s.violate("server %d: %v", n.id, err)
		}
		n.log.disk = n.log.disk.Crash(s.Rand)
	case torn:
		n.log.disk = n.log.disk.Crash(s.Rand)
	default:
		n.log.disk = n.log.disk.Clone() // the process alone
	}
	n.End()
	for _, l := range n.links {
		l.die()
	}
	n.links = nil
	s.trace("crash %d", n.id)
}

// adopt keeps a staged image whose pointer is durable.
func (n *simNode) adopt() {
	z := n.log.Base().Zxid
	if im, ok := n.images.staged[z]; ok && z != 0 {
		n.images.durable[z] = im
	}
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

// dump takes an image of the applied state.
func (n *simNode) dump() (im image) {
	err := n.state.Dump(func(key, value []byte) error {
		im = append(im, struct{ key, value []byte }{slices.Clone(key), slices.Clone(value)})
		return nil
	})
	if err != nil {
		n.sim.violate("server %d: dump: %v", n.id, err)
	}
	return im
}

func (n *simNode) load(st *znode.State, im image) {
	if im == nil {
		return
	}
	st.BeginLoad()
	for _, r := range im {
		if err := st.LoadRecord(r.key, r.value); err != nil {
			n.sim.violate("server %d: load: %v", n.id, err)
		}
	}
	if err := st.EndLoad(); err != nil {
		n.sim.violate("server %d: end of load: %v", n.id, err)
	}
}

// newestImage is where a start begins; nil if everything is in the log.
func (n *simNode) newestImage() image {
	var at zxid.ID
	for z := range n.images.durable {
		if z > at && n.log.Floor(z) == z {
			at = z
		}
	}
	if base := n.log.Base().Zxid; at < base {
		n.sim.violate("server %d: the log begins at %v, and the newest image is of %v", n.id, base, at)
	}
	return n.images.durable[at]
}

func (n *simNode) keepImage() {
	if z := n.state.LastZxid(); n.Running() && z != 0 {
		n.images.durable[z] = n.dump()
		n.sim.Stats.Images++
	}
}

// compact drops the log before an image.
func (n *simNode) compact() {
	z := n.state.LastZxid()
	if !n.Running() || n.shell.inFlight || z <= n.log.Base().Zxid || n.core.Status().Applied < z {
		return
	}
	n.keepImage()
	if err := n.log.CompactBefore(z); err != nil {
		n.sim.violate("server %d: %v", n.id, err)
	}
	for old := range n.images.durable {
		if old < z {
			delete(n.images.durable, old)
		}
	}
	n.sim.Stats.Compactions++
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
