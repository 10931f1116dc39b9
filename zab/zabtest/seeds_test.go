package zabtest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// draws are the ways to draw a run from a seed.
var draws = map[string]func(uint64) Options{"swarm": Swarm, "harsh": Harsh, "swarm-log": onShippedLog(Swarm), "harsh-log": onShippedLog(Harsh)}

func onShippedLog(draw func(uint64) Options) func(uint64) Options {
	return func(seed uint64) Options {
		o := draw(seed)
		o.ShippedLog = true
		return o
	}
}

// Every seed that ever failed is run again. A line says how the run is drawn, the seed, and what it found.
func TestSeedsThatFailedOnce(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "testdata", "seeds", "zab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	runs := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var kind string
		var seed uint64
		if _, err := fmt.Sscan(line, &kind, &seed); err != nil || draws[kind] == nil {
			t.Fatalf("line %q: want swarm, harsh, swarm-log or harsh-log, a seed, and what it found", line)
		}
		runs++
		if err := NewSim(draws[kind](seed)).Run(); err != nil {
			t.Errorf("%v (%s)", err, line)
		}
	}
	if runs < 5 {
		t.Errorf("only %d seeds", runs)
	}
}
