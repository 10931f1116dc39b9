// Package peer is the shell around zab.Core: the goroutines, the clock and the queues that the core must not have.
//
// # What it is
//
// One [Peer] for each server process. [New] makes it from what the log holds and starts nothing, so that everything that needs a peer (the
// server that answers clients, the network) can be made with it at hand; [Peer.Run] starts three goroutines, each the only owner
// of its state:
//
//   - the core loop owns zab.Core: it takes proposals, messages, ticks and completions from the mailbox, steps the core and
//     hands out each Ready. It never waits for a disk, so ticks and heartbeats are never behind one.
//   - the log loop owns the write side of the log: it joins all batches that wait under one write and one fdatasync, then lets
//     the messages go that had to wait for it, then reports the completion.
//   - the apply loop owns the order of what the state machine sees: committed entries, read confirmations, changes of leadership
//     and questions of other servers, in exactly the order in which the core handed them out.
//
// What the loops do is written as plain functions, the [Steps]: feed the mail to the core, hand out a Ready, write a batch, apply what
// waits. A loop waits for work and takes a step. A simulator takes the same steps in an order and at times of its own, in one
// goroutine, so that what it proves is what ships.
//
//	steps.go  the steps               queue.go  the mailbox and the queues between the loops, with their bounds
//	loops.go  the three goroutines    calls.go  what other goroutines may ask
//	peer.go   New, Run and the end
//
// # Contract
//
// The durability contract is that of zab.Ready: persist, then say, then apply. An error of the log or a Fatal of the core
// ends the peer: [Peer.Done] is closed, [Peer.Err] says why, and the process must exit. Nothing is retried.
//
// Propose is asynchronous: what becomes of a payload is seen in StateMachine.Apply. If SoftState.Link changes, payloads that
// were proposed under the older Link and not yet seen have an unknown outcome.
//
// Before Run and after the end, whatever is asked is refused with an error: [ErrNotRunning], or one that says that the peer has stopped.
// Messages of other servers that arrive before Run wait for it.
//
// # Concurrency
//
// All methods of Peer are safe from any goroutine and none of them waits for a disk or a socket. Status waits for the core loop's next turn,
// and Deliver waits if the core loop is so far behind that its mailbox is full. The StateMachine is called from the apply loop only.
package peer
