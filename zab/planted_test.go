//go:build planted

package zab_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// tunes make the ground for a mistake that needs rare circumstances.
var tunes = map[string]func(*zabtest.Options){
	// The old entries must be replicated while NEWLEADER is not: one entry at a time, and leaders that live shortly.
	"old epochs by counting": func(o *zabtest.Options) {
		o.Limits.BatchBytes, o.Limits.InflightBytes, o.Voters, o.Observers, o.OpsPerTick = 1, 1, 3, 0, 4
		f := &o.Faults
		f.Crash, f.Restart, f.Reconfig, f.Compact, f.Loss = 0.3, 0.3, 0, 0, 0
		f.DelayMax, f.DiskMax = zabtest.TickLen/3, 2*zabtest.TickLen
	},
	// A leader must be deposed, not notice, and be asked in just that while: its followers suspect it too soon, and it is cut off.
	"read without a round": func(o *zabtest.Options) {
		f := &o.Faults
		f.Read, f.Suspect, f.Partition, f.Heal, f.Crash, f.CrashAll, f.Loss = 1, 1, 0.1, 0.1, 0, 0, 0
		f.DiskMax = 100
	},
	"reconfig by new quorum only": func(o *zabtest.Options) { o.Faults.Reconfig, o.Voters = 0.2, 5 },
	"empty majority founds":       func(o *zabtest.Options) { o.Voters, o.Old, o.Timing.Found = 3, 5, -1 },
	// Servers lose their disks and come back with the lines that they were founded with, until these are a majority.
	"old file counts": func(o *zabtest.Options) {
		lines(o, 0.3)
		o.Faults.Wipe, o.Faults.Crash, o.Faults.Restart = 0.8, 0.1, 0.5
	},
	"file without a majority": func(o *zabtest.Options) { lines(o, 0.1) },
	"reconfig forgotten":      func(o *zabtest.Options) { o.Faults.Reconfig, o.Voters, o.Bootstrap = 0.2, 5, zxid.New(50, 0) },
}

// lines makes a run in which server lines change.
func lines(o *zabtest.Options, p float64) {
	o.Voters, o.Old = 3, 0
	o.Faults.Lines, o.Faults.Reconfig = p, 0
}

// A checker that never fires proves nothing. Every known mistake of ZAB implementations, planted, must be caught by the same
// simulator and the same checkers that pass without it.
func TestPlantedBugsAreCaught(t *testing.T) {
	names := slices.Sorted(maps.Keys(zab.Planted))
	names = slices.DeleteFunc(names, func(s string) bool { return s == "no pre-vote" }) // liveness: its own test
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			hunt(t, func(o *zabtest.Options) {
				if tune := tunes[name]; tune != nil {
					tune(o)
				}
				o.OnCore = func(c *zab.Core) { zab.Plant(c, name) }
			})
		})
	}
}

// The explorer finds a planted mistake too.
func TestExploreFindsAMistake(t *testing.T) {
	x := zabtest.Explore{Servers: 3, Prologue: true, Proposals: 2, Losses: 1, Ticks: 2, MaxStates: 4 * *states, Fingerprint: zab.Fingerprint}
	x.OnCore = func(c *zab.Core) { zab.Plant(c, "prev check skipped") }
	rep, err := x.Run()
	if err == nil {
		t.Fatalf("not found: %+v", rep)
	}
	t.Logf("after %d states: %v", rep.States, err)
}

// Without pre-vote and withheld votes, a follower that comes and goes costs epochs; TestPreVoteKeepsTheLeader would notice.
func TestWithoutPreVoteAFollowerDisturbs(t *testing.T) {
	if n := flap(zabtest.NewStory(3, 0, 0, func(c *zab.Core) { zab.Plant(c, "no pre-vote") })); n < 3 {
		t.Errorf("without pre-vote it cost only %d epochs: the test shows nothing", n)
	}
}
