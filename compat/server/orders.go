package server

import "sync"

// orders finds the connection that waits for a transaction: Txn.Origin.Seq numbers this process's proposals from 1, and what is
// outstanding is a window of them.
type orders struct {
	mu    sync.Mutex
	ring  []*conn // length is a power of two; seq lives at seq & (len-1)
	low   uint64  // every seq below is answered
	next  uint64
	count int
}

func newOrders() *orders { return &orders{ring: make([]*conn, 1024), low: 1, next: 1} }

// place gives out a number for a proposal of c.
func (o *orders) place(c *conn) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next-o.low == uint64(len(o.ring)) {
		o.grow()
	}
	seq := o.next
	o.next++
	o.ring[seq&uint64(len(o.ring)-1)] = c
	o.count++
	return seq
}

func (o *orders) grow() {
	bigger := make([]*conn, 2*len(o.ring))
	for s := o.low; s < o.next; s++ {
		bigger[s&uint64(len(bigger)-1)] = o.ring[s&uint64(len(o.ring)-1)]
	}
	o.ring = bigger
}

// take answers a number: who waits for it, nil if nobody does any more.
func (o *orders) take(seq uint64) *conn {
	o.mu.Lock()
	defer o.mu.Unlock()
	if seq < o.low || seq >= o.next {
		return nil
	}
	at := &o.ring[seq&uint64(len(o.ring)-1)]
	c := *at
	if c != nil {
		*at = nil
		o.count--
	}
	for o.low < o.next && o.ring[o.low&uint64(len(o.ring)-1)] == nil {
		o.low++
	}
	return c
}

// outstanding is the number of proposals whose outcome somebody waits for.
func (o *orders) outstanding() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}
