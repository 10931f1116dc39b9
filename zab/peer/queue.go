package peer

import (
	"sync"

	"github.com/paddock-zk/paddock/zab"
)

// mailbox is what other goroutines leave for the core loop. One lock, taken for a few appends; the loop takes all of it at once.
type mailbox struct {
	mu        sync.Mutex
	proposals [][]byte
	messages  []zab.Message
	calls     []func()
	persisted uint64
	closed    bool
	wake      chan struct{} // holds one token: "look again"
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

// mail is one emptying of the mailbox.
type mail struct {
	proposals [][]byte
	messages  []zab.Message
	calls     []func()
	persisted uint64
}

// take empties the mailbox into m, giving the slices of the last round back for reuse.
func (b *mailbox) take(m *mail) {
	clear(m.messages)
	clear(m.calls)
	b.mu.Lock()
	m.proposals, b.proposals = b.proposals, nil // kept by the core: never reused
	m.messages, b.messages = b.messages, m.messages[:0]
	m.calls, b.calls = b.calls, m.calls[:0]
	m.persisted = b.persisted
	b.mu.Unlock()
}

// queue is an unbounded FIFO between two loops; its producer is bounded by what the core lets into flight.
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
	items := q.items
	q.items = spare[:0]
	return items, true
}

func (q *queue[T]) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.ready.Broadcast()
}
