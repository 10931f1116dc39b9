package crosscheck

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// A session that was granted a moment ago is never refused, whichever server of an ensemble it returns to. A refusal tells the client
// that its session has ended, and nobody would ever forgive that; a connection that is closed without an answer is tried again. (A
// follower may know a session before its leader does: the leader waits for its own disk, others for a majority of disks.)
func TestALiveSessionIsNeverRefused(t *testing.T) {
	e := startEnsemble(t, zktest.Paddock)
	begun := time.Now()
	var returned, refused atomic.Int64
	var wg sync.WaitGroup
	for w := range 12 {
		wg.Go(func() {
			for i := 0; time.Since(begun) < 4*time.Second || returned.Load() < 10 && time.Since(begun) < zktest.Patience; i++ {
				here := e.Servers[w%3].Addr()
				there := here
				if i%3 == 0 {
					there = e.Servers[(w+1)%3].Addr()
				}
				switch err := leaveAndReturn(here, there, i%2 == 0); {
				case err == nil:
					returned.Add(1)
				case errors.Is(err, client.ErrRefused):
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d sessions returned, %d were refused", returned.Load(), refused.Load())
	if refused.Load() > 0 || returned.Load() < 10 {
		t.Fail()
	}
}

// leaveAndReturn begins a session at one server and takes it up again at another, trying again while nobody can say whether it lives.
func leaveAndReturn(here, there string, hangUp bool) error {
	const within = zktest.Patience
	a, err := client.Dial(context.Background(), here)
	if err != nil {
		return err
	}
	defer a.Close()
	w, err := a.Handshake(client.Hello{Timeout: 30000}, within)
	if err != nil {
		return err
	}
	if hangUp {
		_ = a.Close()
	}
	for try := 0; ; try++ {
		b, err := client.Dial(context.Background(), there)
		if err != nil {
			return err
		}
		_, err = b.Handshake(client.Hello{Timeout: 30000, Session: w.Session, Password: w.Password}, within)
		if err == nil {
			return b.CloseSession(within)
		}
		_ = b.Close()
		if errors.Is(err, client.ErrRefused) || try == 50 {
			return err
		}
	}
}
