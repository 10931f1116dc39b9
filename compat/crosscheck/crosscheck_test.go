package crosscheck

import (
	"context"
	"flag"
	"maps"
	"os"
	"slices"
	"testing"
)

func TestScratch(t *testing.T) {
	l, r := os.Getenv("XC_LEFT"), os.Getenv("XC_RIGHT")
	if l == "" {
		t.Skip()
	}
	rep, err := Check(context.Background(), Options{
		Left: Playing{Addr: l, Super: "super:test"}, Right: Playing{Addr: r, Super: "super:test"},
		FirstSeed: *first, Seeds: *seeds, Generating: Generating{Requests: *requests, Exclusive: true}, Run: os.Getenv("XC_RUN"), Log: os.Stderr,
	})
	for _, k := range slices.Sorted(maps.Keys(rep.Outcomes)) {
		t.Log(k, rep.Outcomes[k])
	}
	rep.Print(os.Stderr, "left", "right")
	if err != nil {
		t.Fatal(err)
	}
}

var (
	seeds    = flag.Int("seeds", 8, "")
	first    = flag.Uint64("first", 1, "")
	requests = flag.Int("requests", 100, "")
)
