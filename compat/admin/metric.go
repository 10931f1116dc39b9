package admin

import (
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// shards spreads writers over cache lines. Eight is enough for the few dozen cores that one coordination server uses.
const shards = 8

// shard picks a cache line. The runtime's generator is per thread and costs about two nanoseconds; a shared counter under
// contention costs fifty.
func shard() int { return int(rand.Uint32() % shards) }

type line struct {
	n atomic.Int64
	_ [56]byte
}

// Counter only grows (until it is reset). The zero value is ready.
type Counter struct{ lines [shards]line }

// Add adds n.
func (c *Counter) Add(n int64) { c.lines[shard()].n.Add(n) }

// Inc adds one.
func (c *Counter) Inc() { c.Add(1) }

// Value is the sum.
func (c *Counter) Value() int64 {
	var sum int64
	for i := range c.lines {
		sum += c.lines[i].n.Load()
	}
	return sum
}

func (c *Counter) reset() {
	for i := range c.lines {
		c.lines[i].n.Store(0)
	}
}

// Summary tells count, sum, smallest and largest of what it observed, and quantiles if it was made with them. Make one through
// [NewMetrics]; the zero value shows no quantiles.
type Summary struct {
	lines    [shards]summaryLine
	hist     *histogram
	scale    float64 // shown = observed / scale: 1, or 1e6 for nanoseconds shown as milliseconds
	detailed bool    // mntr shows quantiles
}

type summaryLine struct {
	count, sum atomic.Int64
	min, max   atomic.Int64 // shifted by one, so that 0 means none
	_          [32]byte
}

// Observe records a value; negative ones (a clock that stepped back) are dropped, as in ZooKeeper.
func (s *Summary) Observe(v int64) { s.ObserveN(v, 1) }

// ObserveN records a value n times at the cost of one: for what a batch had in common.
func (s *Summary) ObserveN(v, n int64) {
	if v < 0 || n <= 0 {
		return
	}
	l := &s.lines[shard()]
	l.count.Add(n)
	l.sum.Add(v * n)
	for old := l.min.Load(); (old == 0 || v+1 < old) && !l.min.CompareAndSwap(old, v+1); old = l.min.Load() {
	}
	for old := l.max.Load(); v+1 > old && !l.max.CompareAndSwap(old, v+1); old = l.max.Load() {
	}
	if s.hist != nil {
		s.hist.buckets[bucketOf(v)].Add(n)
	}
}

// ObserveSince records the time since start. Only for summaries of time.
func (s *Summary) ObserveSince(start time.Time) { s.Observe(int64(time.Since(start))) }

// ObserveDuration records a time. Only for summaries of time.
func (s *Summary) ObserveDuration(d time.Duration) { s.Observe(int64(d)) }

// Totals is what a Summary tells, in the unit that is shown: milliseconds for times.
type Totals struct {
	Count         int64
	Sum, Min, Max float64
}

// Avg is Sum/Count; 0 before the first.
func (t Totals) Avg() float64 {
	if t.Count == 0 {
		return 0
	}
	return t.Sum / float64(t.Count)
}

// Totals reads the summary. Concurrent writers may be seen half way; the numbers are for people.
func (s *Summary) Totals() Totals {
	var t Totals
	var sum, low, high int64
	for i := range s.lines {
		l := &s.lines[i]
		t.Count += l.count.Load()
		sum += l.sum.Load()
		if v := l.min.Load(); v > 0 && (low == 0 || v < low) {
			low = v
		}
		high = max(high, l.max.Load())
	}
	scale := s.unit()
	t.Sum, t.Min, t.Max = float64(sum)/scale, float64(max(low-1, 0))/scale, float64(max(high-1, 0))/scale
	return t
}

// Quantile is the value below which the share q (0..1) of all observations lies, within 6%; 0 without observations or quantiles.
func (s *Summary) Quantile(q float64) float64 {
	if s.hist == nil {
		return 0
	}
	t := s.Totals()
	return min(max(float64(s.hist.quantile(q))/s.unit(), t.Min), t.Max)
}

func (s *Summary) unit() float64 {
	if s.scale == 0 {
		return 1
	}
	return s.scale
}

func (s *Summary) reset() {
	for i := range s.lines {
		l := &s.lines[i]
		l.count.Store(0)
		l.sum.Store(0)
		l.min.Store(0)
		l.max.Store(0)
	}
	if s.hist != nil {
		s.hist.reset()
	}
}

// histogram counts values in buckets that are 1/8 of a power of two wide, so a quantile is off by at most 1/16. 62 powers by 8:
// four kilobytes.
type histogram struct{ buckets [63 * 8]atomic.Int64 }

func bucketOf(v int64) int {
	if v < 8 {
		return int(v)
	}
	exp := bits.Len64(uint64(v)) - 4 // v>>exp is 8..15
	return (exp+1)*8 + int(v>>exp) - 8
}

// bucketMid is the middle of a bucket.
func bucketMid(i int) int64 {
	if i < 16 {
		return int64(i)
	}
	exp := i/8 - 1
	return int64(i%8+8)<<exp + 1<<exp/2
}

func (h *histogram) quantile(q float64) int64 {
	var total int64
	for i := range h.buckets {
		total += h.buckets[i].Load()
	}
	if total == 0 {
		return 0
	}
	want := int64(q * float64(total))
	for i := range h.buckets {
		if want -= h.buckets[i].Load(); want < 0 {
			return bucketMid(i)
		}
	}
	return bucketMid(len(h.buckets) - 1)
}

func (h *histogram) reset() {
	for i := range h.buckets {
		h.buckets[i].Store(0)
	}
}

// maxKeys bounds a set: keys come from clients (first path segments), and a hostile one must not fill the memory.
const maxKeys = 1000

// SummarySet is a Summary for each key (a top-level path). Keys beyond maxKeys share the key "other".
type SummarySet struct {
	mu   sync.RWMutex
	keys map[string]*Summary
}

// Observe records v under key. The key is copied only when it is new.
func (s *SummarySet) Observe(key string, v int64) {
	s.mu.RLock()
	sum := s.keys[key]
	s.mu.RUnlock()
	if sum == nil {
		sum = s.add(key)
	}
	sum.Observe(v)
}

func (s *SummarySet) add(key string) *Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = map[string]*Summary{}
	}
	if len(s.keys) >= maxKeys && s.keys[key] == nil {
		key = "other"
	}
	if s.keys[key] == nil {
		s.keys[string([]byte(key))] = &Summary{hist: &histogram{}}
	}
	return s.keys[key]
}

// each yields the summaries in any order.
func (s *SummarySet) each(f func(key string, sum *Summary)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for k, v := range s.keys {
		f(k, v)
	}
}

func (s *SummarySet) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.keys)
}
