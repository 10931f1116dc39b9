// Package peer is the shell around zab.Core: the goroutines, the clock and the queues that the core must not have.
//
// # What it is
//
// One [Peer] for each server process. Three goroutines, each the only owner of its state:
//
//   - the core loop owns zab.Core: it takes proposals, messages, ticks and completions from the mailbox, steps the core and
//     hands out each Ready. It never waits for a disk, so ticks and heartbeats are never behind one.
//   - the log loop owns the write side of the log: it joins all batches that wait under one write and one fdatasync, then lets
//     the messages go that had to wait for it, then reports the completion.
//   - the apply loop owns the order of what the state machine sees: committed entries, read confirmations, changes of leadership
//     and questions of other servers, in exactly the order in which the core handed them out.
//
// # Contract
//
// The durability contract is that of zab.Ready: persist, then say, then apply. An error of the log or a Fatal of the core
// ends the peer: [Peer.Done] is closed, [Peer.Err] says why, and the process must exit. Nothing is retried.
//
// Propose is asynchronous: what becomes of a payload is seen in StateMachine.Apply. If SoftState.Link changes, payloads that
// were proposed under the older Link and not yet seen have an unknown outcome.
//
// # Concurrency
//
// All methods of Peer are safe from any goroutine and none of them blocks on a disk or a socket. The StateMachine is called
// from the apply loop only.
package peer
