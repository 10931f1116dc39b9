package transport

import (
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"
)

// maxPending bounds the connections that have not yet proved who they are. Every server of an ensemble dials at most three times at once (two
// lanes and an image), so the bound is met only by strangers, or by far more servers than make sense.
const maxPending = 256

// pending are the accepted connections whose other side has not yet proved who it is, oldest first. When there are too many, the oldest is
// closed: a server of the ensemble needs a few round trips to prove itself, and somebody who opens connections and says nothing keeps each of them
// for as long as he may. Refusing the newest instead would let him keep everybody out.
type pending struct {
	mu    sync.Mutex
	conns []net.Conn
}

// add takes a connection, and returns the one that must be closed to make room for it, or nil.
func (p *pending) add(c net.Conn) (oldest net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.conns) >= maxPending {
		oldest = p.conns[0]
		p.conns = slices.Delete(p.conns, 0, 1)
	}
	p.conns = append(p.conns, c)
	return oldest
}

// remove forgets a connection that has proved itself or has ended.
func (p *pending) remove(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.conns, c); i >= 0 {
		p.conns = slices.Delete(p.conns, i, i+1)
	}
}

const (
	repeatAfter = 10 * time.Second // the same warning is logged again after this time at the earliest
	maxWarnings = 64               // and so many different ones are logged within that time at the most
)

// warnings logs each warning at most once in repeatAfter, and says how often it was held back meanwhile. Whoever reaches the peer port can cause
// a warning with each connection, and must not be able to fill a disk with them.
type warnings struct {
	logger *slog.Logger
	mu     sync.Mutex
	logged map[string]*warned
	others int // held back since maxWarnings different ones had been logged
}

type warned struct {
	at   time.Time
	held int
}

// warn logs text at the time now, or counts it. Warnings with the same key count as the same one.
func (w *warnings) warn(now time.Time, key, text string, args ...any) {
	held, ok := w.take(now, key)
	if !ok {
		return
	}
	if held > 0 {
		args = append(args, "held_back", held)
	}
	w.logger.Warn(text, args...)
}

// take says whether a warning is to be logged now, and how many were held back before it.
func (w *warnings) take(now time.Time, key string) (held int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.logged[key]
	switch {
	case k != nil && now.Sub(k.at) < repeatAfter:
		k.held++
		return 0, false
	case k == nil:
		if len(w.logged) >= maxWarnings {
			w.forget(now)
		}
		if len(w.logged) >= maxWarnings {
			w.others++
			return 0, false
		}
		k = &warned{}
		w.logged[key] = k
	}
	held = k.held + w.others
	k.at, k.held, w.others = now, 0, 0
	return held, true
}

// forget drops the warnings that may be logged again; those of them that were held back are counted with the next one of any kind.
func (w *warnings) forget(now time.Time) {
	for key, k := range w.logged {
		if now.Sub(k.at) >= repeatAfter {
			w.others += k.held
			delete(w.logged, key)
		}
	}
}
