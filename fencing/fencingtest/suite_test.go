package fencingtest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/paddock-zk/paddock/fencing"
)

// memStore guards a map with fencing.Memory: check and write under one lock.
type memStore struct {
	g    *fencing.Guard
	w    fencing.Memory
	mu   sync.Mutex
	data map[string]string
}

func newMemStore(g *fencing.Guard) *memStore { return &memStore{g: g, data: map[string]string{}} }

func (s *memStore) Seal(ctx context.Context, t fencing.Token) error { return s.g.Seal(ctx, &s.w, t) }
func (s *memStore) Enrol(ctx context.Context, floor fencing.Token) error {
	return s.g.Enrol(ctx, &s.w, floor)
}
func (s *memStore) LoseWatermark(context.Context) error { s.w.Forget(s.g.Scope()); return nil }

func (s *memStore) Read(_ context.Context, key string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data[key], nil
}

func (s *memStore) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	return s.g.Check(ctx, s.w.Writing(func() error { return s.put(key, value, between) }), t)
}

func (s *memStore) put(key, value string, between func() error) error {
	if between != nil {
		if err := between(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data[key] = value
	return nil
}

func TestMemoryConforms(t *testing.T) {
	Run(t, func(t *testing.T, g *fencing.Guard) Store { return newMemStore(g) })
}

// twoStepStore is the classic mistake: the check is atomic, and the write is, but not both together.
type twoStepStore struct{ *memStore }

func (s twoStepStore) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	if err := s.g.Check(ctx, &s.w, t); err != nil {
		return err
	}
	return s.put(key, value, between)
}

// silentStore makes the same mistake, and does not let the suite into the moment between.
type silentStore struct{ *memStore }

func (s silentStore) Write(ctx context.Context, t fencing.Token, key, value string, _ func() error) error {
	if err := s.g.Check(ctx, &s.w, t); err != nil {
		return err
	}
	runtime.Gosched()
	return s.put(key, value, nil)
}

// forgetfulStore takes a missing watermark for an empty one.
type forgetfulStore struct{ *memStore }

func (s forgetfulStore) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	_ = s.Enrol(ctx, fencing.Token{})
	return s.memStore.Write(ctx, t, key, value, between)
}

// hastyStore seals by itself for whoever writes.
type hastyStore struct{ *memStore }

func (s hastyStore) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	_ = s.Seal(ctx, t)
	return s.memStore.Write(ctx, t, key, value, between)
}

// floatStore keeps the fence as a double, like Lua or JavaScript.
type floatStore struct{ *memStore }

func (s floatStore) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	t.Fence = int64(float64(t.Fence))
	return s.memStore.Write(ctx, t, key, value, between)
}

// equalStore takes the same grant for an old one.
type equalStore struct{ *memStore }

func (s equalStore) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	if m, ok := s.w.Mark(s.g.Scope()); ok && m.Fence == t.Fence {
		return &fencing.StaleToken{Token: t, Seen: m}
	}
	return s.memStore.Write(ctx, t, key, value, between)
}

// recorder is a TB whose Fatalf ends the case and is remembered.
type recorder struct {
	mu     sync.Mutex
	failed string
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.mu.Lock()
	r.failed = fmt.Sprintf(format, args...)
	r.mu.Unlock()
	runtime.Goexit()
}

// failures runs every case against fresh stores and returns the names of those that failed.
func failures(open func(g *fencing.Guard) Store) map[string]string {
	w, out := NewWorld(), map[string]string{}
	for _, c := range Cases() {
		r, done := &recorder{}, make(chan struct{})
		go func() {
			defer close(done)
			s := open(w.guard(c.RequireSeal))
			if c.Enrolled {
				must(r, "enrol", s.Enrol(context.Background(), fencing.Token{}))
			}
			c.Check(r, s, w)
		}()
		<-done
		if r.failed != "" {
			out[c.Name] = r.failed
		}
	}
	return out
}

func TestSuiteFailsGuardsThatAreWrong(t *testing.T) {
	for _, c := range []struct {
		what, caughtBy string
		open           func(g *fencing.Guard) Store
	}{
		{"check and write in two steps", "a write that was checked before a newer seal does not take effect after it",
			func(g *fencing.Guard) Store { return twoStepStore{newMemStore(g)} }},
		{"two steps without a moment that the suite can reach", "concurrent grants: no write lands after a newer seal",
			func(g *fencing.Guard) Store { return silentStore{newMemStore(g)} }},
		{"a missing watermark taken for an empty one", "loss of the watermark fails closed",
			func(g *fencing.Guard) Store { return forgetfulStore{newMemStore(g)} }},
		{"a seal that nobody asked for", "where a seal is required nothing else raises",
			func(g *fencing.Guard) Store { return hastyStore{newMemStore(g)} }},
		{"53-bit numbers", "large numbers keep every bit",
			func(g *fencing.Guard) Store { return floatStore{newMemStore(g)} }},
		{"equal tokens refused", "lower is stale, equal is the same grant, higher raises",
			func(g *fencing.Guard) Store { return equalStore{newMemStore(g)} }},
	} {
		t.Run(c.what, func(t *testing.T) {
			failed := failures(c.open)
			if failed[c.caughtBy] == "" {
				t.Fatalf("the suite did not fail it in %q; failures: %v", c.caughtBy, failed)
			}
			t.Logf("refused as it should be: %s", failed[c.caughtBy])
		})
	}
}
