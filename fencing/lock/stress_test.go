package lock

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// TestNothingIsLeftBehind: requests whose contexts end at any moment, over connections that break at any moment, and slots too. Nobody holds beside
// another, and in the end every queue and every slot is empty though all sessions live.
func TestNothingIsLeftBehind(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		zktest.Require(t, string(kind))
		leftBehind(t, rig{t, zktest.Start(t, kind, zktest.Config{}).Addr(), lineageFor(kind)})
	})
}

func leftBehind(t *testing.T, r rig) {
	watch := r.clientFor(t, 30*time.Second)
	var clients []client
	for range 4 {
		clients = append(clients, r.clientFor(t, 30*time.Second))
	}
	var inside, granted atomic.Int32
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() { cutter(ctx, c, rand.New(rand.NewPCG(7, uint64(i)))) })
		for j := range 3 {
			w := &impatient{c: c, random: rand.New(rand.NewPCG(uint64(i), uint64(j))), inside: &inside, granted: &granted}
			wg.Go(func() {
				for ctx.Err() == nil {
					w.once(t)
				}
			})
		}
	}
	wg.Wait()
	if granted.Load() < 20 {
		t.Errorf("only %d grants: this shows little", granted.Load())
	}
	t.Logf("%d grants", granted.Load())
	for _, dir := range []string{"/left/lock", "/left/sem/queue", "/left/sem/slots"} {
		zktest.Eventually(t, zktest.Patience, dir+" is empty", func() bool { return len(children(t, watch, dir)) == 0 })
	}
}

// cutter breaks a client's connections.
func cutter(ctx context.Context, c client, random *rand.Rand) {
	for {
		select {
		case <-time.After(time.Duration(1000+random.IntN(2000)) * time.Millisecond):
			c.p.cut()
		case <-ctx.Done():
			return
		}
	}
}

// impatient takes locks and slots with contexts that end soon.
type impatient struct {
	c               client
	random          *rand.Rand
	inside, granted *atomic.Int32
}

func (w *impatient) once(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(w.random.IntN(600))*time.Millisecond)
	defer cancel()
	var g *Grant
	var err error
	exclusive := false
	switch w.random.IntN(4) {
	case 0:
		sem, _ := w.c.NewSemaphore("/left/sem", 2)
		g, err = sem.Acquire(ctx)
	case 1:
		g, err = w.c.NewLock("/left/lock").TryLock(ctx)
		exclusive = true
	default:
		g, err = w.c.NewLock("/left/lock").Lock(ctx)
		exclusive = true
	}
	if err != nil {
		return
	}
	w.granted.Add(1)
	if exclusive {
		if n := w.inside.Add(1); n != 1 {
			t.Errorf("%d hold the lock", n)
		}
		w.inside.Add(-1)
	}
	_ = g.Unlock(ctx)
}
