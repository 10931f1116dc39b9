package server

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/paddock-zk/paddock/zab"
)

// mostConfirmations is how many confirmations may be under way at once. Requests that come while all are share the next one: under load a
// round to the quorum serves many sessions, and without load nobody waits for another's round.
const mostConfirmations = 4

// confirms collects syncs (and reads that must be linearizable) of all connections.
type confirms struct {
	tickets  atomic.Uint64 // numbers the turns that wait
	mu       sync.Mutex
	underWay int
	waiting  []confirm
}

// confirm is one turn of one connection: all its syncs have the ticket.
type confirm struct {
	c      *conn
	ticket uint64
}

// confirm asks for a confirmation that begins after this call.
func (s *Server) confirm(c *conn, ticket uint64) {
	q := &s.syncs
	q.mu.Lock()
	q.waiting = append(q.waiting, confirm{c, ticket})
	if q.underWay == mostConfirmations {
		q.mu.Unlock()
		return
	}
	q.underWay++
	batch := q.waiting
	q.waiting = nil
	q.mu.Unlock()
	s.askConfirmation(batch, 0)
}

// confirmTries is how often a lost confirmation is asked for again before its connections are closed.
const confirmTries = 3

// askConfirmation asks a quorum to confirm a batch of syncs (a read index), and then asks for what has come meanwhile.
func (s *Server) askConfirmation(batch []confirm, tries int) {
	s.opts.Orderer.ReadIndex(func(err error) {
		if errors.Is(err, zab.ErrReadLost) && tries < confirmTries && s.is(modeServing) {
			s.askConfirmation(batch, tries+1)
			return
		}
		for _, w := range batch {
			w.c.confirmed(w.ticket, err)
		}
		q := &s.syncs
		q.mu.Lock()
		next := q.waiting
		q.waiting = nil
		if len(next) == 0 {
			q.underWay--
		}
		q.mu.Unlock()
		if len(next) > 0 {
			s.askConfirmation(next, 0)
		}
	})
}

// confirmed ends the wait of syncs, or the connection if nobody confirms them: then it is not known whether the state is up to date.
func (c *conn) confirmed(ticket uint64, err error) {
	if err != nil {
		c.lc.Close(errors.Join(errUnconfirmed, err))
		return
	}
	c.mu.Lock()
	if c.pipe != nil {
		c.pipe.Confirmed(ticket)
	}
	c.mu.Unlock()
	c.settleNow()
}
