package transport

import (
	"io"
	"net"
	"testing"
	"time"
)

// A receiver that takes a little at a time gets all that waits, though all of it takes longer than WriteTimeout; one that takes nothing
// breaks the link.
func TestSlowLinkIsNotBroken(t *testing.T) {
	const timeout = time.Second
	k := &link{t: &Transport{cfg: Config{WriteTimeout: timeout}}}
	out := make([]byte, 60*slice)
	for name, step := range map[string]time.Duration{"slow": timeout / 40, "stuck": time.Hour} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe() // without buffers: a write ends when all of it was read
			defer near.Close()
			stop := make(chan struct{})
			defer close(stop)
			go func() {
				for {
					select {
					case <-stop:
						far.Close()
						return
					case <-time.After(step):
					}
					if _, err := io.ReadFull(far, make([]byte, slice)); err != nil {
						return
					}
				}
			}()
			if err := k.pour(near, out); (err == nil) != (name == "slow") {
				t.Errorf("%v", err)
			}
		})
	}
}
