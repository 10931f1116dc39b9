package listener

import (
	"bytes"
	"testing"
	"time"
)

// TestRest: a connection that rested between its requests is served as before, and one that is closed while the timer of its rest runs
// still gets its last words.
func TestRest(t *testing.T) {
	s := start(t, Options{SessionlessTimeout: time.Minute})
	c := s.dial()
	e := <-s.h.opened
	pause := func(d time.Duration) { <-time.After(d) }
	for i := range 4 {
		f := frame("established")
		c.Write(f)
		expect(t, c, f)
		pause(time.Duration(i) * restAfter * 3 / 4) // busy again before, and after, it rests
	}
	big := bytes.Repeat([]byte("x"), 100)
	c.Write(frame(string(big)))
	expect(t, c, frame(string(big)))
	pause(restAfter / 2)
	e.c.End(append(e.c.Begin(), frame("goodbye")...))
	e.c.CloseAfterFlush()
	pause(restAfter) // the client is slow to look
	expect(t, c, frame("goodbye"))
	expectEnd(t, c)
}
