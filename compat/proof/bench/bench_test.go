package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// quick is a run that is long enough to measure something.
func quick(addr string, w Workload) Config {
	return Config{Servers: []string{addr}, Workload: w, Connections: 3, InFlight: 8, Duration: 200 * time.Millisecond, Warmup: 50 * time.Millisecond,
		Shape: Shape{Keys: 20, Children: 10, Parts: 3}}
}

// longEnough runs until something was measured: on a busy machine not one operation may end in the time of a quick run.
func longEnough(ctx context.Context, c Config) (*Result, error) {
	for {
		r, err := Run(ctx, c)
		if !errors.Is(err, ErrTooShort) || c.Duration > zktest.Patience {
			return r, err
		}
		c.Duration *= 4
	}
}

// Every workload runs, measures something, sees no error, and leaves nothing behind, on both kinds of server.
func TestEveryWorkload(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		server := zktest.Start(t, kind, zktest.Config{})
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
		defer cancel()
		for _, w := range Workloads() {
			t.Run(string(w), func(t *testing.T) {
				c := quick(server.Addr(), w)
				c.PIDs = []int{server.PID()}
				if w == Populate {
					c.Count = 2000
				}
				r, err := longEnough(ctx, c)
				if err != nil {
					t.Fatal(err)
				}
				if r.Ops == 0 || r.PerSecond <= 0 || len(r.Latency) == 0 || len(r.Errors) > 0 {
					t.Fatalf("got %+v", r)
				}
				if r.Server == nil || r.Memory == nil || r.Memory.After == 0 {
					t.Fatal("the server's process was not looked at")
				}
				if w == Populate && r.Ops != 2000 {
					t.Fatalf("%d nodes instead of 2000", r.Ops)
				}
			})
		}
		a, err := newAttendant(ctx, quick(server.Addr(), Get).WithDefaults())
		if err != nil {
			t.Fatal(err)
		}
		defer a.close()
		top, err := a.list(ctx, []string{""})
		if err != nil || len(top) != 1 || top[0] != "/zookeeper" {
			t.Fatalf("left behind: %v, %v", top, err)
		}
	})
}

func TestCompare(t *testing.T) {
	server := zktest.StartZooKeeper(t, zktest.Config{})
	target := Target{Name: "one", Servers: []string{server.Addr()}}
	config := quick("", Get)
	c, err := Compare(context.Background(), config, target, target, 2)
	for ; errors.Is(err, ErrTooShort) && config.Duration < zktest.Patience; c, err = Compare(context.Background(), config, target, target, 2) {
		config.Duration *= 4
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Table(&b); err != nil || !strings.Contains(b.String(), "ops/s") || len(c.Rounds) != 2 {
		t.Fatalf("%v\n%s", err, b.String())
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"no server":        {Workload: Get},
		"no such workload": {Servers: []string{"x:1"}, Workload: "nonsense"},
		"negative":         {Servers: []string{"x:1"}, Workload: Get, Connections: -1},
		"percent":          {Servers: []string{"x:1"}, Workload: Mix, Shape: Shape{ReadPercent: 101}},
		"root":             {Servers: []string{"x:1"}, Workload: Get, Root: "bench"},
		"auth":             {Servers: []string{"x:1"}, Workload: Get, Auth: "nocolon"},
	} {
		if _, err := Run(context.Background(), c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestReports(t *testing.T) {
	k := newRecorder("get")
	k.add([]int64{100, 200, 300, -5, longest * 2})
	r := &Result{Workload: Get, Connections: 2, InFlight: 3, PerSecond: 12345, Latency: []Latency{latency(k.name, k.hist)}, Errors: map[string]int64{"-101": 4},
		Client: CPU{MicrosPerOp: 5}, Server: &CPU{MicrosPerOp: 3}, Memory: &Memory{Before: 1e6, After: 2e6, PerItem: 230}}
	if l := r.Latency[0]; l.Count != 5 || l.P50 < 199 || l.P50 > 201 {
		t.Fatalf("got %+v", l)
	}
	var b bytes.Buffer
	if err := Table(&b, []*Result{r}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"12345", "4 answers were error -101", "230 bytes for each", "it may be the limit"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, b.String())
		}
	}
	b.Reset()
	var back []Result
	if err := JSON(&b, []*Result{r}); err != nil || json.Unmarshal(b.Bytes(), &back) != nil || back[0].Memory.PerItem != 230 {
		t.Fatalf("%v\n%s", err, b.String())
	}
}
