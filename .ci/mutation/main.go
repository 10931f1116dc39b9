// Command mutation plants the faults of the lists beside it, one at a time, and demands that the named test fails. README.md
// beside it says how the lists are written and read.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// verdict is the word for one fault.
type verdict string

const (
	caught   verdict = "caught"
	survived verdict = "SURVIVED"
	stale    verdict = "STALE"  // its text no longer stands in the code exactly once
	broken   verdict = "BROKEN" // the fault does not compile, or the test fails without it or does not exist
)

func main() {
	room := flag.String("room", "", "only the faults of this list, for example zab")
	name := flag.String("name", "", "only the faults whose name contains this")
	list := flag.Bool("list", false, "print the faults, and hold their texts against the code, without running anything")
	jobs := flag.Int("j", 2, "how many tests run at the same time")
	verbose := flag.Bool("v", false, "print what the test said")
	flag.Parse()
	faults, err := lists(".ci/mutation", *room)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(2)
	}
	faults = named(faults, *name)
	if len(faults) == 0 {
		fmt.Fprintf(os.Stderr, "mutation: no fault has %q in its name\n", *name)
		os.Exit(2)
	}
	started := time.Now()
	r := &runner{verbose: *verbose, count: map[verdict]int{}, whole: map[string]*baseline{}}
	if *list {
		for i := range faults {
			r.show(&faults[i])
		}
	} else {
		r.all(faults, *jobs)
	}
	fmt.Printf("\n%d faults, %d %s, %d %s, %d %s, %d %s, %v\n", len(faults), r.count[caught], caught, r.count[survived], survived,
		r.count[stale], stale, r.count[broken], broken, time.Since(started).Round(time.Second))
	if r.count[survived]+r.count[stale]+r.count[broken] > 0 {
		os.Exit(1)
	}
}

func named(faults []fault, name string) []fault {
	var out []fault
	for _, f := range faults {
		if strings.Contains(strings.ToLower(f.name), strings.ToLower(name)) {
			out = append(out, f)
		}
	}
	return out
}

// runner tries faults and counts how they end.
type runner struct {
	verbose bool
	mu      sync.Mutex
	count   map[verdict]int
	whole   map[string]*baseline // by the arguments of the test
}

// baseline is the run of a test without any fault, once for all faults that name it.
type baseline struct {
	once sync.Once
	err  error
}

func (r *runner) all(faults []fault, jobs int) {
	queue := make(chan *fault)
	var running sync.WaitGroup
	for range max(1, jobs) {
		running.Go(func() {
			for f := range queue {
				r.try(f)
			}
		})
	}
	for i := range faults {
		queue <- &faults[i]
	}
	close(queue)
	running.Wait()
}

// show is for -list.
func (r *runner) show(f *fault) {
	if _, err := f.plant(""); err != nil {
		r.say(f, stale, err.Error(), "")
		return
	}
	fmt.Printf("%-9s %s\n", f.room, f.name)
	if f.from != "" {
		fmt.Printf("          from %s\n", f.from)
	}
	fmt.Printf("          go test %s\n", strings.Join(f.test, " "))
}

// try plants one fault and says how it ended.
func (r *runner) try(f *fault) {
	folder, err := os.MkdirTemp("", "mutation")
	if err != nil {
		r.say(f, broken, err.Error(), "")
		return
	}
	defer os.RemoveAll(folder)
	overlay, err := f.plant(folder)
	if err != nil {
		r.say(f, stale, err.Error(), "")
		return
	}
	if err := r.passesWithout(f); err != nil {
		r.say(f, broken, err.Error(), "")
		return
	}
	o, err := goTest(f, overlay, folder)
	took := o.took.Round(100 * time.Millisecond)
	switch {
	case err != nil:
		r.say(f, broken, err.Error(), "")
	case !o.built:
		r.say(f, broken, "the fault does not compile", o.out)
	case o.passed:
		r.say(f, survived, fmt.Sprintf("go test %s passes (%v)", strings.Join(f.test, " "), took), o.out)
	case o.late && f.hang == 0:
		r.say(f, broken, fmt.Sprintf("the test hangs (%v), and the entry does not say that this counts", took), o.out)
	case o.late:
		r.say(f, caught, fmt.Sprintf("by a test that hangs (%v)", took), o.out)
	case len(o.failing) == 0:
		r.say(f, caught, fmt.Sprintf("by the end of the test's process (%v)", took), o.out)
	default:
		r.say(f, caught, fmt.Sprintf("by %s (%v)", strings.Join(short(o.failing), ", "), took), o.out)
	}
}

// short names the first few.
func short(tests []string) []string {
	if len(tests) > 3 {
		return append(tests[:3:3], fmt.Sprintf("and %d more", len(tests)-3))
	}
	return tests
}

// passesWithout runs the test of a fault once without it: a test that fails anyway catches nothing.
func (r *runner) passesWithout(f *fault) error {
	key := strings.Join(f.test, " ")
	r.mu.Lock()
	b := r.whole[key]
	if b == nil {
		b = &baseline{}
		r.whole[key] = b
	}
	r.mu.Unlock()
	b.once.Do(func() {
		o, err := goTest(f, nil, "")
		switch {
		case err != nil:
			b.err = err
		case !o.passed:
			b.err = fmt.Errorf("go test %s fails without the fault:\n%s", key, o.out)
		case o.ran == 0:
			b.err = fmt.Errorf("go test %s finds no test", key)
		}
	})
	return b.err
}

func (r *runner) say(f *fault, v verdict, why, out string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[v]++
	fmt.Printf("%-8s  %s: %s\n          %s\n", v, f.room, f.name, why)
	if v == stale || v == broken || v == survived {
		fmt.Printf("          the entry stands at %s\n", f.where)
	}
	if out != "" && (r.verbose || v == broken) {
		fmt.Println(out)
	}
}
