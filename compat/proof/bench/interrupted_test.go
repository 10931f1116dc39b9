package bench

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// TestInterrupted: a run that is ended early gives what it has measured, and says that it was ended.
func TestInterrupted(t *testing.T) {
	server := zktest.StartPaddock(t, zktest.Config{})
	for _, w := range []Workload{Get, Sessions} {
		for looks := 1; ; looks *= 2 { // on a busy machine not one operation may have ended at the first look
			ctx, cancel := context.WithCancel(t.Context())
			c := quick(server.Addr(), w)
			c.Duration = time.Hour
			left := looks
			c.Progress = func(name string, _, _ int64) {
				if name == string(w) || name == "hold" {
					if left--; left == 0 {
						cancel()
					}
				}
			}
			r, err := Run(ctx, c)
			cancel()
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: %v", w, err)
			}
			if r != nil {
				if r.Ops == 0 || len(r.Latency) == 0 {
					t.Errorf("%s: got %+v", w, r)
				}
				break
			}
			if looks > 1000 {
				t.Fatalf("%s: what was measured is thrown away", w)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := Run(ctx, quick(server.Addr(), Get)); r != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("ended before it began: %+v, %v", r, err)
	}
}
