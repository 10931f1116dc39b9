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
// a missing one only raises pzxid, and everything else is absolute (DataTree.processTxn). What only the transactions behind a snapshot
// explain (an ACL list that is not in its table, a node that was gone when its turn came) is explained by them.
//
// Nothing is lost without a word. Every transaction must follow the one before it: a gap before, between or inside logs, an entry that
// is damaged, an operation on a node that nothing made, a snapshot that shows more than the logs tell, are a [LossError] that names file,
// offset and zxid. Options.AcceptLoss goes on with what is left, and the report says the same. Only a torn entry is no loss: the
// last of a log, with nothing whole behind it. A snapshot that is damaged is passed over for an older one, if the logs cover the gap.
// Every length is bounded before memory is given to it.
//
// # Concurrency
//
// None: a load or a write belongs to one goroutine.
package datadir
