package clients

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing/lock"
)

// BenchmarkHandover compares the time from one holder's release to the next holder's grant, of fencing/lock (which also brings a signed token) and of
// Curator's InterProcessMutex (which brings none), on one Paddock server, in turns. Each unit of b.N is a hundred handovers of each.
func BenchmarkHandover(b *testing.B) {
	path := javaClasses(b, "curator/HandoverMain.java")
	addr := zktest.StartPaddock(b, zktest.Config{}).Addr()
	var ours, theirs [2]time.Duration // median, 99th of a hundred
	for b.Loop() {
		o := handovers(b, addr, 100)
		ours[0], ours[1] = ours[0]+o[len(o)/2], ours[1]+o[len(o)*99/100]
		_, lines := speak(b, java(path, "HandoverMain", addr, "300", "100"))
		for i, word := range hear(b, lines, "HANDOVER")[1:] {
			us, err := strconv.Atoi(word)
			if err != nil {
				b.Fatal(err)
			}
			theirs[i] += time.Duration(us) * time.Microsecond
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(ours[0].Microseconds())/float64(b.N), "lock-p50-µs")
	b.ReportMetric(float64(ours[1].Microseconds())/float64(b.N), "lock-p99-µs")
	b.ReportMetric(float64(theirs[0].Microseconds())/float64(b.N), "curator-p50-µs")
	b.ReportMetric(float64(theirs[1].Microseconds())/float64(b.N), "curator-p99-µs")
}

// handovers takes a lock by two sessions in turn and gives the times of n handovers, sorted.
func handovers(b *testing.B, addr string, n int) []time.Duration {
	ctx := context.Background()
	var sessions [2]*lock.Session
	for i := range sessions {
		s, err := lock.Connect(ctx, lock.Config{Servers: []string{addr}, Timeout: 20 * time.Second})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		sessions[i] = s
	}
	var took []time.Duration
	for i := range n + 50 {
		mine, err := sessions[i%2].NewLock("/bench/ours").Lock(ctx)
		if err != nil {
			b.Fatal(err)
		}
		granted := make(chan time.Time, 1)
		go func() {
			if g, err := sessions[1-i%2].NewLock("/bench/ours").Lock(ctx); err == nil {
				granted <- time.Now()
				_ = g.Unlock(ctx)
			}
			close(granted)
		}()
		for names := []string{}; len(names) < 2; {
			names, _, _ = sessions[i%2].Conn().Children("/bench/ours")
		}
		<-time.After(2 * time.Millisecond) // its watch is set by now
		start := time.Now()
		if err := mine.Unlock(ctx); err != nil {
			b.Fatal(err)
		}
		at, ok := <-granted
		if !ok {
			b.Fatal("no grant")
		}
		<-granted
		if i >= 50 {
			took = append(took, at.Sub(start))
		}
	}
	slices.Sort(took)
	return took
}
