package tool

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/go-zookeeper/zk"
)

// mostEvents is how many events wait for a reader, about 100 MB of them. Who is slower for longer is told that some are gone.
const mostEvents = 1 << 20

// Events are what one listener of a session has yet to see, in the order in which they came. go-zookeeper's own goroutines bring them, which keep the
// session alive and so must not wait for a reader.
type Events struct {
	most int
	come chan struct{} // has one element while something waits

	mu      sync.Mutex
	waiting []zk.Event
	dropped int
}

func newEvents() *Events { return &Events{most: mostEvents, come: make(chan struct{}, 1)} }

func (q *Events) put(e zk.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == q.most {
		q.dropped++
		return
	}
	q.waiting = append(q.waiting, e)
	select {
	case q.come <- struct{}{}:
	default:
	}
}

// Next waits for an event. An error says that ctx has ended, or that events were lost, and how many: those before them have been returned.
func (q *Events) Next(ctx context.Context) (zk.Event, error) {
	for {
		if e, ok, err := q.take(); ok || err != nil {
			return e, err
		}
		select {
		case <-q.come:
		case <-ctx.Done():
			return zk.Event{}, ctx.Err()
		}
	}
}

func (q *Events) take() (e zk.Event, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		e, q.waiting = q.waiting[0], q.waiting[1:]
		if len(q.waiting) == 0 {
			q.waiting = nil // what was taken is garbage now
		}
		return e, true, nil
	}
	if q.dropped > 0 {
		err = &Error{Tried: "show every event", Happened: fmt.Sprintf("%d events came faster than they were dealt with, and are lost", q.dropped),
			Todo: "read the nodes again, and let what is run for an event take less time", Code: 1}
		q.dropped = 0
	}
	return e, false, err
}

// Listen gives all events of the session from now on, those of its state too. The caller ends it with [Session.Unlisten].
func (s *Session) Listen() *Events {
	q := newEvents()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, q)
	return q
}

// Unlisten ends a Listen.
func (s *Session) Unlisten(q *Events) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = slices.DeleteFunc(s.listeners, func(other *Events) bool { return other == q })
}

// tell brings an event to all listeners.
func (s *Session) tell(e zk.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.listeners {
		q.put(e)
	}
}
