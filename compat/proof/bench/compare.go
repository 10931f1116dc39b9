package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Target is one of two ensembles that are compared.
type Target struct {
	Name    string // as it is printed
	Servers []string
	PIDs    []int
}

// Comparison is the outcome of Compare.
type Comparison struct {
	A, B   Target       `json:"-"`
	Rounds [][2]*Result // in the order A, B
}

// Compare runs the same configuration against two targets in turn: A B, then B A, then A B, so that a machine that slows down
// in between favours neither.
func Compare(ctx context.Context, c Config, a, b Target, rounds int) (*Comparison, error) {
	out := &Comparison{A: a, B: b}
	for i := range rounds {
		var pair [2]*Result
		for turn := range 2 {
			n := (turn + i) % 2
			target := []Target{a, b}[n]
			c.Servers, c.PIDs = target.Servers, target.PIDs
			result, err := Run(ctx, c)
			if err != nil {
				return out, fmt.Errorf("bench: round %d, %s: %w", i+1, target.Name, err)
			}
			pair[n] = result
		}
		out.Rounds = append(out.Rounds, pair)
	}
	return out, nil
}

// figure is something to compare, and whether more of it is better.
type figure struct {
	name string
	of   func(r *Result) float64
}

func figures(kinds []Latency) []figure {
	out := []figure{{"ops/s", func(r *Result) float64 { return r.PerSecond }}}
	for i, k := range kinds {
		at := func(r *Result, of func(l Latency) int64) float64 {
			if i >= len(r.Latency) {
				return 0
			}
			return float64(of(r.Latency[i]))
		}
		out = append(out,
			figure{k.Kind + " p50 µs", func(r *Result) float64 { return at(r, func(l Latency) int64 { return l.P50 }) }},
			figure{k.Kind + " p99 µs", func(r *Result) float64 { return at(r, func(l Latency) int64 { return l.P99 }) }})
	}
	return append(out,
		figure{"client µs/op", func(r *Result) float64 { return r.Client.MicrosPerOp }},
		figure{"server µs/op", func(r *Result) float64 {
			if r.Server == nil {
				return 0
			}
			return r.Server.MicrosPerOp
		}},
		figure{"server MB", func(r *Result) float64 {
			if r.Memory == nil {
				return 0
			}
			return float64(r.Memory.After) / 1e6
		}})
}

// Table writes the median of every figure for both targets and their ratio, and all ratios round by round.
func (c *Comparison) Table(w io.Writer) error {
	if len(c.Rounds) == 0 {
		return nil
	}
	first := c.Rounds[0][0]
	fmt.Fprintf(w, "%s, %d connections with %d in flight, %d rounds, medians\n", first.Workload, first.Connections, first.InFlight, len(c.Rounds))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\t%s\t%s\t%s/%s\tround by round\t\n", c.A.Name, c.B.Name, c.A.Name, c.B.Name)
	for _, f := range figures(first.Latency) {
		var a, b []float64
		each := ""
		for _, pair := range c.Rounds {
			x, y := f.of(pair[0]), f.of(pair[1])
			a, b = append(a, x), append(b, y)
			each += " " + ratio(x, y)
		}
		x, y := median(a), median(b)
		if x == 0 && y == 0 {
			continue
		}
		fmt.Fprintf(t, "%s\t%.4g\t%.4g\t%s\t%s\t\n", f.name, x, y, ratio(x, y), each)
	}
	return t.Flush()
}

func ratio(x, y float64) string {
	if y == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", x/y)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
