package zab_test

import (
	"flag"
	"testing"

	"github.com/paddock-zk/paddock/zab/zabtest"
)

var bugSeeds = flag.Int("bugseeds", 600, "how many seeds may be needed to catch a planted bug")

// Mistakes of the owner of a core, planted, are caught by the simulator too. Those of the core are in planted_test.go.
func TestMistakesOfAnOwnerAreCaught(t *testing.T) {
	t.Run("failed truncate taken as done", func(t *testing.T) {
		hunt(t, func(o *zabtest.Options) { o.FailTruncate = true })
	})
	t.Run("image with uncommitted entries", func(t *testing.T) {
		hunt(t, func(o *zabtest.Options) { o.ImageUncommitted = true })
	})
}

// hunt runs seeds with a planted mistake until a checker complains.
func hunt(t *testing.T, plant func(*zabtest.Options)) {
	t.Helper()
	for seed := range uint64(*bugSeeds) {
		opt := zabtest.Harsh(seed)
		plant(&opt)
		if err := zabtest.NewSim(opt).Run(); err != nil {
			t.Logf("after %d runs: %v", seed+1, err)
			return
		}
	}
	t.Errorf("not caught in %d runs", *bugSeeds)
}
