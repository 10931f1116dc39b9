package shell

import (
	"testing"
	"time"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// TestShellEventsEndWithTheSession: connect and close leave nobody behind who waits for events of the session before.
func TestShellEventsEndWithTheSession(t *testing.T) {
	s, session, ended := &shell{ctx: t.Context()}, &tool.Session{}, make(chan struct{})
	life := s.watches.begin(s.ctx, session)
	go func() {
		s.printEvents(life, session, session.Listen())
		close(ended)
	}()
	s.close()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the printing of a closed session's events goes on")
	}
}
