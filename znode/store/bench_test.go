package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
	"github.com/paddock-zk/paddock/znode/store/storetest"
)

// grow applies creates of nodes with 100 bytes of data, 1,000 to a parent, until there are n.
func grow(tb testing.TB, st *znode.State, n int) {
	tb.Helper()
	var r znode.Result
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 100)
	acl := []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}
	z := zxid.New(1, 0)
	for i := range n {
		for k := range data {
			data[k] = byte(rng.Uint32()) // as if clients had compressed or encrypted it
		}
		path := fmt.Sprintf("/p%04d", i/1000)
		if i%1000 > 0 {
			path = fmt.Sprintf("/p%04d/node-%06d", i/1000, i)
		}
		r.Reset()
		z++
		st.Apply(z, 1_700_000_000_000+int64(i), &znode.Txn{Op: znode.Op{Kind: znode.KindCreate, Path: path, Data: data, ACL: acl, Wire: 1}}, &r)
		if r.Code != 0 {
			tb.Fatalf("create %s: %v", path, r.Code)
		}
	}
}

// resident is VmRSS and its anonymous part, in bytes.
func resident(tb testing.TB) (all, anon int64) {
	tb.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Skip("no /proc")
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			all = kb << 10
		}
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kb); n == 1 {
			anon = kb << 10
		}
	}
	return all, anon
}

const million = 1_000_000

// BenchmarkMillion is the life of a store with a million nodes of 100 bytes: written, loaded, checkpointed, loaded from that.
func BenchmarkMillion(b *testing.B) {
	dir := b.TempDir()
	opt := testOptions
	opt.Sum = nil
	s, err := store.Open(dir, opt)
	must(b, err)
	st := znode.NewState(znode.Options{})
	grow(b, st, million)
	b.Run("rebuild", func(b *testing.B) {
		for b.Loop() {
			must(b, s.Rebuild(st))
		}
	})
	must(b, s.Close())
	want := st.Digest()
	st = nil
	runtime.GC()
	b.Run("open+load", func(b *testing.B) {
		for b.Loop() {
			began := time.Now()
			s, err = store.Open(dir, opt)
			must(b, err)
			opened := time.Since(began)
			st = znode.NewState(znode.Options{})
			_, err = s.Load(st)
			must(b, err)
			b.ReportMetric(float64(opened.Milliseconds()), "ms-open")
			if st.Digest() != want {
				b.Fatal("another digest")
			}
			b.StopTimer()
			runtime.GC()
			all, anon := resident(b)
			b.ReportMetric(float64(all)/million, "B-rss/node")
			b.ReportMetric(float64(anon)/million, "B-anon/node")
			var ms runtime.MemStats
			runtime.ReadMemStats(&ms)
			b.ReportMetric(float64(ms.HeapAlloc)/million, "B-heap/node")
			must(b, s.Close())
			b.StartTimer()
		}
	})
	s, err = store.Open(dir, opt)
	must(b, err)
	var c store.Checkpoint
	b.Run("checkpoint", func(b *testing.B) {
		for b.Loop() {
			c, err = s.Checkpoint(context.Background(), nil)
			must(b, err)
			b.ReportMetric(float64(c.Size)/million, "B/node")
			b.StopTimer()
			all, _ := resident(b)
			b.ReportMetric(float64(all)/million, "B-rss/node")
			must(b, os.Rename(c.Path, dir+"/kept"))
			b.StartTimer()
		}
	})
	b.Run("load-checkpoint", func(b *testing.B) {
		for b.Loop() {
			_, err := store.LoadCheckpoint(dir+"/kept", nil, st)
			must(b, err)
		}
	})
	must(b, s.Close())
}

// BenchmarkCommit is the cost of batches of a thousand changed nodes.
func BenchmarkCommit(b *testing.B) {
	s := mustOpen(b, b.TempDir())
	st := znode.NewState(znode.Options{})
	grow(b, st, 100_000)
	must(b, s.Commit(store.Collect(st)))
	z := st.LastZxid()
	var r znode.Result
	data := make([]byte, 100)
	i := 0
	for b.Loop() {
		b.StopTimer()
		for range 1000 {
			i += 37
			z++
			data[0]++
			r.Reset()
			n := i % 100_000
			path := fmt.Sprintf("/p%04d", n/1000)
			if n%1000 > 0 {
				path = fmt.Sprintf("/p%04d/node-%06d", n/1000, n)
			}
			st.Apply(z, 1_700_000_000_000, &znode.Txn{Op: znode.Op{Kind: znode.KindSetData, Path: path, Data: data, Version: -1, Wire: 5}}, &r)
			if r.Code != 0 {
				b.Fatal(r.Code)
			}
		}
		b.StartTimer()
		must(b, s.Commit(store.Collect(st)))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
	must(b, s.Close())
}

// BenchmarkCollect is how long clients wait, at most and in all, while half a million changed nodes are collected.
func BenchmarkCollect(b *testing.B) {
	st := znode.NewState(znode.Options{})
	grow(b, st, million/2)
	for _, how := range []string{"whole", "pieces"} {
		b.Run(how, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				st.MarkAllChanged()
				w := &held{st: st}
				b.StartTimer()
				if how == "whole" {
					w.Change(func(st *znode.State) { store.Collect(st) })
				} else {
					must(b, store.Follow("bench", nowhere{storetest.NewDisk()}, w, w, store.FollowOptions{}).Flush(b.Context()))
				}
				b.ReportMetric(float64(w.most.Microseconds())/1000, "ms-held-at-most")
				b.ReportMetric(float64(w.all.Microseconds())/1000, "ms-held-in-all")
			}
		})
	}
}

// held times how long a state is held.
type held struct {
	st        *znode.State
	most, all time.Duration
}

func (h *held) Change(f func(*znode.State)) {
	begun := time.Now()
	f(h.st)
	took := time.Since(begun)
	h.most, h.all = max(h.most, took), h.all+took
}
func (h *held) SetFlag(znode.Flags, bool)   {}
func (h *held) CompactBefore(zxid.ID) error { return nil }
func (h *held) Reserve() error              { return nil }

// nowhere drops what is committed.
type nowhere struct{ *storetest.Disk }

func (nowhere) Commit(*store.Batch) error { return nil }
