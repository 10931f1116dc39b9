package zabtest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"github.com/paddock-zk/paddock/zab"
)

// Explore walks through every order of events, within bounds, of a small ensemble of real cores, each state once. Messages of a
// link arrive in bundles (whatever is on it), so that the orders tried are those between links, ticks, disks, crashes and losses.
// The next state to go on from is chosen by a fixed random sequence: a walk that is cut off by MaxStates has been deep as well.
// A core cannot be copied, but it is deterministic: a state is the list of actions that leads to it, and is made again by
// replaying them. It is model checking of the code, not of a description of it.
type Explore struct {
	Servers     int
	Proposals   int
	Crashes     int
	Losses      int
	Overtakes   int // times that a message may overtake the one before it on its link
	Stalls      int // times that a disk may stop finishing writes, until it is asked to go on; without a stall it is done at once
	Ticks       int // of one server, all told, beyond the prologue
	MaxStates   int
	Prologue    bool // begin with an active leader, instead of with an empty ensemble
	Limits      zab.Limits
	Election    int // ticks; 0 is 2
	OnCore      func(*zab.Core)
	Fingerprint func(*zab.Core) string
}

// Report says how far an exploration came.
type Report struct {
	States, Edges, Depth int
	Exhausted            bool // every state within the bounds was visited
	Leaders              int  // greatest number of epochs opened in one state
}

// action is what can happen next. kind: d deliver, l lose, o overtake, t tick, z stall, s sync, c crash, r restart, p propose.
type action struct {
	kind byte
	a, b uint8
}

// zeroSource makes every random choice the first one: time is chosen by the explorer, not by chance.
type zeroSource struct{}

// Uint64 implements rand.Source. Not 0: rand rejects that for some ranges, and asks again, forever.
func (zeroSource) Uint64() uint64 { return 1<<60 - 1 }

type world struct {
	x       *Explore
	ens     zab.Ensemble
	servers []*server
	links   map[[2]uint8][]zab.Message
	history []Applied
	leaders map[uint32]zab.PeerID
	left    struct{ proposals, crashes, losses, overtakes, stalls int }
	err     error
}

type server struct {
	core    *zab.Core
	disk    *Disk
	after   []pendingAfter
	applied []Applied
	ticks   int
	stalled bool
	held    [][]byte
	reads   []zab.ReadState
	differ  []zab.DigestMismatch
	fatal   error
}

type pendingAfter struct {
	seq      uint64
	messages []zab.Message
	snapshot bool
}

// Run explores.
func (x *Explore) Run() (Report, error) {
	var rep Report
	seen := map[uint64]bool{}
	rng := rand.New(rand.NewPCG(1, 1))
	frontier := [][]action{nil}
	for len(frontier) > 0 {
		i := rng.IntN(len(frontier))
		if rng.IntN(2) == 0 {
			i = len(frontier) - 1 - rng.IntN(min(len(frontier), 8)) // half of the time go deep
		}
		path := frontier[i]
		frontier[i] = frontier[len(frontier)-1]
		frontier = frontier[:len(frontier)-1]
		for _, act := range x.replay(path).enabled() {
			if rep.States >= x.MaxStates {
				return rep, nil
			}
			rep.Edges++
			to := append(slices.Clone(path), act)
			w := x.replay(to)
			if w.err != nil {
				return rep, fmt.Errorf("after %v: %w", to, w.err)
			}
			if h := w.hash(); !seen[h] {
				seen[h] = true
				rep.States++
				rep.Leaders, rep.Depth = max(rep.Leaders, len(w.leaders)), max(rep.Depth, len(to))
				frontier = append(frontier, to)
			}
		}
	}
	rep.Exhausted = true
	return rep, nil
}

func (x *Explore) replay(path []action) (w *world) {
	w = &world{x: x, links: map[[2]uint8][]zab.Message{}, leaders: map[uint32]zab.PeerID{}}
	defer func() {
		if r := recover(); r != nil {
			w.err = fmt.Errorf("panic: %v", r)
		}
	}()
	text := ""
	for i := range x.Servers {
		text += fmt.Sprintf("server.%d=h:1:1\n", i+1)
	}
	w.ens, w.err = zab.ParseEnsemble(text)
	for i := range x.Servers {
		w.servers = append(w.servers, &server{disk: NewDisk()})
		w.start(i)
	}
	if x.Prologue {
		w.prologue()
	}
	w.left.proposals, w.left.crashes, w.left.losses, w.left.overtakes, w.left.stalls = x.Proposals, x.Crashes, x.Losses, x.Overtakes, x.Stalls
	for _, s := range w.servers {
		s.ticks = x.Ticks
	}
	for _, a := range path {
		if w.err == nil {
			w.do(a)
		}
	}
	return w
}

// prologue lets the last server win, and everything arrive.
func (w *world) prologue() {
	n := len(w.servers) - 1
	for range 100 {
		for i := range w.servers {
			w.sync(i)
		}
		for from := range w.servers {
			for to := range w.servers {
				for len(w.links[[2]uint8{uint8(from), uint8(to)}]) > 0 {
					w.deliver(uint8(from), uint8(to), 0)
				}
			}
		}
		if s := w.servers[n].core.Status(); s.Soft.Active && w.quiet() {
			return
		} else if s.Soft.Role == zab.Looking {
			w.servers[n].core.Tick(1)
			w.work(n)
		}
	}
	w.err = fmt.Errorf("the prologue did not end with a leader: %v", w.servers[n].core.Status())
}

func (w *world) quiet() bool {
	for _, q := range w.links {
		if len(q) > 0 {
			return false
		}
	}
	for _, s := range w.servers {
		if len(s.after) > 0 {
			return false
		}
	}
	return true
}

func (w *world) start(i int) {
	s := w.servers[i]
	s.applied = slices.Clone(s.disk.Image())
	c, err := zab.New(zab.Config{ID: zab.PeerID(i + 1), Ensemble: w.ens, Log: s.disk, Rand: zeroSource{},
		Limits: w.x.Limits,
		Timing: zab.Timing{Heartbeat: 1, Election: max(2, w.x.Election), Pause: max(2, w.x.Election), DiskFatal: -1}})
	if err != nil {
		w.err = fmt.Errorf("server %d does not start: %w", i+1, err)
		return
	}
	if w.x.OnCore != nil {
		w.x.OnCore(c)
	}
	s.core = c
	w.work(i)
}

func (w *world) enabled() (acts []action) {
	for i, s := range w.servers {
		u := uint8(i)
		if s.core == nil {
			acts = append(acts, action{'r', u, 0})
			continue
		}
		if s.stalled {
			acts = append(acts, action{'s', u, 0})
		} else if w.left.stalls > 0 {
			acts = append(acts, action{'z', u, 0})
		}
		if s.ticks > 0 {
			acts = append(acts, action{'t', u, 0})
		}
		if w.left.crashes > 0 {
			acts = append(acts, action{'c', u, 0})
		}
		if w.left.proposals > 0 && s.core.Status().Soft.Role == zab.Leading && s.core.Status().Soft.Active {
			acts = append(acts, action{'p', u, 0})
		}
	}
	for from := range w.servers {
		for to := range w.servers {
			k := [2]uint8{uint8(from), uint8(to)}
			if len(w.links[k]) == 0 {
				continue
			}
			acts = append(acts, action{'d', k[0], k[1]})
			if w.left.losses > 0 {
				acts = append(acts, action{'l', k[0], k[1]})
			}
			if w.left.overtakes > 0 && len(w.links[k]) > 1 {
				acts = append(acts, action{'o', k[0], k[1]})
			}
		}
	}
	return acts
}

func (w *world) do(a action) {
	i := int(a.a)
	s := w.servers[i]
	k := [2]uint8{a.a, a.b}
	switch a.kind {
	case 'd':
		for n := len(w.links[k]); n > 0; n-- {
			w.deliver(a.a, a.b, 0)
		}
	case 'o':
		w.left.overtakes--
		w.deliver(a.a, a.b, 1)
	case 'l':
		w.left.losses--
		w.links[k] = slices.Clone(w.links[k][1:])
	case 'z':
		w.left.stalls--
		s.stalled = true
	case 's':
		s.stalled = false
		w.sync(i)
	case 't':
		s.ticks--
		s.core.Tick(1)
		w.work(i)
	case 'c':
		w.left.crashes--
		s.disk.Crash(-1)
		s.core, s.after, s.stalled = nil, nil, false
	case 'r':
		w.start(i)
	case 'p':
		w.left.proposals--
		if _, err := s.core.Propose(0, [][]byte{Op(uint64(w.left.proposals+1)<<8|uint64(i), 8)}); err == nil {
			w.work(i)
		}
	}
}

func (w *world) deliver(from, to uint8, n int) {
	k := [2]uint8{from, to}
	m := w.links[k][n]
	w.links[k] = slices.Delete(slices.Clone(w.links[k]), n, n+1)
	if c := w.servers[to].core; c != nil {
		if err := c.Step(m); err != nil {
			w.err = err
		}
		w.work(int(to))
	}
}

func (w *world) sync(i int) {
	w.finish(w.servers[i])
	w.work(i)
}

// finish makes everything durable that was handed to the disk.
func (w *world) finish(s *server) {
	todo := s.after
	s.after = nil
	for _, p := range todo {
		s.disk.Sync(p.seq)
		if p.snapshot {
			s.applied = slices.Clone(s.disk.Image())
		}
		for _, m := range p.messages {
			w.send(m)
		}
		s.core.Persisted(p.seq)
	}
}

func (w *world) send(m zab.Message) {
	k := [2]uint8{uint8(m.From - 1), uint8(m.To - 1)}
	w.links[k] = append(w.links[k], m)
}

// work is the shell. It checks what must hold everywhere: invariants, one leader an epoch, one history.
func (w *world) work(i int) {
	s := w.servers[i]
	for s.core != nil && s.core.HasReady() && w.err == nil {
		r := s.core.Ready()
		if r.Fatal != nil {
			s.disk.Crash(-1)
			s.core, s.after, s.stalled, s.fatal = nil, nil, false, r.Fatal
			return
		}
		if r.Soft != nil && r.Soft.Role == zab.Leading {
			e := uint32(r.Soft.Epoch)
			if other, ok := w.leaders[e]; ok && other != r.Soft.Leader {
				w.err = fmt.Errorf("servers %d and %d both lead epoch %d", other, r.Soft.Leader, e)
			}
			w.leaders[e] = r.Soft.Leader
		}
		if r.Persist != nil {
			s.disk.Write(*r.Persist)
			s.after = append(s.after, pendingAfter{r.Persist.Seq, r.After, r.Persist.Snapshot != nil})
		}
		for _, m := range r.Messages {
			w.send(m)
		}
		for _, e := range r.Committed {
			a := next(s.applied, e)
			s.applied = append(s.applied, a)
			if n := len(s.applied) - 1; n < len(w.history) && w.history[n] != a {
				w.err = fmt.Errorf("server %d applied %v as number %d, and the history has %v", i+1, a.Zxid, n, w.history[n].Zxid)
			} else if n >= len(w.history) {
				w.history = append(w.history, a)
			}
		}
		s.reads, s.differ = append(s.reads, r.Reads...), append(s.differ, r.Mismatch...)
		for _, sn := range r.SnapSends {
			w.sendImage(s, sn)
		}
		for _, d := range r.Inbox {
			s.held = append(s.held, d.Payloads...)
		}
		s.core.Advance()
		if len(s.held) > 0 {
			if _, err := s.core.Propose(0, s.held); !errors.Is(err, zab.ErrBusy) {
				s.held = nil
			}
		}
		if !s.stalled {
			w.finish(s)
		}
		if err := s.core.CheckInvariants(); err != nil {
			w.err = err
		}
	}
}

// sendImage ships the applied state at once, and the message that it is there the usual way.
func (w *world) sendImage(s *server, sn zab.SnapSend) {
	if n := len(s.applied); n > 0 {
		meta := s.core.SnapshotMeta(s.applied[n-1].Zxid)
		w.servers[sn.To-1].disk.Stage(meta.Zxid, slices.Clone(s.applied))
		w.send(s.core.SnapMessage(sn, meta))
		s.core.ReportSnapshot(sn.To, meta.Zxid, true)
	}
}

// hash stands for the whole state: cores, disks, links, what is left of the bounds, and the history that was promised.
func (w *world) hash() uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%v %v|", w.left, len(w.history))
	for i, s := range w.servers {
		fmt.Fprintf(h, "%d %d %v %v %v %v|", i, s.ticks, s.stalled, s.disk.hard, s.disk.entries, len(s.after))
		if s.core != nil {
			h.Write([]byte(w.x.Fingerprint(s.core)))
		}
		for j := range w.servers {
			for _, m := range w.links[[2]uint8{uint8(i), uint8(j)}] {
				fmt.Fprintf(h, "%v;", m)
			}
		}
	}
	return h.Sum64()
}
