package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is the outcome of one run.
type Result struct {
	Workload    Workload         `json:"workload"`
	Servers     []string         `json:"servers"`
	Connections int              `json:"connections"`
	InFlight    int              `json:"in_flight"`
	Size        int              `json:"size"`
	Seconds     float64          `json:"seconds"`
	Ops         int64            `json:"ops"`
	PerSecond   float64          `json:"ops_per_second"`
	Latency     []Latency        `json:"latency"`
	Errors      map[string]int64 `json:"errors,omitempty"` // by code, e.g. "-101"
	Client      CPU              `json:"client"`
	Server      *CPU             `json:"server,omitempty"` // with process ids only
	Memory      *Memory          `json:"memory,omitempty"` // with process ids only
}

// Latency describes the answers of one kind, in microseconds.
type Latency struct {
	Kind  string  `json:"kind"`
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_us"`
	P50   int64   `json:"p50_us"`
	P95   int64   `json:"p95_us"`
	P99   int64   `json:"p99_us"`
	P999  int64   `json:"p999_us"`
	Max   int64   `json:"max_us"`
}

// CPU is what one side used during the measurement.
type CPU struct {
	Cores       float64 `json:"cores"`       // processors' worth
	MicrosPerOp float64 `json:"us_per_op"`   // CPU time of one operation
	Seconds     float64 `json:"cpu_seconds"` //
}

// Memory is the servers' resident memory, summed over the processes that were named.
type Memory struct {
	Before  int64   `json:"rss_before"`
	After   int64   `json:"rss_after"`
	PerItem float64 `json:"bytes_per_item,omitempty"` // populate: for each znode; sessions: for each session
}

func latency(kind string, h *hdrhistogram.Histogram) Latency {
	return Latency{
		Kind: kind, Count: h.TotalCount(), Mean: h.Mean(), Max: h.Max(),
		P50: h.ValueAtQuantile(50), P95: h.ValueAtQuantile(95), P99: h.ValueAtQuantile(99), P999: h.ValueAtQuantile(99.9),
	}
}

func cpu(used time.Duration, seconds float64, ops int64) CPU {
	c := CPU{Seconds: used.Seconds()}
	if seconds > 0 {
		c.Cores = used.Seconds() / seconds
	}
	if ops > 0 {
		c.MicrosPerOp = float64(used.Microseconds()) / float64(ops)
	}
	return c
}

// JSON writes results as one JSON array.
func JSON(w io.Writer, results []*Result) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(results)
}

// Table writes results for people, a line for each kind of request.
func Table(w io.Writer, results []*Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "workload\tconns\tin flight\tops/s\tkind\tp50\tp95\tp99\tp99.9\tmax\tclient µs/op\tserver µs/op\t")
	for _, r := range results {
		server := "-"
		if r.Server != nil {
			server = fmt.Sprintf("%.1f", r.Server.MicrosPerOp)
		}
		for i, l := range r.Latency {
			head := fmt.Sprintf("%s\t%d\t%d\t%.0f", r.Workload, r.Connections, r.InFlight, r.PerSecond)
			tail := fmt.Sprintf("%.1f\t%s", r.Client.MicrosPerOp, server)
			if i > 0 {
				head, tail = "\t\t\t", "\t"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", head, l.Kind, us(l.P50), us(l.P95), us(l.P99), us(l.P999), us(l.Max), tail)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		r.remarks(w)
	}
	return nil
}

// remarks writes what does not fit the table: errors, memory, and whether the generator itself was the limit.
func (r *Result) remarks(w io.Writer) {
	codes := make([]string, 0, len(r.Errors))
	for code := range r.Errors {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		fmt.Fprintf(w, "%s: %d answers were error %s\n", r.Workload, r.Errors[code], code)
	}
	if m := r.Memory; m != nil {
		fmt.Fprintf(w, "%s: server memory %.1f MB -> %.1f MB", r.Workload, float64(m.Before)/1e6, float64(m.After)/1e6)
		if m.PerItem != 0 {
			fmt.Fprintf(w, ", %.0f bytes for each", m.PerItem)
		}
		fmt.Fprintln(w)
	}
	if r.Server != nil && r.Server.MicrosPerOp > 0 && r.Client.MicrosPerOp > r.Server.MicrosPerOp {
		fmt.Fprintf(w, "%s: the generator used more CPU than the server (%.2f and %.2f cores): it may be the limit\n", r.Workload, r.Client.Cores, r.Server.Cores)
	}
}

func us(v int64) string {
	return (time.Duration(v) * time.Microsecond).Round(time.Microsecond).String()
}

// codeName is an error code as it is counted and reported.
func codeName(c int32) string { return strconv.Itoa(int(c)) }
