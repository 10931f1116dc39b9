// Package zabtest is where [zab.Core] is tried: fake disks, a fake network, a fake clock, and checkers that are always on.
//
//   - [Sim] runs a whole ensemble from one seed: loss, delay, duplicates, reordering, partitions in eight shapes, crashes with lost and
//     torn writes, lost disks, pauses, stalled disks, a slow lane for what is large, false suspicions, compaction, images, transfers,
//     reconfigurations, epochs that run out. [Swarm] draws the mix
//     of faults from the seed. A run ends with a calm phase in which everything must converge (liveness).
//   - [Checker] holds what was promised to the world: one leader for an epoch, one history, nothing acknowledged lost, no operation
//     twice, the order of each client link, no stale confirmed read. It does not know how the servers work.
//   - [Explore] walks through all orders of events of a small ensemble, within bounds: model checking of the code.
//   - [Story] runs commands in plain words; the stories are in testdata/zab.
//   - [Disk] is a [zab.Log] that loses what is not durable in a crash. [LogDisk] is the shipped log in its place (Options.ShippedLog), so that its
//     truncations, compactions and recoveries are judged by the promises as well.
//
// Same seed and same code, same run. To see a failed run: go test ./zab/zabtest -run Simulate -args -seeds=1 -first=N -trace.
// Everything here runs on one goroutine. Mistakes are planted by the tests of package zab, to see that the checkers find them (go test -tags planted ./zab).
package zabtest
