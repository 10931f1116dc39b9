package servertest

import (
	"container/heap"
	"math/rand/v2"
)

// scheduler runs events in the order of their time; those of one moment in the order in which they were made.
type scheduler struct {
	now    int64 // µs of simulated time
	seq    uint64
	queue  eventHeap
	rng    *rand.Rand
	events int
}

type event struct {
	at  int64
	seq uint64
	do  func()
}

type eventHeap []event

func (e eventHeap) Len() int { return len(e) }
func (e eventHeap) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e eventHeap) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements [heap.Interface].
func (e *eventHeap) Push(x any) { *e = append(*e, x.(event)) }

// Pop implements [heap.Interface].
func (e *eventHeap) Pop() any {
	n := len(*e) - 1
	x := (*e)[n]
	(*e)[n] = event{}
	*e = (*e)[:n]
	return x
}

// after does something in d.
func (s *scheduler) after(d int64, do func()) {
	s.seq++
	heap.Push(&s.queue, event{s.now + max(0, d), s.seq, do})
}

// run goes on until a time.
func (s *scheduler) run(until int64) {
	for len(s.queue) > 0 && s.queue[0].at <= until {
		e := heap.Pop(&s.queue).(event)
		s.now = e.at
		s.events++
		e.do()
	}
	s.now = until
}

func (s *scheduler) chance(p float64) bool { return p > 0 && s.rng.Float64() < p }

func (s *scheduler) between(lo, hi int64) int64 {
	if hi <= lo {
		return lo
	}
	return lo + s.rng.Int64N(hi-lo)
}

// soon is the delay of a handover between goroutines: short nearly always.
func (s *scheduler) soon() int64 {
	if s.rng.IntN(20) == 0 {
		return s.between(0, 3000)
	}
	return s.between(0, 60)
}
