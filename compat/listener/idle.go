package listener

import (
	"cmp"
	"errors"
	"os"
	"time"
)

// idleAfter is how long a connection that had something to do stays on its goroutine before it moves to a fresh one.
const idleAfter = 500 * time.Millisecond

// idle keeps the stacks of idle connections small. Whoever handled a request has grown its stack to four or eight kilobytes, and the
// runtime never takes one back to two; so a connection that had nothing to do for a while goes on in a new goroutine, and the old one
// ends. The socket's read deadline is the timer: it is free once the session is established. The connection's goroutine alone uses it.
type idle struct {
	allowed bool   // the session is established
	armed   bool   // the deadline runs
	reads   uint32 // since the connection began
	seen    uint32 // reads when the deadline was set
}

// armIdle starts the timer when there was something to read, unless it runs.
func (c *Conn) armIdle() {
	r := &c.idle
	if r.allowed && !r.armed && r.reads != r.seen {
		r.armed, r.seen = true, r.reads
		c.idleDeadline(time.Now().Add(idleAfter))
	}
}

// idleDeadline sets the read deadline. A connection that is closing has one for its last words: as soon as all is sent.
func (c *Conn) idleDeadline(t time.Time) (closing bool) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	switch {
	case c.out.closing && c.out.shut:
		t = time.Now().Add(lingerTime)
	case c.out.closing:
		t = time.Time{}
	}
	c.base.SetReadDeadline(t)
	return c.out.closing
}

// wait is the life of a connection on a plain socket, from one goroutine to the next.
func (c *Conn) wait() {
	r := &c.idle
	for {
		err := c.raw.Read(c.readable)
		switch {
		case c.reason != nil || !r.armed || !errors.Is(err, os.ErrDeadlineExceeded):
			c.reason = cmp.Or(c.reason, err)
			c.finish()
			return
		case r.reads != r.seen: // it was busy meanwhile
			r.seen = r.reads
			r.armed = !c.idleDeadline(time.Now().Add(idleAfter))
		default:
			r.armed = false
			if !c.idleDeadline(time.Time{}) {
				go c.wait()
				return
			}
		}
	}
}
