package server

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/paddock-zk/paddock/compat/admin"
)

// load counts what is in flight and says who must wait.
type load struct {
	limits  *Limits
	metrics *admin.Metrics
	queued  atomic.Int64 // requests in all pipelines
	large   atomic.Int64 // bytes of large requests in pipelines

	mu      sync.Mutex
	stalled []*conn // wait until fewer than ThrottleRequests are queued
}

// errLarge closes a connection whose large request has no room.
var errLarge = errors.New("large request refused: largeRequestMaxBytes are in flight")

func (l *load) init(lim *Limits, m *admin.Metrics) { l.limits, l.metrics = lim, m }

// crowded says whether connections that have unanswered requests are not read (globalOutstandingLimit).
func (l *load) crowded() bool { return l.queued.Load() > int64(l.limits.GlobalOutstanding) }

// full says whether no connection may submit anything (request_throttle_max_requests).
func (l *load) full() bool {
	return l.limits.ThrottleRequests > 0 && l.queued.Load() >= int64(l.limits.ThrottleRequests)
}

// stall notes that c waits for room; false if there is room now.
func (l *load) stall(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.full() {
		return false
	}
	l.metrics.Requests.ThrottleWaits.Inc()
	l.stalled = append(l.stalled, c)
	return true
}

// entered and left count a request into and out of a pipeline.
func (l *load) entered() { l.queued.Add(1) }

func (l *load) left(n int) {
	l.queued.Add(int64(-n))
	if l.limits.ThrottleRequests == 0 {
		return
	}
	l.mu.Lock()
	wake := l.stalled
	if l.full() {
		wake = nil
	} else {
		l.stalled = nil
	}
	l.mu.Unlock()
	for _, c := range wake {
		c.lc.Resume()
	}
}

// isLarge says whether a frame counts against largeRequestMaxBytes.
func (l *load) isLarge(n int) bool { return l.limits.LargeThreshold > 0 && n > l.limits.LargeThreshold }

func (l *load) admit(n int) error {
	if !l.isLarge(n) || l.large.Load()+int64(n) <= l.limits.LargeMaxBytes {
		return nil
	}
	l.metrics.Requests.LargeRejected.Inc()
	return errLarge
}

// carry counts the bytes of a large request; false if there is no room for it.
func (l *load) carry(n int) bool {
	if !l.isLarge(n) {
		return true
	}
	if l.large.Add(int64(n)) > l.limits.LargeMaxBytes {
		l.large.Add(int64(-n))
		l.metrics.Requests.LargeRejected.Inc()
		return false
	}
	return true
}
