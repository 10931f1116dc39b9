// Package lock takes locks through go-zookeeper/zk and hands out their fencing tokens. It works with Paddock and with a stock ZooKeeper.
//
// # Use
//
//	s, err := lock.Connect(ctx, lock.Config{Servers: servers, Timeout: 10 * time.Second, Lineage: lineage})
//	grant, err := s.NewLock("/locks/job").Lock(ctx)
//	defer grant.Unlock(ctx)
//	// 1. seal the resource with grant.Presented()   2. read   3. write, with the token, until <-grant.Lost()
//
// [Session.NewLock] is an exclusive FIFO lock, [Session.NewRWLock] a read/write lock, [Session.NewElection] a leader election, [Session.NewSemaphore] N slots with one
// token sequence for each slot. [Session.TokenOf] makes the token of a node that another library created.
//
// # The contract
//
//   - Grants come in the order in which the requests reached the ensemble. A waiter watches only the node before it, so a release wakes one waiter.
//   - A request survives reconnects and lost replies: its node carries a random id, by which it is found again. A request whose context ends leaves no node behind.
//   - The token is the czxid of the holder's own node (the mzxid of a fence node for slots), read after the grant, and only if the node's ephemeralOwner is this session.
//   - Lost is closed as soon as the session can no longer be trusted: when no request that was sent in the last 2/3 of the session timeout has been answered. That
//     is before the server can expire the session, whatever happens to the network. Time is CLOCK_BOOTTIME, which goes on while a laptop sleeps. Lost is also closed when somebody
//     deletes the lock node. A Grant that was lost stays lost; Unlock it when the work has stopped.
//   - Lost is a courtesy: a process that is stopped cannot see it in time. What protects the data is the token.
//
// With Paddock the lineage is read from /zookeeper/lineage (again after every reconnect, since the ensemble may have been restored) and the signed token from /zookeeper/token/<path of the node>. With a stock ZooKeeper the operator gives the lineage
// and tokens are unsigned; a /zookeeper/lineage that some client has created there is not believed.
//
// # Names
//
// Nodes are named as Curator and go-zookeeper name them (_c_<id>-lock-<seq>, __READ__ and __WRIT__ for the read/write lock, latch- for elections), or as kazoo does
// (Config.Naming). We see the nodes of all of them; they see ours only under their own naming (kazoo also with extra_lock_patterns), so choose the naming of the library that
// shares the lock. Sequence numbers are compared as serial numbers and survive the wrap at 2^31, which Curator and kazoo do not.
//
// # Concurrency, debugging, testing
//
// Session and the recipes are safe from any goroutine; each Lock call is a request of its own (locks are not re-entrant: H25, H26). The tests run against a real ZooKeeper through
// a proxy that loses replies and stops links, and against fake time.
package lock
