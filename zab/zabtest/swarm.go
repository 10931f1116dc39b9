package zabtest

import (
	"math/rand/v2"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Swarm draws the options of a run from its seed: every run has its own mix of faults, many of them absent, because faults
// hide each other.
func Swarm(seed uint64) Options {
	r := rand.New(rand.NewPCG(seed, 0x5a5a))
	maybe := func(p, v float64) float64 {
		if r.Float64() < p {
			return v * r.Float64()
		}
		return 0
	}
	o := Options{
		Seed:       seed,
		Voters:     [...]int{1, 2, 3, 3, 3, 3, 4, 5, 5, 5}[r.IntN(10)],
		Observers:  [...]int{0, 0, 0, 1, 2}[r.IntN(5)],
		Ticks:      300 + r.IntN(900),
		OpsPerTick: 0.2 + 2*r.Float64(),
		OpSize:     8 + r.IntN(200),
		Timing:     zab.Timing{Heartbeat: 1 + r.IntN(2), Election: 8 + r.IntN(8)},
		Limits:     zab.Limits{BatchBytes: 100 + r.IntN(3000), InflightBytes: 300 + r.IntN(8000), TailBytes: 200 + r.IntN(8000), SnapshotsAtOnce: 1 + r.IntN(3)},
	}
	if r.IntN(3) == 0 {
		o.Limits.LastCounter = uint32(5 + r.IntN(60))
	}
	f := &o.Faults // the order of the draws is what a seed means: add new ones at the end
	f.Loss, f.Dup, f.Reorder = maybe(0.5, 0.3), maybe(0.4, 0.5), maybe(0.4, 0.5)
	f.DelayMin, f.DelayMax, f.DelayTail = 50, 100+int64(r.IntN(TickLen)), maybe(0.3, 0.1)
	f.Partition, f.Heal = maybe(0.7, 0.1), maybe(0.9, 0.1)
	f.Crash, f.Restart, f.CrashAll = maybe(0.7, 0.1), 0.01+maybe(1, 0.2), maybe(0.2, 0.01)
	f.Pause, f.PauseMax = maybe(0.4, 0.1), 2*TickLen+int64(r.IntN(40*TickLen))
	f.DiskMin, f.DiskMax = 1, 10+int64(r.IntN(2*TickLen))
	f.Stall, f.StallMax = maybe(0.3, 0.02), int64(r.IntN(60*TickLen))
	f.Torn, f.Compact, f.SnapFail = maybe(0.7, 1), maybe(0.6, 0.05), maybe(0.5, 0.7)
	f.Transfer, f.Reconfig, f.Resign, f.Read = maybe(0.4, 0.1), maybe(0.4, 0.1), maybe(0.2, 0.01), 0.5
	if r.IntN(4) == 0 {
		f.BulkRate = 200 + r.IntN(5000)
	}
	f.Suspect = maybe(0.4, 0.1)
	f.Wipe = maybe(0.3, 0.3)
	f.ApplyLag, f.ApplyMax = maybe(0.4, 0.5), int64(1+r.IntN(40*TickLen))
	if r.IntN(2) == 0 {
		o.Limits.ApplyBytes = 100 + r.IntN(8000)
	}
	f.Diverge = maybe(0.3, 0.05)
	if r.IntN(3) == 0 {
		o.Bootstrap = zxid.New(5, 0)
	}
	if r.IntN(5) == 0 { // one server had data before it got others; nobody may found anything without it
		o.Old, o.Timing.Found = 1+r.IntN(30), -1
	}
	if r.IntN(3) == 0 {
		f.Lines = 0.2 * r.Float64()
	}
	return o
}

// Add sums statistics over runs.
func (a *Stats) Add(b *Stats) {
	x, y := a.fields(), b.fields()
	for i := range x {
		*x[i] += *y[i]
	}
	a.Time += b.Time
}

func (a *Stats) fields() []*int {
	return []*int{&a.Events, &a.Messages, &a.Dropped, &a.Crashes, &a.Pauses, &a.Partitions, &a.Transfers, &a.Reconfigs, &a.Compactions,
		&a.Proposed, &a.Acked, &a.Reads, &a.LeaderChanges, &a.LeaderChangeInSync, &a.ByFile, &a.SnapInterrupted, &a.TornWrites, &a.BulkBytes, &a.Wipes, &a.Divergences,
		&a.Diffs, &a.Truncs, &a.Snaps, &a.Installs, &a.HistoryPulls, &a.EpochRolls, &a.DualCommits, &a.DiskSteps}
}

// Harsh is [Swarm] with everything that makes rare mistakes frequent: small ensembles, slow disks, many crashes, short runs.
func Harsh(seed uint64) Options {
	o := Swarm(seed)
	r := rand.New(rand.NewPCG(seed, 0x4a55))
	o.Voters, o.Ticks = 3+2*r.IntN(2), 400
	f := &o.Faults
	f.Crash, f.Restart, f.CrashAll = 0.05+0.1*r.Float64(), 0.1+0.2*r.Float64(), 0.01*r.Float64()
	f.Partition, f.Heal = 0.02+0.1*r.Float64(), 0.02+0.1*r.Float64()
	f.DiskMax = int64(TickLen/2 + r.IntN(4*TickLen))
	return o
}
