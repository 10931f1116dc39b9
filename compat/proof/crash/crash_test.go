package crash

import (
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

var (
	rounds  = flag.Int("rounds", 3, "how often the server is killed")
	workers = flag.Int("workers", 4, "clients, each with a session of its own")
	seed    = flag.Uint64("seed", 0, "seed of what is written and when the server is killed; 0 draws one")
)

// TestKill9 kills a server under pipelined load and checks what it promised; the package's manual has the list.
func TestKill9(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		play(t, []zktest.Server{zktest.Start(t, kind, config())})
	})
}

// TestKill9InAnEnsemble kills one of three servers, whichever it is, and lets the others go on meanwhile.
func TestKill9InAnEnsemble(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		play(t, zktest.StartEnsemble(t, kind, 3, config()).Servers)
	})
}

func config() zktest.Config {
	return zktest.Config{Extra: []string{"tickTime=2000", "preAllocSize=4096"}}
}

func play(t *testing.T, servers []zktest.Server) {
	t.Helper()
	chosen := *seed
	if chosen == 0 {
		chosen = rand.Uint64()
	}
	t.Logf("-seed=%d (the moment of a kill is never quite the same)", chosen)
	var addrs []string
	for _, server := range servers {
		addrs = append(addrs, server.Addr())
	}
	random := rand.New(rand.NewPCG(chosen, 0))
	var all []*worker
	for i := range *workers {
		all = append(all, &worker{id: i, addrs: addrs, ledger: newLedger(), rand: rand.New(rand.NewPCG(chosen, uint64(i+1)))})
	}
	each(t, all, func(w *worker) error { return w.steady(w.prepare) })
	if t.Failed() {
		return
	}
	writes := 0
	for round := range *rounds {
		delay := time.Duration(20+random.IntN(250)) * time.Millisecond
		writes += crashOnce(t, servers[random.IntN(len(servers))], all, delay)
		if t.Failed() {
			t.Fatalf("round %d of %d, after %d acknowledged writes", round, *rounds, writes)
		}
	}
	t.Logf("%d crashes, %d acknowledged writes", *rounds, writes)
}

// crashOnce is one round: load, kill, judge, restart. It returns the number of acknowledged writes.
func crashOnce(t *testing.T, victim zktest.Server, all []*worker, delay time.Duration) int {
	t.Helper()
	stop := make(chan struct{})
	var load sync.WaitGroup
	for _, w := range all {
		load.Go(func() {
			if err := w.load(stop); err != nil {
				t.Error(err)
			}
			_ = w.conn.Close()
			w.conn = nil
		})
	}
	<-time.After(delay)
	role := zktest.Mode(victim.Addr())
	t.Logf("%s kill %s, %s", time.Now().Format("15:04:05.000"), victim.Addr(), role)
	if err := victim.Kill(); err != nil {
		t.Fatal(err)
	}
	close(stop)
	load.Wait()
	acknowledged := 0
	for _, w := range all {
		acknowledged += w.ledger.replies
	}
	alone := len(all[0].addrs) == 1
	if alone {
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
	}
	judge(t, all)
	if !alone && !t.Failed() {
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
	}
	return acknowledged
}

// judge has all workers take up their sessions and compare what they find with their ledgers.
func judge(t *testing.T, all []*worker) {
	t.Helper()
	each(t, all, func(w *worker) error {
		var found sight
		err := w.steady(func() (err error) { found, err = w.look(); return err })
		if err != nil {
			return err
		}
		for _, wrong := range w.ledger.judge(found) {
			t.Errorf("%s worker %d: %s", zktest.PromiseBroken, w.id, wrong)
		}
		return nil
	})
	if t.Failed() {
		return
	}
	var ledgers []*ledger
	for _, w := range all {
		ledgers = append(ledgers, w.ledger)
	}
	highest := top(ledgers)
	for _, l := range ledgers {
		l.highest = highest
	}
	each(t, all, func(w *worker) error { return w.steady(w.sweep) })
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
