package peer

import (
	"sync"

	"github.com/paddock-zk/paddock/zab"
)

// mailbox is what other goroutines leave for the core loop. One lock, taken for a few appends; the loop takes all of it at once.
type mailbox struct {
	mu     sync.Mutex
	mail   Mail
	refuse error         // not nil: the peer does not run yet, or any more
	wake   chan struct{} // holds one token: "look again"
}

// Mail is one emptying of the mailbox, in the order in which [Steps.Feed] gives it to the core.
type Mail struct {
	Persisted uint64 // all batches up to this one are durable
	Messages  []zab.Message
	Proposals [][]byte
	Calls     []func(error) // run in the core loop; with an error, they must not touch the core
}

func (b *mailbox) init() {
	b.wake = make(chan struct{}, 1)
	b.refuse = ErrNotRunning
}

// put runs fill under the lock and wakes the core loop.
func (b *mailbox) put(fill func()) {
	b.mu.Lock()
	fill()
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take empties the mailbox into m, giving the slices of the last round back for reuse.
func (b *mailbox) take(m *Mail) {
	clear(m.Messages)
	clear(m.Calls)
	b.mu.Lock()
	m.Proposals, b.mail.Proposals = b.mail.Proposals, nil // kept by the core: never reused
	m.Messages, b.mail.Messages = b.mail.Messages, m.Messages[:0]
	m.Calls, b.mail.Calls = b.mail.Calls, m.Calls[:0]
	m.Persisted = b.mail.Persisted
	b.mu.Unlock()
}

// close refuses whatever comes from now on and returns the calls that wait.
func (b *mailbox) close() []func(error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = errStopped
	calls := b.mail.Calls
	b.mail.Calls = nil
	return calls
}

// queue is a FIFO between two loops.
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
