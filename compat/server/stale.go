package server

import (
	"errors"

	"github.com/paddock-zk/paddock/compat/wire"
)

// StaleOptions say which requests that the request throttle has held back nobody waits for any more, and what becomes of them.
type StaleOptions struct {
	Drop       bool // request_throttle_drop_stale: they are dropped, and their connection is closed
	Connection bool // request_stale_connection_check: those whose client has closed the connection
	Latency    bool // request_stale_latency_check: those that were held back for longer than their session may be silent
}

// errStale closes the connection of a request that was dropped: what the client sent behind it must not take effect without it.
var errStale = errors.New("a request was held back by the request throttle until nobody waited for it (request_throttle_drop_stale)")

// isStale says whether the requests of this turn, which were held back for a while, are stale.
func (t *turn) isStale() bool {
	o := t.s.opts.Limits.Stale
	return o.Latency && t.waited > int64(t.c.timeout)*1e6 || o.Connection && t.c.lc.Gone()
}

// dropStale says whether a request is dropped since it is stale. A session is closed all the same: that is what its client wanted.
func (t *turn) dropStale(op int32) bool {
	if !t.stale || op == wire.OpCloseSession {
		return false
	}
	m := &t.s.stats.metrics.Requests
	if !t.s.opts.Limits.Stale.Drop {
		m.Stale.Inc()
		return false
	}
	m.StaleDropped.Inc()
	return true
}
