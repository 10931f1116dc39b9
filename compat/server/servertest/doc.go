// Package servertest has what tests of compat/server need instead of an ensemble over real links.
//
// # History
//
// A [History] orders transactions inside one process, without a network and a disk. It takes the place of peer.Peer: it gives every
// proposal the next zxid and applies it to all servers that joined, in order, from one goroutine: at once, or (Hold) when the test says
// so with Commit. Confirmations of reads come behind everything that was proposed before them. Ask goes to the first server, which leads.
//
// # Sim
//
// A [Sim] is a whole ensemble and its clients in one goroutine, driven by one seed: the real peer.Peer with its core, taken step by step
// (peer.Steps), the real txnlog.Log on a fake disk that tears writes (faultfs), the real store.Follower on a database in memory that
// loses, refuses and damages (storetest), the real server.Server with its pipelines, sessions, watches and tokens, the real znode.State, and
// real frames; on a fake network and fake clocks. Between core, log, applier, database, connections and clients everything that happens
// concurrently in a real server is an event of its own with a random delay. Same options, same run.
//
//	sim.go        the run: safety phase, liveness phase, faults        orders.go     wrong orders of the peer's steps
//	node.go       a server's life: start, crash, pause, clock          shell.go      when the peer's steps are taken; images on their way
//	disk.go       the durable state: flush, checkpoint, backup, faults space.go      low disks, and who must know of them
//	diverge.go    a server whose state is wrong, and its refill
//	link.go       one client connection                                client.go     a client as ZooKeeper's behave: session, pings, moves
//	request.go    what clients ask                                     replies.go    what they demand of the answers
//	watching.go   what they demand of events                           oracle.go     the one history, replayed once more
//	living.go     sessions: who may end, who must                      plant.go      mistakes, to see that all this catches them
//
// The checkers look at nothing inside a server except for digests. The oracle is one more znode.State that is fed the first time that
// any server applies a zxid; everybody else must repeat it, and every answer to a client is compared with the oracle at the zxid in its
// header: reads are exact, writes are exactly that request, a session's zxids never fall, what was acknowledged before a write was sent
// has a lower zxid, an event came before any answer at or behind its zxid, once, and only if a watch was left.
//
// The durable state is held against the oracle too: what a start has loaded, every image that is shipped, given out as a backup, or stands for log
// that is dropped. A batch of changes that gets lost shows when the records of the next image do not add up. While the leader knows of a low disk,
// nothing that grows may pass without the flag that refuses it, and nothing with the flag may grow; a leader that has followers for a while must know.
//
// # How to debug and test
//
// go test ./compat/server/servertest -run Simulate -args -seeds=1000 -first=1; a failing seed prints its own command, which adds -trace.
package servertest
