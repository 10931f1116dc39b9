package zab_test

import (
	"flag"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
)

var states = flag.Int("states", 6000, "how many states each exploration may visit")

func explorations() map[string]zabtest.Explore {
	return map[string]zabtest.Explore{
		"election from nothing":  {Servers: 3, Ticks: 3, Losses: 1, Crashes: 1},
		"broadcast with crashes": {Servers: 3, Prologue: true, Proposals: 2, Crashes: 2, Ticks: 3, Stalls: 1},
		"broadcast with losses":  {Servers: 3, Prologue: true, Proposals: 3, Losses: 2, Overtakes: 1, Crashes: 1, Ticks: 3},
		"two servers":            {Servers: 2, Prologue: true, Proposals: 2, Crashes: 1, Losses: 1, Ticks: 3, Stalls: 1},
		"alone":                  {Servers: 1, Proposals: 3, Crashes: 3, Ticks: 2, Stalls: 2},
	}
}

// Every order of events within the bounds keeps the promises.
func TestExplore(t *testing.T) {
	for name, x := range explorations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x.MaxStates, x.Fingerprint = *states, zab.Fingerprint
			rep, err := x.Run()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", rep)
		})
	}
}
