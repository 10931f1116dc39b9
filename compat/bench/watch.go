package bench

import (
	"errors"
	"fmt"
	"os"
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
	r.fan = newFanOut(len(r.workers) - 1)
	return nil
}

// fanOut lets the writer wait until every watcher has heard of a change: the load is closed, one change at a time.
type fanOut struct {
	changed chan struct{} // one token for each watcher that has heard
}

func newFanOut(watchers int) *fanOut { return &fanOut{changed: make(chan struct{}, watchers)} }

// watchLoop is the load of one connection of the watch workload: the first one writes, all others listen.
func (w *worker) watchLoop() error {
	if w.n > 0 {
		return w.listen()
	}
	for w.phase.Load() != stopping && (w.Count == 0 || w.done.Load() < w.Count) {
		start := time.Since(w.began)
		w.changedAt.Store(int64(start))
		w.xid++
		q := wire.SetDataRequest{Path: w.root + "/w", Data: w.data, Version: -1}
		w.conn.End(q.Append(w.conn.Begin(w.xid, wire.OpSetData)))
		if err := w.conn.Flush(); err != nil {
			return err
		}
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
		deadline := time.NewTimer(patience)
		for range cap(w.fan.changed) {
			select {
			case <-w.fan.changed:
			case <-w.halted:
				return nil
			case <-deadline.C:
				return fmt.Errorf("bench: %v after a change, not every watcher has heard of it", patience)
			}
		}
		deadline.Stop()
	}
	w.halt()
	return nil
}

// listen takes events until the run stops.
func (w *worker) listen() error {
	pinged := time.Now()
	for w.phase.Load() != stopping {
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
		if w.phase.Load() == measuring {
			w.sample(1, time.Since(w.began)-time.Duration(w.changedAt.Load()))
			w.done.Add(1)
		}
		w.fan.changed <- struct{}{}
	}
	return nil
}
