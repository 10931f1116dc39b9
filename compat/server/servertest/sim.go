package servertest

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
)

// tickLen is the length of a core's tick, µs.
const tickLen = zabtest.TickLen

// Times of sessions, ms.
const (
	sessionTick = 200
	minTimeout  = 2 * sessionTick
	maxTimeout  = 40 * sessionTick
)

// SimOptions say what one simulated run is like. [SwarmSim] draws them from a seed.
type SimOptions struct {
	Seed    uint64
	Core    zabtest.Options // voters, observers, ticks of the safety phase, timing, limits and faults of the core
	Clients ClientOptions
	Faults  SimFaults
	Disks   SimDisks
	Plant   string                                 // one of [PlantedOutside]: a mistake around the server
	Diverge zab.PeerID                             // the server whose apply is wrong once; see [Diverging]
	Order   Order                                  // a wrong order of the peer's steps, to see it caught
	OnServe func(id zab.PeerID, o *server.Options) // sees the options of every server before it is made; tests plant bugs with it
	Trace   func(string)                           // every event, for a failing seed
}

// ClientOptions say how clients behave. Probabilities are per client and step (10 ms).
type ClientOptions struct {
	Count       int
	Ops         float64
	Move        float64 // to another server, on purpose
	Zombie      float64 // a move leaves the old connection behind, with what is in it
	Stay        float64 // a move is to the same server
	Rush        float64 // a move comes right behind requests
	Die         float64 // silently
	Close       float64
	Sleep       float64 // stops for a while, as a paused process
	Linearize   bool    // servers confirm every read
	TimeoutFrom int64   // ms
	TimeoutTo   int64
}

// SimFaults are those that the core does not know. Probabilities are per tick.
type SimFaults struct {
	Cut, Mend float64 // between a client and a server
	Reset     float64 // of a connection
	WallJump  float64
	Drift     float64 // of the monotonic clocks: up to this share, either way
	Image     float64 // a server is asked for a backup
	ApplyLag  float64 // an applier that is late
	ApplyMax  int64
	TurnLag   float64 // a core loop that is late
	TurnMax   int64
}

// SimDisks say how the disks of the applied states behave. Low and Damage are per tick, the others per operation.
type SimDisks struct {
	Every     int64   // µs between two flushes
	SnapCount uint32  // transactions between two checkpoints
	Images    int     // so many are kept
	Low       float64 // a disk is nearly full for a while, or has no room at all
	NoSpace   int     // every commit of this number finds no space; 0: none does
	GiveUp    float64 // of a backup: who asked for it goes away meanwhile
	Die       float64 // the process dies inside an operation of the database, or of a compaction
	Damage    float64 // a record is lost
	Beside    float64 // other goroutines go on inside an operation
	LowCalm   bool    // a disk is low when all other faults end
}

// Sim is one run. Same options, same run. Make it with [NewSim]; not safe for concurrent use.
type Sim struct {
	zabtest.Scheduler
	opt      SimOptions
	nodes    []*simNode // by id - 1
	links    *zabtest.Partitions
	last     [][]int64 // arrival of the last message, by direction
	clients  []*simClient
	cut      [][]bool // [client][server]
	oracle   *oracle
	living   living
	diverged divergence
	calm     bool  // liveness phase
	calmAt   int64 // since
	nextID   int   // of requests, for values that tell where they come from
	plant    planted
	Stats    SimStats
}

// violation is a broken promise; it unwinds the run.
type violation struct{ error }

func (s *Sim) violate(format string, args ...any) { panic(violation{fmt.Errorf(format, args...)}) }

func (s *Sim) trace(format string, args ...any) {
	if s.opt.Trace != nil {
		s.opt.Trace(fmt.Sprintf("%9d ", s.Now()) + fmt.Sprintf(format, args...))
	}
}

// NewSim builds servers and clients; [Sim.Run] runs them.
func NewSim(opt SimOptions) *Sim {
	s := &Sim{opt: opt, plant: plantedOutside(opt.Plant)}
	s.Rand = rand.New(rand.NewPCG(opt.Seed, 0xf011))
	s.oracle, s.living.sessions = newOracle(s), sessionTable{}
	n := opt.Core.Voters + opt.Core.Observers
	s.links = zabtest.NewPartitions(n)
	text := ""
	for i := 1; i <= n; i++ {
		role := "participant"
		if i > opt.Core.Voters {
			role = "observer"
		}
		text += fmt.Sprintf("server.%d=h%d:1:1:%s\n", i, i, role)
		s.last = append(s.last, make([]int64, n))
	}
	ens, err := zab.ParseEnsemble(text)
	if err != nil {
		panic(err)
	}
	for i := 1; i <= n; i++ {
		nd := newSimNode(s, zab.PeerID(i), ens)
		s.nodes = append(s.nodes, nd)
		s.After(s.Between(0, 3*tickLen), nd.start)
	}
	for i := range opt.Clients.Count {
		c := &simClient{sim: s, id: i}
		s.clients = append(s.clients, c)
		s.cut = append(s.cut, make([]bool, n))
		c.born()
		s.After(s.Between(0, 20*tickLen), c.step)
	}
	return s
}

// Run runs the safety phase, then the liveness phase, and returns the first violation.
func (s *Sim) Run() (err error) {
	defer func() {
		s.Stats.Events, s.Stats.Time = s.Ran(), s.Now()
		if r := recover(); r != nil {
			v, ok := r.(violation)
			if !ok {
				v.error = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
			err = fmt.Errorf("seed %d at %d ms: %w", s.opt.Seed, s.Now()/1000, v.error)
		}
	}()
	end := int64(s.opt.Core.Ticks) * tickLen
	s.After(tickLen, s.chaos)
	s.RunUntil(end)
	s.calmDown()
	return s.converge(end)
}

// chaos is the evil once per tick.
func (s *Sim) chaos() {
	if s.calm {
		return
	}
	s.After(tickLen, s.chaos)
	f := &s.opt.Core.Faults
	if s.Chance(f.Partition) {
		s.Stats.Partitions++
		s.trace("partition %s", s.links.Draw(s.Rand))
	}
	if s.Chance(f.Heal) {
		s.links.Heal()
		s.trace("heal")
	}
	for _, n := range s.nodes {
		s.haunt(n, f)
	}
	if s.Chance(f.CrashAll) {
		for _, n := range s.nodes {
			n.crash()
		}
	}
	for _, n := range s.nodes {
		if n.Running() && n.core.Status().Soft.Role == zab.Leading {
			s.order(n, f)
		}
	}
	s.hauntClients()
}

// haunt does to one server what may happen in a tick.
func (s *Sim) haunt(n *simNode, f *zabtest.Faults) {
	share := float64(len(s.nodes))
	switch {
	case !n.Up():
		if s.Chance(f.Restart) {
			n.start()
		}
	case s.Chance(f.Crash / share):
		n.crash()
	case s.Chance(f.Pause / share):
		n.pause(s.Between(tickLen, f.PauseMax))
	case s.Chance(s.opt.Faults.Image):
		n.backup()
	case s.Chance(f.Compact):
		n.checkpoint()
	case s.Chance(s.opt.Disks.Low / share):
		n.crowd(s.Between(20*tickLen, 300*tickLen))
	case s.Chance(s.opt.Disks.Damage / share):
		n.disk.damage(s)
	case s.Chance(s.opt.Faults.WallJump):
		n.clock.wall += s.Between(-3_600_000, 3_600_000)
	case s.Chance(f.Resign) && n.Running():
		n.core.Resign()
		n.drain()
	}
}

// order is what an operator does: transfers and reconfigurations.
func (s *Sim) order(n *simNode, f *zabtest.Faults) {
	if s.Chance(f.Transfer) && n.core.Transfer(zab.PeerID(1+s.Rand.IntN(len(s.nodes)))) == nil {
		s.Stats.Transfers++
		s.trace("transfer from %d", n.id)
	}
	if s.Chance(f.Reconfig) {
		n.reconfig()
	}
	n.drain()
}

// hauntClients cuts clients from servers and breaks connections.
func (s *Sim) hauntClients() {
	f := &s.opt.Faults
	for i, c := range s.clients {
		if s.Chance(f.Cut) {
			s.cut[i][s.Rand.IntN(len(s.nodes))] = true
		}
		if s.Chance(f.Mend) {
			clear(s.cut[i])
		}
		if s.Chance(f.Reset) && c.link != nil {
			c.link.reset()
		}
	}
}

// calmDown ends all faults: everyone is started, every link works, disks are fast, clients only ask and move.
func (s *Sim) calmDown() {
	if s.diverged.wrong {
		s.violate("the state of server %d is wrong, and nobody has seen it", s.opt.Diverge)
	}
	s.calm, s.calmAt = true, s.Now()
	s.links.Heal()
	s.trace("calm")
	s.opt.Core.Faults = zabtest.Faults{
		LinkFaults: zabtest.LinkFaults{DelayMin: tickLen / 100, DelayMax: tickLen / 10},
		DiskFaults: zabtest.DiskFaults{DiskMin: 1, DiskMax: tickLen / 10},
	}
	s.opt.Faults, s.opt.Disks.NoSpace = SimFaults{}, 0
	s.opt.Clients.Die, s.opt.Clients.Sleep, s.opt.Clients.Close = 0, 0, 0
	for i := range s.cut {
		clear(s.cut[i])
	}
	for _, n := range s.nodes {
		n.makeRoom()
		if n.log.at > s.Now()+tickLen || n.PausedUntil() > s.Now()+20*tickLen {
			n.crash() // a new disk, a new machine
		}
		n.start()
	}
	for _, c := range s.clients {
		c.asleep = 0
	}
	if s.opt.Disks.LowCalm {
		s.crowdCalm()
	}
}

// calmTicks is how long an ensemble without faults may need until everything is as it should be, in ticks: elections, two session
// timeouts of the dead and the patience of clients.
const calmTicks = 2500

// converge demands that within a bounded time one leader is active, every client is connected and was answered, dead sessions are gone,
// and all servers hold the same.
func (s *Sim) converge(from int64) error {
	why := "?"
	for t := from; t < from+calmTicks*tickLen; t += tickLen {
		s.RunUntil(t)
		for _, n := range s.nodes {
			if !n.Up() {
				n.start()
			}
		}
		if why = s.unsettled(); why == "" {
			s.Stats.add(s.nodes)
			return s.living.final(s)
		}
	}
	for _, n := range s.nodes {
		why += "\n  " + n.describe()
	}
	for _, c := range s.clients {
		why += "\n  " + c.describe()
	}
	return fmt.Errorf("seed %d: not converged after %d calm ticks: %s", s.opt.Seed, calmTicks, why)
}

// unsettled says what is not yet as it should be; empty if all is.
func (s *Sim) unsettled() string {
	for _, n := range s.nodes {
		if n.disk.room.low() {
			return fmt.Sprintf("the disk of server %d is low", n.id)
		}
	}
	leader := s.leader()
	if leader == nil {
		return "there is no leader, or more than one"
	}
	for _, m := range leader.core.Status().Ensemble.Committed.Members {
		n := s.nodes[m.ID-1]
		if !n.Running() || !n.soft.Active || n.state.LastZxid() != leader.state.LastZxid() {
			return fmt.Sprintf("server %d is not up to date", m.ID)
		}
	}
	for _, c := range s.clients {
		if !c.dead && (c.calmDone < 3 || c.state != clientOpen) {
			return fmt.Sprintf("client %d waits", c.id)
		}
	}
	if s.Now() < s.calmAt+(s.opt.Clients.TimeoutTo*2+4*sessionTick)*1000 {
		return "dead sessions may still live"
	}
	return ""
}

func (s *Sim) leader() (leader *simNode) {
	for _, n := range s.nodes {
		if n.Running() && n.soft.Role == zab.Leading && n.soft.Active {
			if leader != nil {
				return nil
			}
			leader = n
		}
	}
	return leader
}

// soon is the delay of a handover between goroutines: short nearly always.
func (s *Sim) soon() int64 {
	if s.Rand.IntN(20) == 0 {
		return s.Between(0, 3000)
	}
	return s.Between(0, 60)
}
