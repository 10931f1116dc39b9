package server

import "sync"

// heldHandshakes are connect requests that came right after this server has stopped serving. When leadership is handed over on purpose (a
// transfer, a reconfig that removes the leader), no server serves for some milliseconds; a client that is turned away by all of them in that
// moment may give up for good, as go-zookeeper does after one round. So such a request waits for a moment and is judged when the server serves
// again. The wait is bounded in time, from the end of serving on, and in number; whoever comes later is turned away at once, as by ZooKeeper.
type heldHandshakes struct {
	mu    sync.Mutex
	since int64 // ms: when serving ended; 0 while it goes on, and before it ever began
	conns []*conn
}

const (
	holdMs   = 300  // from the end of serving; looked at with each Tick
	mostHeld = 1000 // each holds a buffer of its connection
)

// began is the end of serving.
func (h *heldHandshakes) began(nowMs int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.since = max(nowMs, 1)
}

// hold keeps a connection whose connect request cannot be served now. False says that it must be judged now.
func (s *Server) hold(c *conn, readOnly bool) bool {
	h := &s.held
	h.mu.Lock()
	defer h.mu.Unlock()
	m := mode(s.mode.Load()) // under the lock: release comes after the change of the mode
	settled := m == modeServing || m == modeIdle || m == modeReadOnly && readOnly
	if settled || h.since == 0 || s.nowMs()-h.since >= holdMs || len(h.conns) >= mostHeld {
		return false
	}
	h.conns = append(h.conns, c)
	return true
}

// release lets all that are held be judged; ended says that the server serves again.
func (h *heldHandshakes) release(ended bool) {
	h.mu.Lock()
	list := h.conns
	h.conns = nil
	if ended {
		h.since = 0
	}
	h.mu.Unlock()
	for _, c := range list {
		c.lc.Resume()
	}
}

// tick releases who has waited long enough.
func (h *heldHandshakes) tick(nowMs int64) {
	h.mu.Lock()
	over := len(h.conns) > 0 && nowMs-h.since >= holdMs
	h.mu.Unlock()
	if over {
		h.release(false)
	}
}
