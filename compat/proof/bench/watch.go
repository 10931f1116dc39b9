package bench

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/paddock-zk/paddock/compat/wire"
)

// armWatches leaves a persistent watch of every connection but the first on the node that the first one changes.
func (r *run) armWatches() error {
	if len(r.workers) < 2 {
		return fmt.Errorf("%w: fan-out needs at least two connections, one that writes and one that watches", ErrConfig)
	}
	for _, w := range r.workers[1:] {
		q := wire.AddWatchRequest{Path: r.root + "/w", Value: 0}
		reply, err := w.conn.Call(1, wire.OpAddWatch, q.Append, patience)
		if err != nil {
			return err
		}
		if reply.Err != 0 {
			return fmt.Errorf("bench: watching %s/w: error %d (addWatch needs ZooKeeper 3.6 or newer)", r.root, reply.Err)
		}
	}
	r.fan = newFanOut(len(r.workers)-1, r.InFlight)
	return nil
}

// fanOut holds the changes that not every watcher has heard of. A persistent watch tells of every change, in order: the n-th event of
// a watcher is the n-th change.
type fanOut struct {
	watchers int
	slots    []fanSlot // change n is in slot n % len
	heard    atomic.Int64
	progress chan struct{} // a token when a change was heard by all
}

type fanSlot struct {
	at   atomic.Int64 // when it was sent, since the run began
	left atomic.Int64 // watchers that have not heard
}

func newFanOut(watchers, inFlight int) *fanOut {
	return &fanOut{watchers: watchers, slots: make([]fanSlot, inFlight), progress: make(chan struct{}, 1)}
}

// begin notes that change n goes out.
func (f *fanOut) begin(n int64, at time.Duration) {
	s := &f.slots[n%int64(len(f.slots))]
	s.at.Store(int64(at))
	s.left.Store(int64(f.watchers))
}

// hear notes that one more watcher has heard of change n, and returns when that was sent.
func (f *fanOut) hear(n int64) (at time.Duration) {
	s := &f.slots[n%int64(len(f.slots))]
	at = time.Duration(s.at.Load())
	if s.left.Add(-1) == 0 {
		f.heard.Add(1)
		select {
		case f.progress <- struct{}{}:
		default:
		}
	}
	return at
}

// watchLoop is the load of one connection of the watch workload: the first one writes, all others listen. The load is closed: so many
// changes are under way, and the next one goes out when every watcher has heard of the oldest.
func (w *worker) watchLoop() error {
	if w.n > 0 {
		return w.listen()
	}
	var sent int64
	for w.phase.Load() != stopping && (w.Count == 0 || w.done.Load() < w.Count) {
		start := time.Since(w.began)
		n := w.fan.heard.Load() + int64(len(w.fan.slots)) - sent
		if err := w.change(sent, n, start); err != nil {
			return err
		}
		if sent += n; w.fan.heard.Load() > sent-int64(len(w.fan.slots)) {
			continue
		}
		deadline := time.NewTimer(patience)
		select {
		case <-w.fan.progress:
		case <-w.halted:
			return nil
		case <-deadline.C:
			return fmt.Errorf("bench: %v after a change, not every watcher has heard of it", patience)
		}
		deadline.Stop()
	}
	w.halt()
	return nil
}

// change sends n changes in one batch and takes their replies.
func (w *worker) change(first, n int64, start time.Duration) error {
	q := wire.SetDataRequest{Path: w.root + "/w", Data: w.data, Version: -1}
	for i := range n {
		w.fan.begin(first+i, start)
		w.xid++
		w.conn.End(q.Append(w.conn.Begin(w.xid, wire.OpSetData)))
	}
	if err := w.conn.Flush(); err != nil {
		return err
	}
	for range n {
		r, err := w.conn.Read()
		if err != nil {
			return err
		}
		if r.Err != 0 {
			return fmt.Errorf("bench: changing the watched node: error %d", r.Err)
		}
		if w.phase.Load() == measuring {
			w.sample(0, time.Since(w.began)-start)
		}
	}
	return nil
}

// listen takes events until the run stops.
func (w *worker) listen() error {
	pinged := time.Now()
	for n := int64(0); w.phase.Load() != stopping; {
		if time.Since(pinged) > w.Shape.Timeout/10 { // who only listens would lose the session
			pinged = time.Now()
			w.conn.Stage(wire.XidPing, wire.OpPing, nil)
			if err := w.conn.Flush(); err != nil {
				return err
			}
		}
		r, err := w.conn.Read()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && w.phase.Load() == stopping {
				return nil
			}
			return fmt.Errorf("bench: watcher %d: %w", w.n, err)
		}
		if r.Xid != wire.XidEvent {
			continue
		}
		at := w.fan.hear(n)
		n++
		if w.phase.Load() == measuring {
			w.sample(1, time.Since(w.began)-at)
			w.done.Add(1)
		}
	}
	return nil
}
