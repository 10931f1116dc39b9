package zabtest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every seed that ever failed is run again. A line says how the run is drawn, the seed, and what it found.
func TestSeedsThatFailedOnce(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "testdata", "seeds", "zab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	draw := map[string]func(uint64) Options{"swarm": Swarm, "harsh": Harsh}
	runs := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var kind string
		var seed uint64
		if _, err := fmt.Sscan(line, &kind, &seed); err != nil || draw[kind] == nil {
			t.Fatalf("line %q: want swarm or harsh, a seed, and what it found", line)
		}
		runs++
		if err := NewSim(draw[kind](seed)).Run(); err != nil {
			t.Errorf("%v (%s)", err, line)
		}
	}
	if runs < 5 {
		t.Errorf("only %d seeds", runs)
	}
}
