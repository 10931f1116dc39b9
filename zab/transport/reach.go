package transport

import (
	"log/slog"
	"sync"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// reach tells the log when a server cannot be reached, and when it is reached again: once for both lanes, each time with how long the time
// before has lasted. A server that is reached and lost again and again is logged once in quietFor.
type reach struct {
	logger *slog.Logger
	to     zab.PeerID

	mu     sync.Mutex
	up     [2]bool   // the lanes that are connected
	ever   bool      // both were at some time
	down   bool      // one could not be connected, and since then not both were
	warned bool      // and the log says so
	since  time.Time // of what is now: both lanes are up, or it is down; zero before the first of either
	lasted string    // how long both lanes were up before it was down
	logged time.Time // when the log said last that it is down
	losses int       // since then
}

// quietFor is how far apart two warnings about one server are.
const quietFor = time.Minute

func newReach(logger *slog.Logger, to zab.PeerID) *reach { return &reach{logger: logger, to: to} }

// connected notes that a lane is connected.
func (r *reach) connected(l lane, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up[l-laneControl] = true
	if !r.up[0] || !r.up[1] || r.ever && !r.down {
		return
	}
	if r.warned {
		r.logger.Info("peer link is up", "to", r.to, "down_for", now.Sub(r.since).Round(time.Millisecond))
	}
	r.ever, r.down, r.warned, r.since = true, false, false, now
}

// failed notes that a lane is not connected, and that dialling it anew did not help. It is called again while that lasts.
func (r *reach) failed(l lane, now time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up[l-laneControl] = false
	if !r.down {
		r.down, r.lasted = true, "never"
		if r.ever {
			r.lasted = now.Sub(r.since).Round(time.Millisecond).String()
		}
		r.since = now
		r.losses++
	}
	if r.warned || !r.logged.IsZero() && now.Sub(r.logged) < quietFor {
		return
	}
	args := []any{"to", r.to, "up_for", r.lasted, "err", err}
	if r.losses > 1 {
		args = append(args, "held_back", r.losses-1)
	}
	r.logged, r.warned, r.losses = now, true, 0
	r.logger.Warn("peer link is down", args...)
}
