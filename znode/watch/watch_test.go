package watch

import (
	"fmt"
	"math/rand"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/paddock-zk/paddock/znode"
)

var modes = map[string]Mode{"data": Data, "child": Child, "persistent": Persistent, "recursive": Recursive}

var types = map[string]Type{"children": TypeChildren, "data": TypeData, "any": TypeAny, "persistent": TypePersistent, "recursive": TypeRecursive}

var events = map[string]znode.EventType{"created": znode.EventCreated, "deleted": znode.EventDeleted, "changed": znode.EventDataChanged,
	"children": znode.EventChildrenChanged}

// The stories under testdata/watch.
//
//	add PATH MODE... w=N        remove|check PATH TYPE w=N        drop w=N
//	create|delete PATH          the events of such a transaction, in ZooKeeper's order
//	fire PATH EVENT             one event
func TestStories(t *testing.T) {
	datadriven.Walk(t, "../../testdata/watch", func(t *testing.T, path string) {
		table := New()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			out := story(t, table, d)
			if err := table.checkInvariants(); err != nil {
				t.Fatal(err)
			}
			return out
		})
	})
}

func story(t *testing.T, table *Table, d *datadriven.TestData) string {
	var w int
	d.MaybeScanArgs(t, "w", &w)
	path := ""
	var words []string
	for _, a := range d.CmdArgs {
		switch {
		case strings.HasPrefix(a.Key, "/"):
			path = a.Key
		case len(a.Vals) == 0:
			words = append(words, a.Key)
		}
	}
	var b strings.Builder
	fire := func(ty znode.EventType, name, path string) {
		table.Trigger(&znode.Event{Type: ty, Path: path}, func(w Watcher) { fmt.Fprintf(&b, "%d hears %s %s\n", w, name, path) })
	}
	parent := path[:max(strings.LastIndex(path, "/"), 0)]
	if parent == "" {
		parent = "/"
	}
	switch d.Cmd {
	case "add":
		for _, m := range words {
			added, _ := table.Add(path, modes[m], Watcher(w))
			fmt.Fprintf(&b, "%v\n", added)
		}
	case "remove":
		fmt.Fprintf(&b, "%v\n", table.Remove(path, types[words[0]], Watcher(w)))
	case "check":
		fmt.Fprintf(&b, "%v\n", table.Check(path, types[words[0]], Watcher(w)))
	case "drop":
		table.DropWatcher(Watcher(w))
	case "fire":
		fire(events[words[0]], words[0], path)
	case "create":
		fire(znode.EventCreated, "created", path)
		fire(znode.EventChildrenChanged, "children", parent)
	case "delete":
		fire(znode.EventDeleted, "deleted", path)
		fire(znode.EventChildrenChanged, "children", parent)
	case "counts":
		fmt.Fprintf(&b, "%+v\n", table.Counts())
	case "dump":
		table.ByPath(func(p string, ws []Watcher) { fmt.Fprintf(&b, "%s %v\n", p, ws) })
		table.ByWatcher(func(w Watcher, ps []string) { fmt.Fprintf(&b, "%d %v\n", w, ps) })
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
	if b.Len() == 0 {
		return "nobody\n"
	}
	return b.String()
}

// model is the two tables of ZooKeeper, literally: sets of modes by path and watcher.
type model struct{ data, child map[string]map[Watcher]Mode }

func (m *model) trigger(table map[string]map[Watcher]Mode, path string, told map[Watcher]bool) {
	for at, level := path, 0; at != ""; level++ {
		for w, mode := range table[at] {
			switch {
			case level == 0:
				told[w] = true
				if table[at][w] = mode &^ (Data | Child); table[at][w] == 0 {
					delete(table[at], w)
				}
			case mode&Recursive != 0:
				told[w] = true
			}
		}
		if at == "/" {
			break
		}
		if at = at[:strings.LastIndex(at, "/")]; at == "" {
			at = "/"
		}
	}
}

func (m *model) add(path string, mode Mode, w Watcher) {
	put := func(table map[string]map[Watcher]Mode, mode Mode) {
		if mode == 0 {
			return
		}
		if table[path] == nil {
			table[path] = map[Watcher]Mode{}
		}
		table[path][w] |= mode
	}
	put(m.data, mode&(Data|Persistent|Recursive))
	put(m.child, mode&(Child|Persistent))
}

func (m *model) remove(path string, mode Mode, w Watcher) (some bool) {
	for _, table := range []map[string]map[Watcher]Mode{m.data, m.child} {
		if table[path][w]&mode != 0 {
			some = true
			if table[path][w] &^= mode; table[path][w] == 0 {
				delete(table[path], w)
			}
		}
	}
	return some
}

func TestAgainstModel(t *testing.T) {
	paths := []string{"/", "/a", "/a/b", "/a/b/c", "/b", "/ab"}
	for seed := range int64(200) {
		g := rand.New(rand.NewSource(seed))
		table, m := New(), &model{map[string]map[Watcher]Mode{}, map[string]map[Watcher]Mode{}}
		for step := range 200 {
			path, w := paths[g.Intn(len(paths))], Watcher(1+g.Intn(4))
			switch g.Intn(8) {
			case 0, 1, 2:
				mode := Mode(1 << g.Intn(4))
				table.Add(path, mode, w)
				m.add(path, mode, w)
			case 3:
				ty := Type(1 + g.Intn(5))
				if got, want := table.Remove(path, ty, w), m.remove(path, ty.modes(), w); got != want {
					t.Fatalf("seed %d step %d: remove: %v, want %v", seed, step, got, want)
				}
			case 4:
				if g.Intn(5) == 0 {
					table.DropWatcher(w)
					for _, p := range paths {
						m.remove(p, known, w)
					}
				}
			default:
				compareTrigger(t, table, m, znode.EventType(1+g.Intn(4)), path)
			}
			if err := table.checkInvariants(); err != nil {
				t.Fatalf("seed %d step %d: %v", seed, step, err)
			}
		}
	}
}

func compareTrigger(t *testing.T, table *Table, m *model, ty znode.EventType, path string) {
	t.Helper()
	told := map[Watcher]bool{}
	if ty != znode.EventChildrenChanged {
		m.trigger(m.data, path, told)
	}
	if ty == znode.EventChildrenChanged || ty == znode.EventDeleted {
		m.trigger(m.child, path, told)
	}
	got := map[Watcher]bool{}
	n := table.Trigger(&znode.Event{Type: ty, Path: path}, func(w Watcher) {
		if got[w] {
			t.Fatalf("%d told twice", w)
		}
		got[w] = true
	})
	if n != len(told) || fmt.Sprint(got) != fmt.Sprint(told) {
		t.Fatalf("event %d %s: told %v, want %v", ty, path, got, told)
	}
}

// Many goroutines register while one triggers: for the race detector.
func TestConcurrentUse(t *testing.T) {
	table := New()
	var wg sync.WaitGroup
	for w := Watcher(1); w <= 4; w++ {
		wg.Go(func() {
			for i := range 2000 {
				path := fmt.Sprintf("/p%d", i%50)
				table.Add(path, Data|Child, w)
				table.Check(path, TypeAny, w)
				if i%100 == 0 {
					table.DropWatcher(w)
				}
				table.Counts()
			}
		})
	}
	for i := range 2000 {
		table.Trigger(&znode.Event{Type: znode.EventDeleted, Path: fmt.Sprintf("/p%d", i%50)}, func(Watcher) {})
	}
	wg.Wait()
	if err := table.checkInvariants(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkFanOut10k(b *testing.B) {
	table := New()
	ev := &znode.Event{Type: znode.EventDataChanged, Path: "/hot"}
	heard := 0
	b.ReportAllocs()
	for range b.N {
		b.StopTimer()
		for w := Watcher(1); w <= 10_000; w++ {
			table.Add("/hot", Data, w)
		}
		b.StartTimer()
		table.Trigger(ev, func(Watcher) { heard++ })
	}
}

func BenchmarkAdd(b *testing.B) {
	table := New()
	paths := make([]string, 1000)
	for i := range paths {
		paths[i] = fmt.Sprintf("/service/node%04d", i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		table.Add(paths[i%1000], Data, Watcher(i/1000%1000+1))
	}
}

// A write that nobody watches.
func BenchmarkTriggerNobody(b *testing.B) {
	table := New()
	table.Add("/else", Data, 1)
	ev := &znode.Event{Type: znode.EventDataChanged, Path: "/hot/path"}
	for range b.N {
		table.Trigger(ev, nil)
	}
}

func BenchmarkMemory(b *testing.B) {
	for _, shape := range []struct{ paths, watchers int }{{1000, 1000}, {100_000, 10}, {1_000_000, 1}} {
		b.Run(fmt.Sprintf("%dx%d", shape.paths, shape.watchers), func(b *testing.B) {
			for range b.N {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				table := New()
				for p := range shape.paths {
					for w := range shape.watchers {
						table.Add(fmt.Sprintf("/service/node%07d", p), Data, Watcher(w+1))
					}
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(shape.paths*shape.watchers), "B/watch")
				runtime.KeepAlive(table)
			}
		})
	}
}

func TestReportsAreSorted(t *testing.T) {
	table := New()
	table.Add("/b", Data, 2)
	table.Add("/a", Persistent, 2)
	table.Add("/a", Data, 1)
	table.Add("/c", Child, 3) // not of the data table
	var paths []string
	table.ByPath(func(p string, ws []Watcher) { paths = append(paths, fmt.Sprint(p, ws)) })
	if !slices.Equal(paths, []string{"/a[1 2]", "/b[2]"}) {
		t.Fatal(paths)
	}
}
