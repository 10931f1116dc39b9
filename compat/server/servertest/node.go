package servertest

import (
	"encoding/binary"
	"fmt"
	"io"
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
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// simNode is one server: a core and a server.Server, with a fake shell between them.
type simNode struct {
	sim     *Sim
	id      zab.PeerID
	ens     zab.Ensemble
	log     simLog
	images  images
	up      bool
	life    int // counts incarnations, so that late events of an older one find nobody
	paused  int64
	backlog []func()
	clock   simClock
	core    *zab.Core
	server  *server.Server
	state   *znode.State // of server
	lis     *listener.Listener
	links   []*link
	soft    zab.SoftState // as the server was told
	shell   shell
	heard   heard
}

// simLog is the disk of a server and when its last queued batch will be durable.
type simLog struct {
	disk *zabtest.Disk
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
	n.log.disk = zabtest.NewDisk()
	n.images = images{map[zxid.ID]image{}, map[zxid.ID]image{}}
	n.clock.rate = 1 + s.opt.Faults.Drift*(2*s.rng.Float64()-1)
	return n
}

func (n *simNode) running() bool { return n.up && n.paused <= n.sim.now }

// mono is the monotonic clock in µs.
func (n *simNode) mono() int64 { return 1_000_000 + int64(float64(n.sim.now)*n.clock.rate) }

// wall is the wall clock in ms.
func (n *simNode) wall() int64 { return 1_700_000_000_000 + n.clock.wall + n.sim.now/1000 }

// start begins a new life from what is durable: an image, and the log behind it.
func (n *simNode) start() {
	if n.up {
		return
	}
	s := n.sim
	n.life++
	n.state = znode.NewState(znode.Options{})
	n.load(n.state, n.newestImage())
	c, err := zab.New(zab.Config{ID: n.id, Ensemble: n.ens, Log: n.log.disk, Applied: n.state.LastZxid(),
		Rand: rand.NewPCG(s.rng.Uint64(), uint64(n.id)), Timing: s.opt.Core.Timing, Limits: s.opt.Core.Limits})
	if err != nil {
		s.violate("server %d does not start: %v", n.id, err)
	}
	n.up, n.core, n.soft, n.paused, n.backlog = true, c, zab.SoftState{}, 0, nil
	n.log.at, n.images.staged, n.links = 0, map[zxid.ID]image{}, nil
	n.shell, n.heard = newShell(), heard{}
	n.serve()
	n.clock.ticked = n.mono()
	s.trace("start %d at %v %v", n.id, n.state.LastZxid(), c.Status())
	n.schedule(tickLen, n.tick)
	n.schedule(s.between(0, sessionTick/2*1000), n.serverTick)
	n.work()
}

// serve makes the server of this life.
func (n *simNode) serve() {
	s := n.sim
	set, err := auth.New(auth.Config{})
	if err != nil {
		panic(err)
	}
	seed := [32]byte{byte(n.id)}
	binary.LittleEndian.PutUint64(seed[8:], s.rng.Uint64())
	now := func() time.Time { return time.UnixMilli(n.wall()) }
	o := server.Options{
		ID: n.id, Boot: s.rng.Uint64() | 1, Orderer: s.plant.orderer(n, simOrderer{n}), State: n.state, Auth: set,
		Clock:    server.Clock{Mono: func() int64 { return n.mono() * 1000 }, Wall: n.wall},
		Rand:     io.Reader(rand.NewChaCha8(seed)),
		Sessions: server.SessionOptions{TickMs: sessionTick, Limits: session.Limits{MinMs: minTimeout, MaxMs: maxTimeout}},
		Features: server.Features{Flags: znode.FlagExtendedTypes, Flushers: -1, LinearizableReads: s.opt.Clients.Linearize,
			ApplyChunk: 1 + s.rng.IntN(8)},
		Virtual: tokens.NewKeeper(fencing.Lineage{Cluster: fencing.ID{1}, Incarnation: fencing.ID{2}}, now, nil),
	}
	life := n.life
	o.Go = func(work func()) {
		s.after(s.soon(), func() {
			if n.life == life && n.up {
				n.later(work)
			}
		})
	}
	if s.opt.OnServe != nil {
		s.opt.OnServe(n.id, &o)
	}
	n.server = server.New(o)
	n.lis = listener.New(n.server, listener.Options{})
}

// later does work now, or when the pause is over, and then looks at what the connections have got by it.
func (n *simNode) later(work func()) {
	if n.paused > n.sim.now {
		n.backlog = append(n.backlog, func() { n.later(work) })
		return
	}
	work()
	n.poke()
}

// schedule does something later in this life; if the server is paused then, when it goes on.
func (n *simNode) schedule(in int64, do func()) {
	life := n.life
	n.sim.after(in, func() {
		if n.life == life && n.up {
			n.later(do)
		}
	})
}

// tick moves the core on by its own clock.
func (n *simNode) tick() {
	n.schedule(tickLen, n.tick)
	if passed := int((n.mono() - n.clock.ticked) / tickLen); passed > 0 {
		n.clock.ticked += int64(passed) * tickLen
		n.core.Tick(passed)
		n.work()
	}
}

func (n *simNode) serverTick() {
	n.schedule(sessionTick/2*1000, n.serverTick)
	n.server.Tick()
}

// crash ends the process and loses what was not durable.
func (n *simNode) crash() {
	if !n.up {
		return
	}
	s := n.sim
	s.Stats.Crashes++
	s.Stats.count(n)
	tear := -1
	if s.chance(s.opt.Core.Faults.Torn) {
		tear = s.rng.IntN(5)
	}
	n.log.disk.Crash(tear)
	n.adopt()
	n.up, n.life = false, n.life+1
	for _, l := range n.links {
		l.die()
	}
	n.links = nil
	s.trace("crash %d", n.id)
}

// adopt keeps a staged image whose pointer became durable in a write that was torn behind it.
func (n *simNode) adopt() {
	z := n.log.disk.Base().Zxid
	if im, ok := n.images.staged[z]; ok && z != 0 {
		n.images.durable[z] = im
	}
}

// pause stops the process; what arrives waits in its sockets, and its disk goes on.
func (n *simNode) pause(d int64) {
	s := n.sim
	if !n.running() {
		return
	}
	s.Stats.Pauses++
	n.paused = s.now + d
	s.trace("pause %d for %d ms", n.id, d/1000)
	life := n.life
	s.after(d, func() {
		if n.life != life {
			return
		}
		n.paused = 0
		todo := n.backlog
		n.backlog = nil
		for _, do := range todo {
			if n.life == life && n.up {
				do()
			}
		}
	})
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
		if z > at && n.log.disk.Floor(z) == z {
			at = z
		}
	}
	if base := n.log.disk.Base().Zxid; at < base {
		n.sim.violate("server %d: the log begins at %v, and the newest image is of %v", n.id, base, at)
	}
	return n.images.durable[at]
}

func (n *simNode) keepImage() {
	if z := n.state.LastZxid(); n.running() && z != 0 {
		n.images.durable[z] = n.dump()
		n.sim.Stats.Images++
	}
}

// compact drops the log before an image.
func (n *simNode) compact() {
	z := n.state.LastZxid()
	if !n.running() || z <= n.log.disk.Base().Zxid || n.core.Status().Applied < z {
		return
	}
	n.keepImage()
	n.log.disk.Compact(n.core.SnapshotMeta(z), nil)
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
		switch s.rng.IntN(8) {
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
	if !n.up {
		return fmt.Sprintf("server %d is down", n.id)
	}
	st := n.core.Status()
	return fmt.Sprintf("%v state at %v, told %+v, %d links, %d proposals held (%v); %s", st, n.state.LastZxid(), n.soft, len(n.links),
		len(n.shell.held), n.shell.why, st.Why)
}
