// Package znode is the replicated state of the ensemble: the tree of znodes, the table of sessions, quotas, and a few private records.
// It is a pure machine: the same transactions in the same order give the same state, the same results and the same digest on every
// server, live and in replay. It starts no goroutine, reads no clock, touches no file.
//
// # Contract
//
// The history carries requests, not outcomes: [State.Apply] judges a transaction and applies it, in one function. It is total: whatever
// a client managed to get into the log has a defined outcome. Semantics, and the order in which checks win over each other, are those of
// Apache ZooKeeper 3.9.5 (PrepRequestProcessor, DataTree, FinalRequestProcessor). A change of semantics needs a new format version in
// [AppendTxn], because two releases must agree on every entry. Where we differ on purpose:
//
//   - a TTL request whose flags are not TTL flags is refused (ErrBadArguments) whatever its ttl; there it can stop the server;
//   - deleteContainer collects only what is still spent when it is applied; there any childless node but an ephemeral;
//   - the sequence counter wraps from 2147483647 to -2147483648; there DataTree keeps the maximum and sequential creates get stuck;
//   - quota limits inside a multi see the parts before; statistics that cannot be parsed are left alone; there they stop the server;
//   - ephemerals of a closing session go in the order of their creation, so that all servers agree on the order of events.
//
// # Memory
//
// A znode of 100 bytes costs about 230 bytes of heap, and nothing the garbage collector would have to look at:
//
//	node     104-byte record in a slab of 1024, addressed by number; links to parent, first child and siblings are such numbers
//	arena    name and data in one block of a size class
//	index    5 bytes a slot: finds a node by the hash of its path, confirmed by comparing names up to the root
//	aclTable lists of ACLs, interned and counted
//
// The hash of a path (pathHash) is also the node's identity in the digest. It is not keyed: a client that makes names collide on purpose
// gets slow lookups of those names, nothing worse.
//
// # Concurrency
//
// A State is not locked. Apply, DrainChanges, the loaders and importers need it alone. Reads (read.go, Dump, Walk, CheckInvariants,
// ExpiredContainers) only read and may run at the same time as each other. What they return aliases the state where the comment says so.
//
// # Images
//
// The state as (key, value) records (record.go) serves the store, checkpoint files and the transfer to a peer alike: DrainChanges hands
// out what changed, Dump everything, LoadRecord takes them back in any order, EndLoad verifies the digest.
//
// # Debugging and testing
//
// [State.CheckInvariants] recomputes everything that is kept incrementally; tests call it after every step and a command may call it on
// real data. Stories in testdata/znode read as request and reply; TestApplyAgainstModel compares random histories with a map-based second
// implementation, a second server, and a server reloaded from its own changes. Decoders have fuzz targets.
package znode
