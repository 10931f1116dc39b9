package crosscheck

import (
	"bytes"
	"context"
	"flag"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

var (
	seeds    = flag.Int("seeds", 24, "scripts to play to the real ZooKeeper and to Paddock")
	first    = flag.Uint64("first", 1, "the seed of the first script")
	requests = flag.Int("requests", 100, "steps in each script")
	left     = flag.String("left", "", "host:port of a server that runs already, instead of a ZooKeeper of the test's own")
	right    = flag.String("right", "", "host:port of a server that runs already, instead of a Paddock of the test's own")
)

const super = "super:test"

// variants are the configurations in which servers are compared: what they decide is part of what must be equal.
func variants() map[string][]string {
	common := []string{
		"tickTime=2000", "minSessionTimeout=20000", "maxSessionTimeout=600000", "forceSync=no",
		"znode.container.checkIntervalMs=2000000000", // Paddock's spelling; ZooKeeper wants a system property, see start
		"DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
	}
	return map[string][]string{
		"extended": append([]string{"extendedTypesEnabled=true", "enforceQuota=true"}, common...),
		"default":  append([]string{"reconfigEnabled=true"}, common...),
	}
}

func start(t *testing.T, kind zktest.Kind, extra []string) string {
	t.Helper()
	return zktest.Start(t, kind, zktest.Config{Extra: extra, JVM: []string{"-Dznode.container.checkIntervalMs=2000000000"}}).Addr()
}

// run checks two servers and prints what differs.
func run(t *testing.T, o Options) *Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Minute)
	defer cancel()
	o.Left.Super, o.Right.Super = super, super
	o.Generating.Super = super
	o.Run = strconv.FormatInt(time.Now().UnixNano(), 36)
	report, err := Check(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func text(r *Report) string {
	var b bytes.Buffer
	r.Print(&b, "zookeeper", "paddock")
	return b.String()
}

// judge fails the test for what was found. A difference that does not show again, though its script is played ten times more, is one
// that ZooKeeper's threads and hash orders make (seen once in 120,000 steps: into which of two quotas a node was counted): one of these
// in a run is printed, and passes.
func judge(t *testing.T, o Options, report *Report) {
	t.Helper()
	real := slices.DeleteFunc(slices.Clone(report.Findings), func(f *Finding) bool {
		if f.Repeated || len(f.Seeds) > 1 {
			return false
		}
		for range 10 {
			o.FirstSeed, o.Seeds = f.Seeds[0], 1
			if len(run(t, o).Findings) > 0 {
				return false
			}
		}
		return true
	})
	switch {
	case len(real) > 0 || len(report.Findings) > 1:
		t.Error("\n" + text(report))
	case len(report.Findings) > 0:
		t.Log("NOT REPEATABLE, and passed over:\n" + text(report))
	}
}

// Paddock answers what ZooKeeper answers.
func TestPaddockAnswersAsZooKeeper(t *testing.T) {
	for name, extra := range variants() {
		t.Run(name, func(t *testing.T) {
			l, r := *left, *right
			if l == "" {
				l = start(t, zktest.ZooKeeper, extra)
			}
			if r == "" {
				r = start(t, zktest.Paddock, extra)
			}
			checkPinned(t, l, r)
			o := Options{
				Left: Playing{Addr: l}, Right: Playing{Addr: r}, FirstSeed: *first, Seeds: *seeds,
				Generating: Generating{Requests: *requests, Exclusive: true}, Log: os.Stderr,
			}
			judge(t, o, run(t, o))
		})
	}
}

// An ensemble of three answers as ZooKeeper's does, through a server that need not be the leader. Its configuration names ports of this
// machine, so the nodes outside of the scripts' own subtrees are left alone.
func TestPaddockEnsembleAnswersAsZooKeepers(t *testing.T) {
	l, r := startEnsemble(t, zktest.ZooKeeper), startEnsemble(t, zktest.Paddock)
	for i := range 2 {
		o := Options{
			Left: Playing{Addr: l.Servers[i].Addr()}, Right: Playing{Addr: r.Servers[i].Addr()}, FirstSeed: *first, Seeds: *seeds / 2,
			Generating: Generating{Requests: *requests, Ensemble: true}, Log: os.Stderr,
		}
		t.Logf("server %d of each ensemble", i+1)
		judge(t, o, run(t, o))
	}
}

func startEnsemble(t *testing.T, kind zktest.Kind) *zktest.Ensemble {
	t.Helper()
	return zktest.StartEnsemble(t, kind, 3, zktest.Config{Extra: variants()["extended"], JVM: []string{"-Dznode.container.checkIntervalMs=2000000000"}})
}

// checkPinned plays the scripts that once showed a difference.
func checkPinned(t *testing.T, l, r string) {
	t.Helper()
	c := &check{Options: Options{Left: Playing{Addr: l, Super: super}, Right: Playing{Addr: r, Super: super}, Run: "pinned" + strconv.FormatInt(time.Now().UnixNano(), 36)}}
	scripts := malformed()
	maps.Copy(scripts, pinned())
	for name, steps := range scripts {
		a, b, err := c.play(context.Background(), steps)
		if err != nil {
			t.Fatal(err)
		}
		if d := Compare(steps, a, b, nil); d != nil {
			f := &Finding{Script: Script{Profile: "pinned", Steps: steps}, Difference: *d, Repeated: true}
			t.Errorf("%s:\n%s", name, text(&Report{Findings: []*Finding{f}}))
		}
	}
}

// ZooKeeper does not differ from ZooKeeper (so whatever is found is real), and every difference that is planted is found (so that
// finding nothing means something).
func TestTheCheckerSeesExactlyWhatDiffers(t *testing.T) {
	extra := variants()["extended"]
	l, r := start(t, zktest.ZooKeeper, extra), start(t, zktest.ZooKeeper, extra)
	t.Run("nothing", func(t *testing.T) {
		report := run(t, Options{Left: Playing{Addr: l}, Right: Playing{Addr: r}, Seeds: 16, Generating: Generating{Requests: 100, Exclusive: true}})
		if len(report.Findings) > 0 {
			t.Fatal("\n" + text(report))
		}
		for _, outcome := range []string{"create 0", "create -110", "delete -111", "setData -103", "event 1", "event 2", "event 3", "event 4", "closed"} {
			if report.Outcomes[outcome] == 0 {
				t.Errorf("16 scripts never saw %q: they reach too little", outcome)
			}
		}
	})
	for _, p := range plants() {
		t.Run(p.name, func(t *testing.T) {
			proxy := newProxy(t, r, p.alter)
			report := run(t, Options{
				Left: Playing{Addr: l}, Right: Playing{Addr: proxy, Within: time.Second}, Seeds: 16, Stop: 1, Generating: Generating{Requests: 100},
			})
			if len(report.Findings) == 0 {
				t.Fatal("the difference was not found")
			}
			f := report.Findings[0]
			if len(f.Script.Steps) > 12 {
				t.Errorf("the shortest script still has %d steps:\n%s", len(f.Script.Steps), text(report))
			}
			if !strings.Contains(f.Signature, p.signature) {
				t.Errorf("found %q, planted something about %q:\n%s", f.Signature, p.signature, text(report))
			}
		})
	}
}

func TestOneServerIsNoTwo(t *testing.T) {
	addr := start(t, zktest.Paddock, nil)
	_, err := Check(t.Context(), Options{Left: Playing{Addr: addr}, Right: Playing{Addr: addr}, Seeds: 1, FirstSeed: 1, Run: "one", Generating: Generating{Requests: 5}})
	if err == nil || !strings.Contains(err.Error(), "give two that do not share their data") {
		t.Errorf("one server was compared with itself: %v", err)
	}
}

func TestTheSameSeedIsTheSameScript(t *testing.T) {
	for seed := range uint64(32) {
		opt := Generating{Requests: 200, Exclusive: seed%2 == 0, Super: super}
		a, b := Generate(seed, opt), Generate(seed, opt)
		if a.String() != b.String() {
			t.Fatalf("seed %d makes different scripts", seed)
		}
		if len(a.Steps) < 200 {
			t.Fatalf("seed %d makes only %d steps", seed, len(a.Steps))
		}
	}
}

// Every subset of a script is a script, which is what shrinking relies on.
func TestGroupsLoseNoStep(t *testing.T) {
	script := Generate(5, Generating{Requests: 300})
	for drop := range 7 {
		var steps []Step
		for i, s := range script.Steps {
			if i%7 != drop {
				steps = append(steps, s)
			}
		}
		n := 0
		for _, g := range groups(steps) {
			n += len(g)
			for _, s := range g[1:] {
				if s.Conn != g[0].Conn || s.Act != Send {
					t.Fatalf("a group joins %v and %v", g[0], s)
				}
			}
		}
		if n != len(steps) {
			t.Fatalf("%d steps in groups, %d in the script", n, len(steps))
		}
	}
}
