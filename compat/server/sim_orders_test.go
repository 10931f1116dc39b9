package server_test

import (
	"testing"

	"github.com/paddock-zk/paddock/compat/server/servertest"
	"github.com/paddock-zk/paddock/zab/zabtest"
)

// wrongOrders are orders of the steps of a peer that break a promise, each with the ground on which that shows soon. The orders that break none
// (which of two queues is filled first, say) are held by the unit tests of zab.Ready.Hand and peer.Steps.Feed.
var wrongOrders = map[string]struct {
	order servertest.Order
	tune  func(*servertest.SimOptions)
}{
	// What is said is not durable yet: a server promises an epoch, or acknowledges an entry, that a crash takes back.
	"said before it is durable": {servertest.Order{Early: true}, func(*servertest.SimOptions) {}},
	// A question is asked of the leader before what was proposed before it. It validates the session again, which then syncs, and a write from its
	// old connection takes effect behind the sync.
	"calls before proposals": {servertest.Order{Mail: "DMCP"}, func(o *servertest.SimOptions) {
		c := &o.Clients
		c.Move, c.Stay, c.Rush, c.Zombie, c.Ops, c.Die, c.Sleep, c.Close = 0.2, 0.9, 1, 1, 1, 0, 0, 0
		o.Faults.TurnLag, o.Faults.TurnMax = 0.3, zabtest.TickLen/2
		f := &o.Core.Faults
		f.DelayMin, f.DelayMax, f.DelayTail, f.Reorder = zabtest.TickLen/200, zabtest.TickLen/5, 0.3, 0.5
		f.Loss, f.Partition, f.Crash, f.Pause, f.Reconfig, o.Core.Voters = 0, 0, 0, 0, 0, 3
	}},
	// A server is told that what it has not seen is in doubt, and what was committed before waits behind it.
	"soft state before what is committed": {servertest.Order{Ready: "LSOCRIB"}, func(*servertest.SimOptions) {}},
	// The core learns that an image is in the log, and hands out entries behind it, before the state machine was told to install it.
	"entries before the image they follow": {servertest.Order{Written: "SRI"}, func(o *servertest.SimOptions) {
		f := &o.Core.Faults
		f.Crash, f.Restart, f.Compact, f.Partition = 0.05, 0.02, 0.3, 0.01
		o.Core.Voters, o.Core.Limits.TailBytes, o.Clients.Ops = 3, 200, 1
	}},
}

// The shell's steps in a wrong order must be caught by the same checkers that pass with the right one, on the same ground.
func TestWrongOrdersAreCaught(t *testing.T) {
	for name, w := range wrongOrders {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(10) {
				o := servertest.SwarmSim(seed)
				w.tune(&o)
				if err := servertest.NewSim(o).Run(); err != nil {
					t.Errorf("with the right order: %v", err)
				}
			}
			hunt(t, name, func(o *servertest.SimOptions) {
				w.tune(o)
				o.Order = w.order
			})
		})
	}
}
