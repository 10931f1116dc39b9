package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// phase is where a run that is under load stands.
type phase = int32

const (
	warming phase = iota
	measuring
	stopping
)

// run is one Run under way.
type run struct {
	Config
	root    string // of this run
	began   time.Time
	phase   atomic.Int32
	done    atomic.Int64 // operations that ended while measuring
	taken   atomic.Int64 // with Count: operations that were begun
	kinds   []*recorder
	errors  errorCounts
	workers []*worker
	halted  chan struct{} // closed when the load stops

	fan *fanOut // watch only
}

// errorCounts counts the error codes that servers answered.
type errorCounts struct {
	mu sync.Mutex
	m  map[string]int64
}

func (e *errorCounts) add(code int32) {
	e.mu.Lock()
	e.m[codeName(code)]++
	e.mu.Unlock()
}

func newRun(c Config) *run {
	return &run{Config: c, began: time.Now(), errors: errorCounts{m: map[string]int64{}}, halted: make(chan struct{})}
}

// Run does one run: prepare, warm up, measure, clean up. The error says what kept it from measuring; error codes that servers
// answered under load are part of the result. When ctx ends a run, its error comes with what was measured until then, if that is something.
func Run(ctx context.Context, c Config) (*Result, error) {
	c = c.WithDefaults()
	if err := c.valid(); err != nil {
		return nil, err
	}
	if c.Workload == Sessions {
		return runSessions(ctx, c)
	}
	r := newRun(c)
	a, err := newAttendant(ctx, c)
	if err != nil {
		return nil, err
	}
	if r.root, err = a.makeRoot(); err != nil {
		a.close()
		return nil, err
	}
	err = r.prepare(ctx, a)
	a.close()
	var result *Result
	if err == nil {
		result, err = r.load(ctx)
	}
	if !c.Keep {
		err = errors.Join(err, removeRoot(context.WithoutCancel(ctx), c, r.root))
	}
	return result, err
}

// removeRoot cleans up on a connection of its own: the one that prepared the run would have expired while others carried the load.
func removeRoot(ctx context.Context, c Config, root string) error {
	a, err := newAttendant(ctx, c)
	if err != nil {
		return err
	}
	defer a.close()
	return a.removeRoot(ctx, root)
}

// load opens the connections and measures.
func (r *run) load(ctx context.Context) (*Result, error) {
	defer r.hangUp()
	for i := range r.Connections {
		w, err := newWorker(ctx, r, i)
		if err != nil {
			return nil, err
		}
		r.workers = append(r.workers, w)
	}
	if r.Workload == Watch {
		if err := r.armWatches(); err != nil {
			return nil, err
		}
	}
	return r.measure(ctx)
}

func (r *run) hangUp() {
	for _, w := range r.workers {
		w.close()
	}
}

// measure lets the workers loose, and takes the figures of the time between warm-up and end.
func (r *run) measure(ctx context.Context) (*Result, error) {
	before, err := takeUsage(r.PIDs)
	if err != nil {
		return nil, err
	}
	if r.Count > 0 {
		r.phase.Store(measuring)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(r.workers))
	for i, w := range r.workers {
		wg.Go(func() {
			if errs[i] = w.loop(); errs[i] != nil {
				r.halt() // one broken connection ends the run: its figures would be of something else
			}
		})
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	if r.Count == 0 {
		r.wait(ctx, finished, r.Warmup, "warm-up")
		before, err = takeUsage(r.PIDs)
		r.phase.CompareAndSwap(warming, measuring)
	}
	length := r.Duration
	if r.Count > 0 {
		length = 0
	}
	r.wait(ctx, finished, length, string(r.Workload))
	after, afterErr := takeUsage(r.PIDs)
	if r.Workload == Populate && r.Settle > 0 && afterErr == nil {
		r.settle(ctx)
		after.resident, afterErr = resident(r.PIDs)
	}
	ops := r.done.Load()
	r.halt()
	<-finished
	for _, w := range r.workers {
		w.flushSamples()
	}
	if err := errors.Join(slices.Concat(errs, []error{err, afterErr})...); err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	return r.untilNow(ctx, before, after, ops)
}

// untilNow is the result, with the error of ctx if that has ended the run early. What is too little to be a result then is none.
func (r *run) untilNow(ctx context.Context, before, after usage, ops int64) (*Result, error) {
	result, err := r.result(before, after, ops)
	if ctx.Err() != nil && errors.Is(err, ErrTooShort) {
		err = nil
	}
	return result, errors.Join(err, ctx.Err())
}

// settle waits for the servers to come to rest.
func (r *run) settle(ctx context.Context) {
	timer := time.NewTimer(r.Settle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// halt stops the load: no connection sends anything new. It may be called by anyone, more than once.
func (r *run) halt() {
	if r.phase.Swap(stopping) == stopping {
		return
	}
	close(r.halted)
	if r.Workload == Watch { // end reads that would wait for events that nobody causes any more
		for _, w := range r.workers[1:] {
			_ = w.conn.SetReadDeadline(time.Now())
		}
	}
}

// wait returns after a time (0: only when the workers are done), or when there is no more to wait for, and reports progress.
func (r *run) wait(ctx context.Context, finished <-chan struct{}, length time.Duration, name string) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var end <-chan time.Time
	if length > 0 || r.Count == 0 {
		timer := time.NewTimer(length)
		defer timer.Stop()
		end = timer.C
	}
	start := time.Now()
	for {
		select {
		case <-finished:
			return
		case <-end:
			return
		case <-ctx.Done():
			r.halt()
			return
		case <-tick.C:
			if r.Count > 0 {
				r.Progress(name, r.done.Load(), r.Count)
			} else {
				r.Progress(name, time.Since(start).Milliseconds(), length.Milliseconds())
			}
		}
	}
}

// usage is what has been used up to a moment.
type usage struct {
	at          time.Time
	own, server time.Duration
	resident    int64
}

func takeUsage(pids []int) (usage, error) {
	u := usage{at: time.Now(), own: ownCPU()}
	var err1, err2 error
	u.server, err1 = processCPU(pids)
	u.resident, err2 = resident(pids)
	return u, errors.Join(err1, err2)
}

func (r *run) result(before, after usage, ops int64) (*Result, error) {
	seconds := after.at.Sub(before.at).Seconds()
	out := &Result{
		Workload: r.Workload, Servers: r.Servers, Connections: r.Connections, InFlight: r.InFlight, Size: r.Shape.Size,
		Seconds: seconds, Ops: ops, PerSecond: float64(ops) / seconds, Errors: r.errors.m,
		Client: cpu(after.own-before.own, seconds, ops),
	}
	for _, k := range r.kinds {
		if k.hist.TotalCount() > 0 {
			out.Latency = append(out.Latency, latency(k.name, k.hist))
		}
	}
	if len(r.PIDs) > 0 {
		server := cpu(after.server-before.server, seconds, ops)
		out.Server = &server
		out.Memory = &Memory{Before: before.resident, After: after.resident}
		if r.Workload == Populate && ops > 0 {
			out.Memory.PerItem = float64(after.resident-before.resident) / float64(ops)
		}
	}
	if ops == 0 {
		return nil, fmt.Errorf("%w: not one %s was answered within %v", ErrTooShort, r.Workload, r.Duration)
	}
	return out, nil
}
