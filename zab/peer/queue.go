package peer

import (
	"sync"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// mailbox is what other goroutines leave for the core loop. One lock, taken for a few appends; the loop takes all of it at once, so that
// little waits there unless the loop is held up. Its bounds: large messages wait for room, so that the network holds their senders back; small
// ones beyond a number are dropped, as the network may drop them; proposals and calls beyond a number are refused.
type mailbox struct {
	mu     sync.Mutex
	room   sync.Cond // somebody took the mail, or the peer has ended
	bytes  int       // of the messages
	mail   Mail
	refuse error         // not nil: the peer does not run yet, or any more
	wake   chan struct{} // holds one token: "look again"
}

// Mail is one emptying of the mailbox, in the order in which [Steps.Feed] gives it to the core.
type Mail struct {
	Persisted uint64 // all batches up to this one are durable
	Applied   zxid.ID
	Messages  []zab.Message
	Proposals [][]byte
	Calls     []func(error) // run in the core loop; with an error, they must not touch the core
}

func (b *mailbox) init() {
	b.wake = make(chan struct{}, 1)
	b.room.L = &b.mu
	b.refuse = ErrNotRunning
}

// The bounds of a mailbox.
const (
	mailboxBytes = 64 << 20 // of messages
	mailboxItems = 1 << 16  // of messages, of proposals, of calls
)

// deliver takes a message of another server. What comes before Run waits for it.
func (b *mailbox) deliver(m *zab.Message) {
	size := bytesOf(m)
	b.mu.Lock()
	defer b.mu.Unlock()
	for m.Type.Bulk() && b.bytes > mailboxBytes && b.refuse != errStopped {
		b.room.Wait()
	}
	if b.refuse == errStopped || len(b.mail.Messages) >= mailboxItems {
		return
	}
	b.bytes += size
	b.mail.Messages = append(b.mail.Messages, *m)
	b.ring()
}

// bytesOf is what a message costs in memory.
func bytesOf(m *zab.Message) int {
	n := len(m.Data) + entryOverhead
	for i := range m.Entries {
		n += len(m.Entries[i].Data) + entryOverhead
	}
	for _, p := range m.Payloads {
		n += len(p) + entryOverhead
	}
	return n
}

// ring wakes the core loop.
func (b *mailbox) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// put runs fill under the lock and wakes the core loop.
func (b *mailbox) put(fill func()) {
	b.mu.Lock()
	fill()
	b.mu.Unlock()
	b.ring()
}

// take empties the mailbox into m, giving the slices of the last round back for reuse.
func (b *mailbox) take(m *Mail) {
	clear(m.Messages)
	clear(m.Calls)
	b.mu.Lock()
	m.Proposals, b.mail.Proposals = b.mail.Proposals, nil // kept by the core: never reused
	m.Messages, b.mail.Messages = b.mail.Messages, m.Messages[:0]
	m.Calls, b.mail.Calls = b.mail.Calls, m.Calls[:0]
	m.Persisted, m.Applied = b.mail.Persisted, b.mail.Applied
	if b.bytes > mailboxBytes {
		b.room.Broadcast()
	}
	b.bytes = 0
	b.mu.Unlock()
}

// close refuses whatever comes from now on and returns the calls that wait.
func (b *mailbox) close() []func(error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = errStopped
	b.room.Broadcast()
	calls := b.mail.Calls
	b.mail.Calls = nil
	return calls
}

// queue is a FIFO between two loops. Its producer is bounded: the queue of the log by what the core lets into flight, that of the state machine
// by Limits.ApplyBytes for entries and by deliverBytes for what other servers send; a change of leadership takes an election.
type queue[T any] struct {
	mu     sync.Mutex
	ready  sync.Cond
	items  []T
	closed bool
}

func (q *queue[T]) init() { q.ready.L = &q.mu }

// push appends one item; false if the queue is closed, for then nobody may be left to take it.
func (q *queue[T]) push(item T) bool {
	q.mu.Lock()
	open := !q.closed
	if open {
		q.items = append(q.items, item)
	}
	q.mu.Unlock()
	q.ready.Signal()
	return open
}

// popAll waits for items and takes all of them; spare is reused as the next buffer. False when the queue is closed and empty.
func (q *queue[T]) popAll(spare []T) ([]T, bool) {
	clear(spare)
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 {
		if q.closed {
			return nil, false
		}
		q.ready.Wait()
	}
	return q.swap(spare), true
}

// takeAll takes what is there, and does not wait.
func (q *queue[T]) takeAll(spare []T) []T {
	clear(spare)
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.swap(spare)
}

func (q *queue[T]) swap(spare []T) []T {
	items := q.items
	q.items = spare[:0]
	return items
}

func (q *queue[T]) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

func (q *queue[T]) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.ready.Broadcast()
}
