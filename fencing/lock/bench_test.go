package lock

import (
	"context"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
)

func benchSession(b *testing.B, addr string, l fencing.Lineage) *Session {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err := Connect(ctx, Config{Servers: []string{addr}, Timeout: 20 * time.Second, Lineage: l})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	return s
}

// kinds runs a benchmark against each kind of server.
func kinds(b *testing.B, bench func(b *testing.B, addr string, l fencing.Lineage)) {
	for _, kind := range []zktest.Kind{zktest.ZooKeeper, zktest.Paddock} {
		b.Run(string(kind), func(b *testing.B) {
			zktest.Require(b, string(kind))
			bench(b, zktest.Start(b, kind, zktest.Config{}).Addr(), lineageFor(kind))
		})
	}
}

// BenchmarkUncontended compares lock+unlock with the two writes that it cannot do without, and with them and the one round trip of reads
// that tells the holder that it holds.
func BenchmarkUncontended(b *testing.B) { kinds(b, uncontended) }

func uncontended(b *testing.B, addr string, l fencing.Lineage) {
	ctx, s := context.Background(), benchSession(b, addr, l)
	if err := s.ensure(ctx, "/bench/plain"); err != nil {
		b.Fatal(err)
	}
	locking := func() error {
		g, err := s.NewLock("/bench/lock").Lock(ctx)
		if err != nil {
			return err
		}
		return g.Unlock(ctx)
	}
	writing := func() error {
		n, err := s.conn.Create("/bench/plain/n-", nil, zk.FlagEphemeral|zk.FlagSequence, zk.WorldACL(zk.PermAll))
		if err != nil {
			return err
		}
		return s.conn.Delete(n, -1)
	}
	reading := func() error { _, _, err := s.conn.Get("/bench/plain"); return err }
	// In turns, so that whatever else the machine does hits both alike.
	var spent [3]time.Duration
	for b.Loop() {
		for i, do := range []func() error{writing, locking, reading} {
			start := time.Now()
			if err := do(); err != nil {
				b.Fatal(err)
			}
			spent[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(spent[0].Microseconds())/float64(b.N), "writes-µs")
	b.ReportMetric(float64(spent[1].Microseconds())/float64(b.N), "lock-µs")
	b.ReportMetric(float64(spent[2].Microseconds())/float64(b.N), "read-µs")
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "lock/writes")
}

// BenchmarkHandover is the time from one holder's unlock to the next holder's grant.
func BenchmarkHandover(b *testing.B) { kinds(b, handover) }

func handover(b *testing.B, addr string, l fencing.Lineage) {
	ctx := context.Background()
	sessions := [2]*Session{benchSession(b, addr, l), benchSession(b, addr, l)}
	g, err := sessions[0].NewLock("/bench/hand").Lock(ctx)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for i := 1; i <= b.N; i++ {
		b.StopTimer()
		next := make(chan *Grant, 1)
		go func() { g, _ := sessions[i%2].NewLock("/bench/hand").Lock(ctx); next <- g }()
		for names := []string{}; len(names) < 2; {
			if names, _, err = sessions[0].conn.Children("/bench/hand"); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if err := g.Unlock(ctx); err != nil {
			b.Fatal(err)
		}
		if g = <-next; g == nil {
			b.Fatal("no grant")
		}
	}
}
