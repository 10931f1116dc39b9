package listener

import (
	"bytes"
	"testing"
	"time"
)

// TestIdle: a connection that was idle between its requests is served as before, and one that is closed while its idle timer runs
// still gets its last words.
func TestIdle(t *testing.T) {
	s := start(t, Options{SessionlessTimeout: time.Minute})
	c := s.dial()
	e := <-s.h.opened
	pause := func(d time.Duration) { <-time.After(d) }
	for i := range 4 {
		f := frame("established")
		c.Write(f)
		expect(t, c, f)
		pause(time.Duration(i) * idleAfter * 3 / 4) // busy again before, and after, it counts as idle
	}
	big := bytes.Repeat([]byte("x"), 100)
	c.Write(frame(string(big)))
	expect(t, c, frame(string(big)))
	pause(idleAfter / 2)
	e.c.End(append(e.c.Begin(), frame("goodbye")...))
	e.c.CloseAfterFlush()
	pause(idleAfter) // the client is slow to look
	expect(t, c, frame("goodbye"))
	expectEnd(t, c)
}
