package session

import (
	"fmt"
	"math/rand"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// Random(0).nextBytes as every JVM computes it: id chosen so that the seed is 0.
func TestLegacyPasswordIsJavaRandom(t *testing.T) {
	got := fmt.Sprintf("%x", LegacyPassword(0xB3415C00))
	if want := "60b420bb3851d9d47acb933dbe70399b"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestNegotiate(t *testing.T) {
	l := Limits{MinMs: 4000, MaxMs: 40000}
	for asked, want := range map[int32]int32{-1: 4000, 0: 4000, 4000: 4000, 10000: 10000, 40001: 40000, 1<<31 - 1: 40000} {
		if got := l.Negotiate(asked); got != want {
			t.Errorf("asked %d: got %d, want %d", asked, got, want)
		}
	}
}

func TestGeneratorKeepsToTheLayout(t *testing.T) {
	for _, peer := range []uint8{1, 127, 128, 254} {
		g := NewGenerator(peer, 0x123456789abcd)
		first := g.Next()
		if first.Peer() != peer || uint64(first)&0xffff != 0 || uint64(first)>>16&0xffffffffff != 0x3456789abcd&0xffffffffff {
			t.Errorf("peer %d: first id %v", peer, first)
		}
		if second := g.Next(); second != first+1 {
			t.Errorf("peer %d: after %v comes %v", peer, first, second)
		}
	}
	g := &Generator{next: 0x05ffffffffffffff}
	g.Next()
	if id := g.Next(); id.Peer() != 5 {
		t.Errorf("the counter ran into the server's byte: %v", id)
	}
	if id := NewGenerator(128, 0).Next(); id == container {
		t.Errorf("%v means container", id)
	}
}

// The stories under testdata/session: commands add, touch, remove, reopen (id=N timeout=N), advance (max=N), extend, dump; all with now=N.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "../testdata/session", func(t *testing.T, path string) {
		var tr *Tracker
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return story(t, &tr, d)
		})
	})
}

func story(t *testing.T, tr **Tracker, d *datadriven.TestData) string {
	var id, now, timeout, limit, gap, tick int64 = 0, 0, 0, 100, 0, 1000
	d.MaybeScanArgs(t, "id", &id)
	d.MaybeScanArgs(t, "now", &now)
	d.MaybeScanArgs(t, "timeout", &timeout)
	d.MaybeScanArgs(t, "max", &limit)
	d.MaybeScanArgs(t, "gap", &gap)
	d.MaybeScanArgs(t, "tick", &tick)
	switch d.Cmd {
	case "tracker":
		*tr = NewTracker(tick, now)
	case "add":
		(*tr).Add(ID(id), int32(timeout), now)
	case "touch":
		return fmt.Sprintln((*tr).Touch(ID(id), int32(timeout), now))
	case "remove":
		(*tr).Remove(ID(id))
	case "reopen":
		(*tr).Reopen(ID(id), now)
	case "extend":
		(*tr).Extend(gap)
	case "advance":
		return fmt.Sprintln((*tr).Advance(now, int(limit), nil))
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
	return describe(*tr)
}

func describe(t *Tracker) string {
	var b strings.Builder
	t.Buckets(func(ms int64, ids []ID) { fmt.Fprintf(&b, "%d: %v\n", ms, ids) })
	if b.Len() == 0 {
		return "nobody waits\n"
	}
	return b.String()
}

// A second implementation: a map of deadlines.
func TestTrackerAgainstModel(t *testing.T) {
	const tick = 100
	for seed := range int64(50) {
		g := rand.New(rand.NewSource(seed))
		tr, now := NewTracker(tick, 0), int64(0)
		due, timeouts := map[ID]int64{}, map[ID]int64{} // due: not closing
		set := func(id ID) { due[id] = ((now+timeouts[id])/tick + 1) * tick }
		for range 2000 {
			id := ID(1 + g.Intn(20))
			switch now += int64(g.Intn(60)); g.Intn(6) {
			case 0:
				_, known := timeouts[id]
				_, waiting := due[id]
				if tr.Add(id, 500, now); !known || waiting {
					timeouts[id] = 500
					set(id)
				}
			case 1, 2:
				_, waiting := due[id]
				if got := tr.Touch(id, 0, now); got != waiting {
					t.Fatalf("seed %d: touch of %v: %v", seed, id, got)
				}
				if waiting {
					set(id)
				}
			case 3:
				tr.Remove(id)
				delete(due, id)
				delete(timeouts, id)
			default:
				got := tr.Advance(now, 1000, nil)
				var want []ID
				for id, at := range due {
					if at <= now {
						want = append(want, id)
						delete(due, id)
					}
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d at %d: late are %v, want %v", seed, now, got, want)
				}
			}
			if tr.Len() != len(timeouts) {
				t.Fatalf("seed %d: %d sessions, want %d", seed, tr.Len(), len(timeouts))
			}
		}
	}
}

// Every session lives at least its timeout and at most a tick longer, whatever the pauses given back.
func TestExtendGivesThePauseBack(t *testing.T) {
	tr := NewTracker(100, 0)
	tr.Add(1, 1000, 0)
	tr.Extend(5000)
	if late := tr.Advance(5999, 10, nil); len(late) != 0 {
		t.Fatalf("expired within the pause: %v", late)
	}
	if ms, ok := tr.NextDeadline(); !ok || ms != 6100 {
		t.Fatalf("next deadline %d %v", ms, ok)
	}
	if late := tr.Advance(6100, 10, nil); len(late) != 1 {
		t.Fatal("never expired")
	}
}

func BenchmarkTouch(b *testing.B) {
	const sessions = 100_000
	tr := NewTracker(2000, 0)
	for i := range ID(sessions) {
		tr.Add(i+1, 30000, 0)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		tr.Touch(ID(i%sessions)+1, 0, int64(i/100)) // 100 touches a ms
	}
}

func BenchmarkMemory(b *testing.B) {
	const sessions = 100_000
	for range b.N {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		tr := NewTracker(2000, 0)
		for i := range ID(sessions) {
			tr.Add(i+1, 30000, int64(i))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/sessions, "B/session")
		runtime.KeepAlive(tr)
	}
}

// A report may come behind a newer one: it shortens nothing.
func TestLateTouchShortensNothing(t *testing.T) {
	x := NewTracker(100, 0)
	x.Add(1, 1000, 0)
	x.Touch(1, 1000, 900)
	x.Touch(1, 1000, 300)
	if late := x.Advance(1800, 10, nil); len(late) > 0 {
		t.Errorf("%v ended 900 ms after it was heard", late)
	}
	if late := x.Advance(2000, 10, nil); len(late) != 1 {
		t.Errorf("late are %v", late)
	}
}

// Sessions of one tick end in the order of their ids, in whatever order they came.
func TestAdvanceHidesTheOrderOfAdding(t *testing.T) {
	tr := NewTracker(100, 0)
	for _, id := range []ID{5, 1, 9, 3} {
		tr.Add(id, 1000, 0)
	}
	if got := tr.Advance(5000, 10, nil); !slices.Equal(got, []ID{1, 3, 5, 9}) {
		t.Errorf("%v", got)
	}
}
