package servertest_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/paddock-zk/paddock/compat/server/servertest"
	"github.com/paddock-zk/paddock/zab"
)

// Use: go test ./compat/server/servertest -run Simulate -args -seeds=2000 -first=1; -trace prints every event.
var (
	seeds = flag.Int("seeds", 100, "number of simulated runs")
	first = flag.Uint64("first", 1, "first seed")
	trace = flag.Bool("trace", false, "print every event")
	keep  = flag.Bool("keep", false, "go on after a failing seed")
)

func options(seed uint64) servertest.SimOptions {
	o := servertest.SwarmSim(seed)
	if *trace {
		o.Trace = func(s string) { fmt.Fprintln(os.Stderr, s) }
	}
	return o
}

// play runs one seed and checks its registers.
func play(o servertest.SimOptions) (*servertest.Sim, error) {
	s := servertest.NewSim(o)
	err := s.Run()
	if err == nil {
		err = linearizable(s.Registers())
	}
	return s, err
}

func TestSimulate(t *testing.T) {
	var sum servertest.SimStats
	failed := 0
	for seed := *first; seed < *first+uint64(*seeds); seed++ {
		s, err := play(options(seed))
		sum.Add(&s.Stats)
		if err != nil {
			t.Errorf("%v\nreplay: go test ./compat/server/servertest -run 'Simulate$' -args -seeds=1 -first=%d -trace", err, seed)
			if failed++; !*keep {
				t.FailNow()
			}
		}
	}
	t.Logf("%d seeds, %d failed, %.0f s of simulated time: %+v", *seeds, failed, float64(sum.Time)/1e6, sum)
	if *seeds >= 200 {
		for _, name := range sum.Never() {
			t.Errorf("never seen: %s. A simulator that does not get there proves nothing", name)
		}
	}
}

// The same seed is the same run, to the last event: else a failing one could not be looked at.
func TestSimulateIsDeterministic(t *testing.T) {
	for seed := *first; seed < *first+4; seed++ {
		var runs [2]strings.Builder
		for i := range runs {
			o := servertest.SwarmSim(seed)
			o.Trace = func(s string) { runs[i].WriteString(s + "\n") }
			if _, err := play(o); err != nil {
				t.Log(err)
			}
		}
		a, b := strings.Split(runs[0].String(), "\n"), strings.Split(runs[1].String(), "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("seed %d: event %d of two runs:\n%s\n%s", seed, i, a[i], b[i])
			}
		}
		if len(a) != len(b) {
			t.Fatalf("seed %d: %d and %d events", seed, len(a), len(b))
		}
	}
}

// A server whose state differs from that of the majority ends, and only that one. Emptied, it is filled by the others and serves again.
func TestDivergedServerIsRefilled(t *testing.T) {
	for seed := range uint64(6) {
		s := servertest.NewSim(servertest.Diverging(seed, zab.PeerID(1+seed%3)))
		if err := s.Run(); err != nil {
			t.Error(err)
		} else if !s.Refilled() {
			t.Errorf("seed %d: no server has ended", seed)
		}
	}
}

// Every seed that ever failed is run again. A line is a seed and what it found.
func TestSeedsThatFailedOnce(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "testdata", "seeds", "server.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var seed uint64
		if n, _ := fmt.Sscan(lines.Text(), &seed); n == 0 || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		if _, err := play(options(seed)); err != nil {
			t.Errorf("%v (%s)", err, lines.Text())
		}
	}
}

// linearizable asks porcupine, register by register.
func linearizable(all []servertest.RegisterOp) error {
	by := map[string][]porcupine.Operation{}
	for i := range all {
		op := &all[i]
		end := op.Return
		if end < 0 {
			end = 1 << 62
		}
		by[op.Path] = append(by[op.Path], porcupine.Operation{ClientId: op.Client, Input: op, Output: op, Call: op.Call, Return: end})
	}
	for path, ops := range by {
		if r := porcupine.CheckOperationsTimeout(register, ops, 20*time.Second); r == porcupine.Illegal {
			return fmt.Errorf("the history of %s is not linearizable (%d operations)", path, len(ops))
		}
	}
	return nil
}
