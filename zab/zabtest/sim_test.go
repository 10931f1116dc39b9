package zabtest

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab"
)

// Use: go test ./zab/zabtest -run Simulate -args -seeds=2000 -first=1; -trace prints every event of one seed.
var (
	seeds = flag.Int("seeds", 300, "number of simulated runs")
	first = flag.Uint64("first", 1, "first seed")
	trace = flag.Bool("trace", false, "print every event")
)

func TestSimulate(t *testing.T) {
	var sum Stats
	for seed := *first; seed < *first+uint64(*seeds); seed++ {
		opt := Swarm(seed)
		if *trace {
			opt.Trace = func(s string) { fmt.Fprintln(os.Stderr, s) }
		}
		s := NewSim(opt)
		if err := s.Run(); err != nil {
			t.Errorf("%v\nreplay: go test ./zab/zabtest -run Simulate -args -seeds=1 -first=%d -trace", err, seed)
			if t.Failed() && testing.Verbose() {
				continue
			}
			t.FailNow()
		}
		sum.Add(&s.Stats)
	}
	t.Logf("%d seeds, %.0f s of simulated time: %+v", *seeds, float64(sum.Time)/1e6, sum)
	if *seeds >= 300 {
		rare(t, &sum)
	}
}

// rare demands that the runs have been where it is dangerous. A simulator that does not get there proves nothing.
func rare(t *testing.T, s *Stats) {
	t.Helper()
	for name, n := range map[string]int{
		"leader change during synchronization": s.LeaderChangeInSync, "TRUNC": s.Truncs, "SNAP": s.Snaps, "image installed": s.Installs,
		"image interrupted": s.SnapInterrupted, "history pulled": s.HistoryPulls, "epoch rolled": s.EpochRolls,
		"committed by two ensembles": s.DualCommits, "torn write": s.TornWrites, "transfer": s.Transfers, "pause": s.Pauses,
		"reconfiguration": s.Reconfigs, "change by server lines": s.ByFile, "confirmed read": s.Reads, "lost disk": s.Wipes,
		"a wrong state ended its server": s.Divergences,
		"stepped down for its disk":      s.DiskSteps,
	} {
		if n == 0 {
			t.Errorf("never seen: %s", name)
		}
	}
}

// The runs in which planted bugs are hunted must be clean without them.
func TestSimulateHarsh(t *testing.T) {
	for seed := *first - 1; seed < *first-1+uint64(max(1, *seeds/3)); seed++ {
		opt := Harsh(seed)
		if *trace {
			opt.Trace = func(s string) { fmt.Fprintln(os.Stderr, s) }
		}
		if err := NewSim(opt).Run(); err != nil {
			t.Errorf("%v\nreplay: go test ./zab/zabtest -run SimulateHarsh -args -seeds=1 -first=%d -trace", err, seed+1)
			if !testing.Verbose() {
				t.FailNow()
			}
		}
	}
}

// The same with the log that is shipped: what it forgets, keeps, or tells wrongly after a power cut, a truncation or a compaction breaks a promise.
func TestSimulateShippedLog(t *testing.T) {
	var sum Stats
	for i := range uint64(max(1, *seeds/3)) {
		for name, draw := range draws {
			if !strings.HasSuffix(name, "-log") {
				continue
			}
			opt := draw(*first + i)
			if *trace {
				opt.Trace = func(s string) { fmt.Fprintln(os.Stderr, s) }
			}
			s := NewSim(opt)
			if err := s.Run(); err != nil {
				t.Errorf("%s: %v\nreplay: go test ./zab/zabtest -run SimulateShippedLog -args -seeds=1 -first=%d -trace", name, err, *first+i)
				if !testing.Verbose() {
					t.FailNow()
				}
			}
			sum.Add(&s.Stats)
		}
	}
	t.Logf("%+v", sum)
	if *seeds >= 300 && (sum.Truncs == 0 || sum.Installs == 0 || sum.Compactions == 0 || sum.TornWrites == 0) {
		t.Errorf("no truncation, image, compaction or torn write: %+v", sum)
	}
}

// Proposals have a lane of their own, and pings overtake them in it. A lane that is slow, but fast enough, must not be filled with
// repetitions until nothing new arrives any more.
func TestSlowLaneIsNotFilledWithRepetitions(t *testing.T) {
	opt := Options{
		Seed: *first, Voters: 3, Ticks: 2000, OpsPerTick: 1, OpSize: 100,
		Timing: zab.Timing{Heartbeat: 1, Election: 10},
		Faults: Faults{LinkFaults: LinkFaults{DelayMin: 50, DelayMax: 100, BulkRate: 800}, DiskFaults: DiskFaults{DiskMin: 1, DiskMax: 100}},
	}
	if *trace {
		opt.Trace = func(s string) { fmt.Fprintln(os.Stderr, s) }
	}
	s := NewSim(opt)
	late := s.nodes[2]
	s.At(100*TickLen, late.crash)
	s.At(500*TickLen, late.start)
	missing := 0
	s.At(1900*TickLen, func() { missing = max(len(s.nodes[0].applied), len(s.nodes[1].applied)) - len(late.applied) })
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	if missing > 100 {
		t.Errorf("a server that came back lacks %d transactions after 1400 ticks", missing)
	}
	least := s.Stats.Proposed * opt.OpSize * 3 // to two followers, and a part of it forwarded
	t.Logf("%d operations of %d, %d bytes in %d sent", s.Stats.Acked, s.Stats.Proposed, least, s.Stats.BulkBytes)
	if s.Stats.BulkBytes > 3*least {
		t.Errorf("%d bytes sent for %d", s.Stats.BulkBytes, least)
	}
}

// An election timeout that is shorter than a round trip elects without end. It must grow with what is measured, and shrink again: when
// the delays are over, and a while has passed, a dead leader is found dead as soon as ever.
func TestPatienceFollowsDelays(t *testing.T) {
	const election = 8
	slow := LinkFaults{DelayMin: 4 * TickLen, DelayMax: 8 * TickLen}
	opt := Options{
		Seed: *first, Voters: 3, Ticks: 4000, OpsPerTick: 0.5, OpSize: 10,
		Timing: zab.Timing{Heartbeat: 1, Election: election},
		Faults: Faults{LinkFaults: slow, DiskFaults: DiskFaults{DiskMin: 1, DiskMax: 100}},
	}
	if *trace {
		opt.Trace = func(s string) { fmt.Fprintln(os.Stderr, s) }
	}
	s := NewSim(opt)
	changes := 0
	s.At(500*TickLen, func() { changes = s.Stats.LeaderChanges })
	s.At(2000*TickLen, func() {
		if n := s.Stats.LeaderChanges - changes; n > 3 || s.Stats.Acked == 0 {
			t.Errorf("with round trips of 8 to 16 ticks there were %d changes of leadership in 1500 ticks, %d writes acknowledged", n, s.Stats.Acked)
		}
		s.opt.Faults.LinkFaults = LinkFaults{DelayMin: 50, DelayMax: 100}
	})
	took := takeover(s, 3000)
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d changes of leadership, a new leader %d ticks after the death of one", s.Stats.LeaderChanges, took())
	if took() > 2*election+6 {
		t.Errorf("a new leader after %d ticks: the patience has not shrunk", took())
	}
}

// takeover crashes the leader at a tick; what it returns tells, after the run, after how many ticks there was another one.
func takeover(s *Sim, at int64) func() int64 {
	var was, dead, led int64
	s.At(at*TickLen, func() {
		if n := s.leader(); n != nil {
			n.crash()
		}
		dead, was = s.now, int64(s.Stats.LeaderChanges)
	})
	var look func()
	look = func() {
		if int64(s.Stats.LeaderChanges) > was {
			led = s.now
			return
		}
		s.At(s.now+TickLen/10, look)
	}
	s.At(at*TickLen+1, look)
	return func() int64 {
		if led == 0 {
			return math.MaxInt64
		}
		return (led - dead) / TickLen
	}
}

// leader is the server that leads, nil if none does or if several think so.
func (s *Sim) leader() (found *node) {
	for _, n := range s.nodes {
		if n.up && n.soft.Role == zab.Leading {
			if found != nil {
				return nil
			}
			found = n
		}
	}
	return found
}

// Leaders that are paused, one after the other, are no reason for patience: the others were right to elect another, and who was paused says so. With
// patience for each of them the next leader that dies is found dead after five election timeouts.
func TestPausesCostNoPatience(t *testing.T) {
	const election = 8
	for _, voters := range []int{3, 5} {
		for seed := range uint64(20) {
			s := NewSim(Options{Seed: *first + seed, Voters: voters, Ticks: 800, OpsPerTick: 0.5, OpSize: 10, Timing: zab.Timing{Heartbeat: 1, Election: election},
				Faults: Faults{LinkFaults: LinkFaults{DelayMin: 50, DelayMax: 100}, DiskFaults: DiskFaults{DiskMin: 1, DiskMax: 100}}})
			at := int64(300)
			for range voters {
				s.At(at*TickLen, func() {
					if n := s.leader(); n != nil {
						n.pause(3 * election * TickLen)
					}
				})
				at += 5 * election
			}
			took := takeover(s, at)
			if err := s.Run(); err != nil {
				t.Fatal(err)
			}
			if took() > 3*election+6 {
				t.Errorf("%d servers, seed %d: a new leader %d ticks after the death of one", voters, s.opt.Seed, took())
			}
		}
	}
}
