package zabtest

import (
	"fmt"
	"math/rand/v2"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// TickLen is the length of a core's tick in units of simulated time (think of microseconds: a tick is 10 ms).
const TickLen = 10_000

// Options say what one simulated run is like. [Swarm] draws them from a seed.
type Options struct {
	Seed       uint64
	Voters     int
	Observers  int
	Ticks      int // length of the safety phase
	Faults     Faults
	Timing     zab.Timing
	Limits     zab.Limits
	OpsPerTick float64
	OpSize     int
	// Old is how many operations the first server holds from a time when it was alone; the others are empty, and must get them.
	Old int
	// Bootstrap is the version that the servers' configuration files bear; it must not matter.
	Bootstrap zxid.ID
	// ShippedLog gives the servers the log that is shipped, on a disk in memory, in the place of a model of it.
	ShippedLog bool
	// OnCore sees every core right after it was made; tests plant bugs with it.
	OnCore func(*zab.Core)
	// Disk and image mistakes that can be planted.
	FailTruncate     bool
	ImageUncommitted bool
	Trace            func(string) // every event, for a failing seed
}

// Faults are probabilities and sizes. Zero means never.
type Faults struct {
	LinkFaults
	DiskFaults
	Crash, Restart     float64 // per tick, for some server
	CrashAll           float64
	Wipe               float64 // of a crash: the disk is lost, if no other is
	Pause              float64
	PauseMax           int64
	Compact, SnapFail  float64
	Transfer, Reconfig float64
	Resign, Read       float64
	Suspect            float64
	ApplyLag           float64 // of a batch: the core learns late that it is applied
	ApplyMax           int64
	Diverge            float64 // per tick: the state of a server goes wrong, if that of no other is
	Lines              float64 // per tick: a server is restarted with the newest server lines; a fourth as often there are newer ones
}

// LinkFaults happen to messages.
type LinkFaults struct {
	Loss, Dup, Reorder float64
	DelayMin, DelayMax int64   // one way
	DelayTail          float64 // chance of ten times the delay
	BulkRate           int     // bytes a tick in the lane of what is large; 0 is no limit
	Partition          float64 // per tick: draw a new one
	Heal               float64 // per tick
}

// DiskFaults happen to batches of the log.
type DiskFaults struct {
	DiskMin, DiskMax int64
	Stall            float64 // per batch
	StallMax         int64
	Torn             float64 // of a crash
}

// Sim is one run: servers with fake disks, a fake network and a fake clock, driven by one seed. Same options, same run.
type Sim struct {
	Scheduler
	opt     Options
	nodes   []*node // by id - 1
	net     network
	check   *Checker
	nextOp  uint64
	nextCtx uint64
	Stats   Stats
	calm    bool // liveness phase: no more faults
	files   files
}

// Stats count what a run has seen.
type Stats struct {
	Events, Messages, Dropped, Crashes, Pauses, Partitions, Transfers, Reconfigs int
	Compactions, Proposed, Acked, Reads, LeaderChanges, LeaderChangeInSync       int
	SnapInterrupted, BulkBytes, ByFile                                           int
	DiskStats
	zab.Counters
	Time int64
}

// DiskStats count what has happened to disks and to the states that they hold.
type DiskStats struct {
	TornWrites  int
	Wipes       int // disks that were lost or emptied
	Divergences int // servers that ended since their states were wrong
}

// NewSim builds the servers; [Sim.Run] runs them.
func NewSim(opt Options) *Sim {
	s := &Sim{opt: opt, check: NewChecker(), nextOp: 1, nextCtx: 1}
	s.Rand = rand.New(rand.NewPCG(opt.Seed, 0x5eed))
	if s.opt.Faults.Lines > 0 { // nobody may found anything by new lines, and the last ones must be for servers that all can be had
		s.opt.Timing.Found, s.opt.Faults.Diverge = -1, 0
	}
	n := opt.Voters + opt.Observers
	s.net = newNetwork(n)
	text := ""
	for i := 1; i <= n; i++ {
		role := "participant"
		if i > opt.Voters {
			role = "observer"
		}
		text += fmt.Sprintf("server.%d=h%d:1:1:%s\n", i, i, role)
	}
	ens, err := zab.ParseEnsemble(text)
	if err != nil {
		panic(err)
	}
	s.files = files{lines: []zab.Ensemble{ens}, asked: map[zxid.ID]int{}}
	for i := 1; i <= n; i++ {
		nd := &node{Process: NewProcess(&s.Scheduler, nil), sim: s, id: zab.PeerID(i)}
		nd.disk = nd.newStorage()
		nd.give(0)
		s.nodes = append(s.nodes, nd)
		at := s.Between(0, 3*TickLen)
		if i == 1 && opt.Old > 0 {
			nd.wasAlone(opt.Old)
			at = s.Between(0, 50*TickLen)
		}
		s.At(at, func() { nd.start() })
	}
	return s
}

// Run runs the safety phase, then the liveness phase, and returns the first violation.
func (s *Sim) Run() (err error) {
	defer func() {
		if r := recover(); r != nil {
			if v, ok := r.(violation); ok {
				err = fmt.Errorf("seed %d at %d ticks: %w", s.opt.Seed, s.now/TickLen, v.error)
				return
			}
			err = fmt.Errorf("seed %d at %d ticks: panic: %v", s.opt.Seed, s.now/TickLen, r)
		}
	}()
	defer func() { s.Stats.Time, s.Stats.Events = s.now, s.ran }()
	end := int64(s.opt.Ticks) * TickLen
	s.At(TickLen, s.chaos)
	s.RunUntil(end)
	s.calmDown()
	return s.converge(end)
}

// violation is a broken promise; it unwinds the run.
type violation struct{ error }

func (s *Sim) violate(format string, args ...any) { panic(violation{fmt.Errorf(format, args...)}) }

func (s *Sim) trace(format string, args ...any) {
	if s.opt.Trace != nil {
		s.opt.Trace(fmt.Sprintf("%8d ", s.now) + fmt.Sprintf(format, args...))
	}
}

// chaos is the evil once per tick.
func (s *Sim) chaos() {
	if s.calm {
		return
	}
	s.At(s.now+TickLen, s.chaos)
	f := &s.opt.Faults
	if s.Chance(f.Partition) {
		s.Stats.Partitions++
		s.trace("partition %s", s.net.draw(s.Rand))
	}
	if s.Chance(f.Heal) {
		s.net.heal()
		s.trace("heal")
	}
	for _, n := range s.nodes {
		switch {
		case n.diverged != nil:
			n.refill()
		case !n.up:
			if s.now > n.away && s.Chance(f.Restart) {
				n.start()
			}
		case s.Chance(f.Crash / float64(len(s.nodes))):
			if n.crash(); s.Chance(f.Wipe) {
				n.wipe()
			}
		case s.Chance(f.Pause / float64(len(s.nodes))):
			n.pause(s.Between(TickLen, f.PauseMax))
		case s.Chance(f.Compact):
			n.compact()
		case s.Chance(f.Resign):
			n.core.Resign()
			n.work()
		case s.Chance(f.Suspect): // rightly or wrongly
			n.core.Suspect(zab.PeerID(1 + s.Rand.IntN(len(s.nodes))))
			n.work()
		case s.Chance(f.Diverge / float64(len(s.nodes))):
			n.diverge()
		}
	}
	if s.Chance(f.CrashAll) {
		for _, n := range s.nodes {
			n.crash()
		}
	}
	s.order(f)
	s.operate()
	s.clients()
}

// order is what an operator does: transfers and reconfigurations.
func (s *Sim) order(f *Faults) {
	for _, n := range s.nodes {
		if !n.Running() || n.soft.Role != zab.Leading {
			continue
		}
		if s.Chance(f.Transfer) && n.core.Transfer(zab.PeerID(1+s.Rand.IntN(len(s.nodes)))) == nil {
			s.Stats.Transfers++
		}
		if s.Chance(f.Reconfig) && !s.someWrong() { // one who is to be emptied must not become indispensable meanwhile
			n.reconfig()
		}
		n.work()
	}
}

// clients send operations and reads to random servers.
func (s *Sim) clients() {
	for k := s.opt.OpsPerTick; k > 0; k-- {
		if k < 1 && !s.Chance(k) {
			break
		}
		n := s.nodes[s.Rand.IntN(len(s.nodes))]
		if n.Running() {
			n.submit(1 + s.Rand.IntN(3))
		}
	}
	if s.Chance(s.opt.Faults.Read) {
		if n := s.nodes[s.Rand.IntN(len(s.nodes))]; n.Running() {
			n.read()
		}
	}
}

// calmDown ends all faults: everyone is started, every link works, disks are fast.
func (s *Sim) calmDown() {
	s.calm = true
	s.net.heal()
	s.net.quicken()
	f := &s.opt.Faults
	*f = Faults{Lines: f.Lines, LinkFaults: LinkFaults{DelayMin: TickLen / 100, DelayMax: TickLen / 10}, DiskFaults: DiskFaults{DiskMin: 1, DiskMax: TickLen / 10}}
	for _, n := range s.nodes {
		if n.diverged != nil {
			continue
		}
		if n.diskAt > s.now+TickLen {
			n.crash() // its disk would stall for long: a new one
		}
		if !n.up && s.now > n.away {
			n.start()
		}
	}
}

// converge demands that within a bounded time there is one leader, that a new operation is acknowledged, and that everyone who
// belongs to the ensemble has applied the same.
func (s *Sim) converge(from int64) error {
	limit := from + 400*TickLen
	if s.opt.Faults.Lines > 0 {
		limit += 400 * TickLen // for the last lines
	}
	for t := from; t < limit; t += TickLen {
		s.RunUntil(t)
		for _, n := range s.nodes {
			if n.diverged != nil {
				n.refill()
			}
			if !n.up && n.fatal == nil && t > n.away {
				n.start()
			}
		}
		if s.settled() {
			return s.check.final(s)
		}
	}
	msg := ""
	for _, n := range s.nodes {
		if n.up {
			msg += "\n  " + n.core.Status().String() + " " + n.core.Status().Why + fmt.Sprintf(" %+v", n.core.Status().Learners)
		} else {
			msg += fmt.Sprintf("\n  %d down %v", n.id, n.fatal)
		}
	}
	return fmt.Errorf("seed %d: not converged after %d calm ticks%s", s.opt.Seed, (limit-from)/TickLen, msg)
}

// settled: some leader's ensemble has all applied the same, including an operation proposed in the calm.
func (s *Sim) settled() bool {
	var leader *node
	for _, n := range s.nodes {
		if n.Running() && n.soft.Role == zab.Leading && n.soft.Active {
			if leader != nil {
				return false
			}
			leader = n
		}
	}
	if leader == nil {
		return false
	}
	if leader.calmOp == 0 {
		leader.calmOp = s.nextOp
		if !leader.submit(1) {
			leader.calmOp = 0
		}
		return false
	}
	if !s.check.acked[leader.calmOp] {
		return false
	}
	for _, m := range leader.core.Status().Ensemble.Committed.Members {
		n := s.nodes[m.ID-1]
		if n.diverged != nil && !s.mayLose(n) {
			continue // a server that was left behind still counts on the disk of this one: nobody may empty it
		}
		if !n.Running() || len(n.applied) != len(leader.applied) || !n.soft.Active {
			return false
		}
	}
	return s.finish(leader)
}

// Checker returns the checker, for its findings.
func (s *Sim) Checker() *Checker { return s.check }
