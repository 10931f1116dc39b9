package zabtest

import (
	"container/heap"
	"math/rand/v2"
)

// Scheduler runs events in the order of their time; those of one moment in the order in which they were made. All chance of a run comes
// from its one source, so that a seed is a run. Time is counted in microseconds. The zero value needs a Rand.
type Scheduler struct {
	Rand  *rand.Rand
	now   int64
	seq   uint64
	queue eventHeap
	ran   int
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

// Now is the simulated time.
func (s *Scheduler) Now() int64 { return s.now }

// Ran counts the events that were run.
func (s *Scheduler) Ran() int { return s.ran }

// At does something at a time, or now if that is over.
func (s *Scheduler) At(t int64, do func()) {
	s.seq++
	heap.Push(&s.queue, event{max(t, s.now), s.seq, do})
}

// After does something in d.
func (s *Scheduler) After(d int64, do func()) { s.At(s.now+d, do) }

// RunUntil runs the events until a time.
func (s *Scheduler) RunUntil(end int64) {
	for len(s.queue) > 0 && s.queue[0].at <= end {
		e := heap.Pop(&s.queue).(event)
		s.now = e.at
		s.ran++
		e.do()
	}
	s.now = end
}

// Chance is true with probability p.
func (s *Scheduler) Chance(p float64) bool { return p > 0 && s.Rand.Float64() < p }

// Between draws a number from lo to hi, hi not included.
func (s *Scheduler) Between(lo, hi int64) int64 {
	if hi <= lo {
		return lo
	}
	return lo + s.Rand.Int64N(hi-lo)
}

// Process is one simulated process, which starts, ends and is paused. What was scheduled in a life that has ended never happens; what falls
// into a pause waits for its end. Make it with [NewProcess].
type Process struct {
	s       *Scheduler
	then    func() // follows each piece of work; nil: nothing does
	up      bool
	life    int   // counts lives, so that late events of an older one find nobody
	paused  int64 // until then
	backlog []func()
}

// NewProcess is a process that is not up. then, if it is not nil, follows each piece of work.
func NewProcess(s *Scheduler, then func()) Process { return Process{s: s, then: then} }

// Begin starts a new life.
func (p *Process) Begin() { p.up, p.life, p.paused, p.backlog = true, p.life+1, 0, nil }

// End ends it.
func (p *Process) End() { p.up, p.life = false, p.life+1 }

// Up says whether the process lives, paused or not.
func (p *Process) Up() bool { return p.up }

// Running says whether it lives and is not paused.
func (p *Process) Running() bool { return p.up && p.paused <= p.s.now }

// Life is the number of the life, which changes when it ends.
func (p *Process) Life() int { return p.life }

// PausedUntil is when the last pause ends.
func (p *Process) PausedUntil() int64 { return p.paused }

// Pause stops a running process; what arrives waits in its sockets, and its disk goes on.
func (p *Process) Pause(d int64) {
	p.paused = p.s.now + d
	p.Beside(d, func() {
		p.paused = 0
		todo, life := p.backlog, p.life
		p.backlog = nil
		for _, do := range todo {
			if p.life == life {
				p.Do(do)
			}
		}
	})
}

// Do does something now, or at the end of the pause.
func (p *Process) Do(do func()) {
	if p.paused > p.s.now {
		p.backlog = append(p.backlog, do)
		return
	}
	do()
	if p.then != nil {
		p.then()
	}
}

// Schedule does something later in this life.
func (p *Process) Schedule(in int64, do func()) { p.Beside(in, func() { p.Do(do) }) }

// Beside does something later in this life that a pause does not stop, such as the work of a disk.
func (p *Process) Beside(in int64, do func()) {
	life := p.life
	p.s.After(in, func() {
		if p.life == life && p.up {
			do()
		}
	})
}
