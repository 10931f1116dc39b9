// Package datadir reads and writes the data directory of an Apache ZooKeeper server: snapshots and transaction logs, format version 2, as
// ZooKeeper 3.4 to 3.9 write them, in all their compressions.
//
// # What it is
//
// [Load] finds the newest snapshot that is whole, replays the logs behind it, and puts the result into a znode.State: zxids,
// versions, raw cversions, ACLs, times, ephemerals and their sessions are kept as they are. [WriteSnapshot] writes a snapshot that ZooKeeper 3.9 loads.
//
// # Contract
//
// A snapshot of ZooKeeper is fuzzy: its name is the zxid at which writing it began, its content may already hold later changes. Replay
// therefore starts behind the name and is idempotent: a create of an existing node only raises its parent's cversion and pzxid, a delete of
// a missing one only raises pzxid, and everything else is absolute (DataTree.processTxn). A snapshot that is damaged is skipped, with
// a warning, in favour of an older one only if the logs cover the gap. A log whose last entry is torn ends there; damage anywhere
// else is an error that names file and offset. Every length is bounded before memory is given to it.
//
// # Concurrency
//
// None: a load or a write belongs to one goroutine.
package datadir
