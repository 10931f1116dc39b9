package admin

import (
	"fmt"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// NewMetricsHandler serves the metrics as Prometheus text, under ZooKeeper's names without prefix. With goRuntime, what Go knows of
// itself stands behind them under the usual go_ and process_ names (metricsProvider.exportJvmInfo).
func NewMetricsHandler(src Source, goRuntime bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r := src.Report(0)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		b := appendPrometheus(nil, &r, src.Metrics())
		if goRuntime {
			b = appendGo(b)
		}
		_, _ = w.Write(b)
	})
}

func appendPrometheus(b []byte, r *Report, m *Metrics) []byte {
	for _, g := range gauges(r) {
		b = appendHead(b, g.name, "gauge")
		b = appendSample(b, g.name, "", g.v)
	}
	entries := slices.SortedFunc(slices.Values(m.entries), func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for _, e := range entries {
		switch {
		case e.counter != nil:
			b = appendHead(b, e.name, "counter")
			b = appendSample(b, e.name, "", e.counter.Value())
		case e.summary != nil:
			b = appendHead(b, e.name, "summary")
			b = appendSummary(b, e.name, "", e.summary)
		default:
			b = appendHead(b, e.name, "summary")
			keys := map[string]*Summary{}
			e.set.each(func(key string, s *Summary) { keys[key] = s })
			for _, key := range sortedNames(keys) {
				b = appendSummary(b, e.name, `key="`+escapeLabel(key)+`"`, keys[key])
			}
		}
	}
	return b
}

func sortedNames(m map[string]*Summary) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func escapeLabel(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "\ufffd"))
}

func appendHead(b []byte, name, kind string) []byte {
	return append(b, "# HELP "+name+" "+name+"\n# TYPE "+name+" "+kind+"\n"...)
}

func appendSample(b []byte, name, labels string, v any) []byte {
	b = append(b, name...)
	if labels != "" {
		b = append(b, "{"+labels+"}"...)
	}
	b = append(b, ' ')
	switch x := v.(type) {
	case int64:
		b = strconv.AppendInt(b, x, 10)
	case float64:
		b = append(b, prometheusFloat(x)...)
	}
	return append(b, '\n')
}

func prometheusFloat(v float64) string {
	if math.IsNaN(v) {
		return "NaN"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// appendSummary writes quantiles, count and sum. Without observations quantiles are NaN, as the Prometheus clients write them.
func appendSummary(b []byte, name, labels string, s *Summary) []byte {
	t := s.Totals()
	quantiles := []float64{0.5}
	if s.detailed {
		quantiles = []float64{0.5, 0.9, 0.95, 0.99}
	}
	for _, q := range quantiles {
		if s.hist == nil {
			break
		}
		v := math.NaN()
		if t.Count > 0 {
			v = s.Quantile(q)
		}
		l := fmt.Sprintf("quantile=%q", strconv.FormatFloat(q, 'g', -1, 64))
		if labels != "" {
			l = labels + "," + l
		}
		b = appendSample(b, name, l, v)
	}
	b = appendSample(b, name+"_count", labels, t.Count)
	return appendSample(b, name+"_sum", labels, t.Sum)
}

// appendGo writes what the JVM's collectors would have told, of Go, under the names of the Go client of Prometheus.
func appendGo(b []byte) []byte {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	open, limit := files()
	rss, cpu := resident()
	for _, v := range []struct {
		name, kind string
		v          any
	}{
		{"go_goroutines", "gauge", int64(runtime.NumGoroutine())},
		{"go_gc_cycles_total", "counter", int64(mem.NumGC)},
		{"go_gc_pause_seconds_total", "counter", float64(mem.PauseTotalNs) / 1e9},
		{"go_memstats_alloc_bytes", "gauge", int64(mem.Alloc)},
		{"go_memstats_alloc_bytes_total", "counter", int64(mem.TotalAlloc)},
		{"go_memstats_heap_alloc_bytes", "gauge", int64(mem.HeapAlloc)},
		{"go_memstats_heap_idle_bytes", "gauge", int64(mem.HeapIdle)},
		{"go_memstats_heap_inuse_bytes", "gauge", int64(mem.HeapInuse)},
		{"go_memstats_heap_objects", "gauge", int64(mem.HeapObjects)},
		{"go_memstats_next_gc_bytes", "gauge", int64(mem.NextGC)},
		{"go_memstats_stack_inuse_bytes", "gauge", int64(mem.StackInuse)},
		{"go_memstats_sys_bytes", "gauge", int64(mem.Sys)},
		{"process_cpu_seconds_total", "counter", cpu},
		{"process_max_fds", "gauge", limit},
		{"process_open_fds", "gauge", open},
		{"process_resident_memory_bytes", "gauge", rss},
	} {
		b = appendHead(b, v.name, v.kind)
		b = appendSample(b, v.name, "", v.v)
	}
	b = appendHead(b, "go_info", "gauge")
	return appendSample(b, "go_info", fmt.Sprintf("version=%q", runtime.Version()), int64(1))
}
