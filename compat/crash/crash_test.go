package crash

import (
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/zktest"
)

var (
	rounds  = flag.Int("rounds", 3, "how often the server is killed")
	workers = flag.Int("workers", 4, "clients, each with a session of its own")
	seed    = flag.Uint64("seed", 0, "seed of what is written and when the server is killed; 0 draws one")
)

// TestKill9 kills a server under pipelined load and checks what it promised; the package's manual has the list.
func TestKill9(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		if *seed == 0 {
			*seed = rand.Uint64()
		}
		t.Logf("-seed=%d (the moment of a kill is never quite the same)", *seed)
		server := zktest.Start(t, kind, zktest.Config{Extra: []string{"tickTime=2000", "preAllocSize=4096"}})
		random := rand.New(rand.NewPCG(*seed, 0))
		var all []*worker
		for i := range *workers {
			all = append(all, &worker{id: i, addr: server.Addr(), ledger: newLedger(), rand: rand.New(rand.NewPCG(*seed, uint64(i+1)))})
		}
		for _, w := range all {
			if err := w.connect(); err != nil {
				t.Fatal(err)
			}
			if err := w.prepare(); err != nil {
				t.Fatal(err)
			}
		}
		writes := 0
		for round := range *rounds {
			delay := time.Duration(20+random.IntN(250)) * time.Millisecond
			writes += crashOnce(t, server, all, delay)
			if t.Failed() {
				t.Fatalf("round %d of %d, after %d acknowledged writes", round, *rounds, writes)
			}
		}
		t.Logf("%d crashes, %d acknowledged writes", *rounds, writes)
	})
}

// crashOnce is one round: load, kill, restart, judge. It returns the number of acknowledged writes.
func crashOnce(t *testing.T, server zktest.Server, all []*worker, delay time.Duration) int {
	t.Helper()
	stop := make(chan struct{})
	var load sync.WaitGroup
	for _, w := range all {
		load.Go(func() {
			if err := w.load(stop); err != nil {
				t.Error(err)
			}
			_ = w.conn.Close()
		})
	}
	<-time.After(delay)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	close(stop)
	load.Wait()
	acknowledged := 0
	for _, w := range all {
		acknowledged += w.ledger.replies
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	each(t, all, (*worker).connect)
	if t.Failed() {
		return acknowledged
	}
	each(t, all, func(w *worker) error {
		found, err := w.look()
		if err != nil {
			return err
		}
		for _, wrong := range w.ledger.judge(found) {
			t.Errorf("worker %d: %s", w.id, wrong)
		}
		return nil
	})
	if t.Failed() {
		return acknowledged
	}
	highest := int64(-1)
	for _, w := range all {
		highest = max(highest, top([]*ledger{w.ledger}))
	}
	for _, w := range all {
		w.ledger.highest = highest
	}
	each(t, all, (*worker).sweep)
	return acknowledged
}

// each does something with all workers at once.
func each(t *testing.T, all []*worker, do func(*worker) error) {
	t.Helper()
	var group sync.WaitGroup
	for _, w := range all {
		group.Go(func() {
			if err := do(w); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
