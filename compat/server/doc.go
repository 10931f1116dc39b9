// Package server keeps ZooKeeper's promises to clients: sessions, order, watches, the shape of every reply.
//
// # The life of a write
//
//  1. The connection's goroutine gets all frames that its socket has (conn.Receive), in one turn.
//  2. A write becomes a znode.Txn with a number (Txn.Origin), is noted in the session's [Pipeline], and all writes of the turn are
//     proposed at once ([Orderer.Propose]).
//  3. The committed entry comes back on every server ([Server.Apply]) on the peer's goroutine: the state judges and changes under its
//     write lock, then events go to the out buffers of local watchers, then the reply to the connection that asked, then the reads of
//     that session which waited. A chunk of entries shares one lock.
//  4. The touched connections are flushed, by the flushers if they are many, so that the next chunk does not wait for sockets.
//
// # The life of a read
//
// If nothing of its session waits, it runs at once on the connection's goroutine, under the state's read lock, and its watch is
// registered under the same lock. Else it waits in the Pipeline and runs when it comes to the head. It never crosses to another
// goroutine otherwise. sync (and every read, with LinearizableReads) waits in the Pipeline for a confirmation by a quorum.
//
// # What is promised
//
//   - Requests of one session take effect in the order sent; replies leave in that order. Only auth and sasl may overtake.
//   - An event leaves before any reply that shows the new state, and before the reply of the write that caused it.
//   - A connection whose order would break (a proposal was lost, its session moved) is closed, never answered out of order.
//   - A session that the ensemble knows ends only by a transaction. Only the leader proposes that, after the silence that the session's
//     timeout allows, and a pause of the leader itself never counts as silence. Local sessions (local.go) are their server's own.
//
// # Concurrency
//
// Order of locks: the state's lock, conn.mu, the connection's out buffer. Apply, SoftStateChanged and Deliver come from one goroutine
// (the peer's); Tick from one; Receive and Closed from the connection's own. Callbacks of the Orderer come from other goroutines and
// take the locks only where a comment says so. Nothing sends or waits while it holds a lock, except that a flush tries a non-blocking
// write.
//
// # How to debug and test
//
// testdata/server holds stories, one for each claim: raw frames go in, replies come out, commits happen when the story says so. The
// in-process orderer of the tests is server_test's history. Everything that ends a connection is logged with its reason.
package server
