package servertest

import (
	"math/rand/v2"

	"github.com/paddock-zk/paddock/zab/zabtest"
)

// SwarmSim draws the options of a run from its seed: every run has its own mix of faults, many of them absent, because faults hide
// each other.
func SwarmSim(seed uint64) SimOptions {
	r := rand.New(rand.NewPCG(seed, 0xf012))
	maybe := func(p, v float64) float64 {
		if r.Float64() < p {
			return v * r.Float64()
		}
		return 0
	}
	o := SimOptions{Seed: seed, Core: zabtest.Swarm(seed)}
	o.Core.Voters = [...]int{1, 3, 3, 3, 3, 3, 5, 5}[r.IntN(8)]
	o.Core.Observers = [...]int{0, 0, 0, 1}[r.IntN(4)]
	o.Core.Ticks = 400 + r.IntN(800)
	o.Core.Limits.BatchBytes += 2000
	o.Core.Limits.InflightBytes += 8000
	f := &o.Core.Faults
	f.Restart = max(f.Restart, 0.02)
	f.Heal = max(f.Heal, 0.01)
	f.Partition, f.Crash, f.Pause = f.Partition/3, f.Crash/3, f.Pause/3 // a session lives longer than an election
	f.Compact /= 2
	o.Clients = ClientOptions{
		Count: 2 + r.IntN(5), Ops: 0.05 + 0.3*r.Float64(),
		Move: maybe(0.7, 0.02), Zombie: maybe(0.7, 1), Die: maybe(0.5, 0.004), Close: maybe(0.5, 0.01), Sleep: maybe(0.4, 0.005),
		Linearize: r.IntN(6) == 0, TimeoutFrom: 500 + r.Int64N(1000),
	}
	o.Clients.TimeoutTo = o.Clients.TimeoutFrom + r.Int64N(1000)
	o.Faults = SimFaults{
		Cut: maybe(0.5, 0.01), Mend: 0.01 + maybe(0.5, 0.05), Reset: maybe(0.5, 0.01), WallJump: maybe(0.3, 0.01),
		Drift: maybe(0.5, 0.02), Image: maybe(0.5, 0.02), ApplyLag: maybe(0.5, 0.1), ApplyMax: 1000 + r.Int64N(10*zabtest.TickLen),
	}
	o.Clients.Stay, o.Clients.Rush = maybe(0.5, 0.7), maybe(0.5, 1)
	o.Faults.TurnLag, o.Faults.TurnMax = maybe(0.3, 0.1), 1000+r.Int64N(zabtest.TickLen)
	o.Disks = SimDisks{
		Every: int64(1+r.IntN(30)) * zabtest.TickLen, SnapCount: uint32(1 + r.IntN([...]int{4, 20, 60}[r.IntN(3)])), Images: 1 + r.IntN(3), Low: maybe(0.4, 0.02), GiveUp: maybe(0.6, 1), Die: maybe(0.3, 0.05),
		Damage: maybe(0.2, 0.01), Beside: maybe(0.6, 0.5), LowCalm: r.IntN(4) == 0,
	}
	if r.IntN(3) == 0 {
		o.Disks.NoSpace = 1 + r.IntN(6)
	}
	return o
}
