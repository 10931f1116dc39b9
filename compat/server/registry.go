package server

import (
	"sync"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode/watch"
)

// registry knows the connections: by the small number that watches use, and by session.
type registry struct {
	mu    sync.RWMutex
	slots []*conn // index = watch.Watcher; slot 0 stays empty
	free  []uint32
	count int

	sessMu    sync.Mutex
	bySession map[session.ID]*conn
}

func (r *registry) add(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if n := len(r.free); n > 0 {
		c.id = watch.Watcher(r.free[n-1])
		r.free = r.free[:n-1]
		r.slots[c.id] = c
		return
	}
	c.id = watch.Watcher(len(r.slots))
	r.slots = append(r.slots, c)
}

// remove gives the number back; the watches of c must be dropped before.
func (r *registry) remove(c *conn) {
	r.mu.Lock()
	r.slots[c.id] = nil
	r.free = append(r.free, uint32(c.id))
	r.count--
	r.mu.Unlock()
	r.sessMu.Lock()
	if id := c.sessionID(); r.bySession[id] == c {
		delete(r.bySession, id)
	}
	r.sessMu.Unlock()
}

func (r *registry) watcher(w watch.Watcher) *conn {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if int(w) >= len(r.slots) {
		return nil
	}
	return r.slots[w]
}

// attach makes c the connection of a session and returns the one before.
func (r *registry) attach(id session.ID, c *conn) (before *conn) {
	r.sessMu.Lock()
	defer r.sessMu.Unlock()
	before = r.bySession[id]
	r.bySession[id] = c
	return before
}

// of returns the connection of a session, nil if it has none here.
func (r *registry) of(id session.ID) *conn {
	r.sessMu.Lock()
	defer r.sessMu.Unlock()
	return r.bySession[id]
}

// each calls f for every connection, in no promised order. f must not block.
func (r *registry) each(f func(c *conn)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, c := range r.slots {
		if c != nil {
			f(c)
		}
	}
}

func (r *registry) len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.count
}

// closeAll ends every connection but those whose connect request was not judged yet: nobody has promised them anything.
func (s *Server) closeAll(reason error) {
	s.reg.each(func(c *conn) {
		if !c.in(phaseFresh) {
			c.lc.Close(reason)
		}
	})
}
