package server_test

import (
	"flag"
	"maps"
	"slices"
	"testing"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/server/servertest"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
)

var bugSeeds = flag.Int("bugseeds", 400, "how many seeds may be needed to catch a planted bug")

// tunes make the ground for a mistake that needs rare circumstances.
var tunes = map[string]func(*servertest.SimOptions){
	// Many short pauses, slow links, and clients that die: a session must be late while the leader asks its quorum.
	"expiry without proved leadership": func(o *servertest.SimOptions) {
		f := &o.Core.Faults
		f.Pause, f.PauseMax, f.Partition, f.Crash, f.Loss = 0.3, 15*zabtest.TickLen, 0, 0, 0
		f.DelayMin, f.DelayMax, f.DelayTail = 2*zabtest.TickLen, 4*zabtest.TickLen, 0
		o.Core.Timing.Election, o.Core.Voters = 20, 3
		o.Clients.Count, o.Clients.Die = 8, 0.02
	},
}

// A checker that never fires proves nothing. Mistakes that servers have made, planted in ours or around it, must be caught by the same
// simulator and the same checkers that pass without them.
func TestPlantedBugsAreCaught(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(server.Planted)) {
		t.Run(name, func(t *testing.T) {
			hunt(t, name, func(o *servertest.SimOptions) {
				o.OnServe = func(_ zab.PeerID, o *server.Options) { server.Plant(o, name) }
			})
		})
	}
	for _, name := range servertest.PlantedOutside() {
		t.Run(name, func(t *testing.T) {
			hunt(t, name, func(o *servertest.SimOptions) { o.Plant = name })
		})
	}
}

// The ground that was made for a mistake must be clean without it.
func TestTunedRunsAreClean(t *testing.T) {
	for name, tune := range tunes {
		for seed := range uint64(15) {
			o := servertest.SwarmSim(seed)
			tune(&o)
			if err := servertest.NewSim(o).Run(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// hunt runs seeds with a planted mistake until a checker complains.
func hunt(t *testing.T, name string, plant func(*servertest.SimOptions)) {
	t.Helper()
	for seed := range uint64(*bugSeeds) {
		o := servertest.SwarmSim(seed)
		plant(&o)
		if tune := tunes[name]; tune != nil {
			tune(&o)
		}
		if err := servertest.NewSim(o).Run(); err != nil {
			t.Logf("after %d runs: %v", seed+1, err)
			return
		}
	}
	t.Errorf("not caught in %d runs", *bugSeeds)
}
