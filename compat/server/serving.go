package server

import (
	"sync"

	"github.com/paddock-zk/paddock/zab"
)

// soft is what this server saw of the ensemble, and since when it serves nobody.
type soft struct {
	mu        sync.Mutex // held while Server.mode changes: the apply goroutine and Tick change it
	last      zab.SoftState
	downSince int64 // ms, monotonic
}

// readOnlyWaitMs is how long at least a server without a leader waits before it serves readers; tickTime if that is longer. ZooKeeper waits as
// long (QuorumPeer.run): an ensemble that is forming, or elects, has a leader by then, and clients that want to write would be turned away.
const readOnlyWaitMs = 2000

// swap takes what is new of the ensemble, and returns what was.
func (x *soft) swap(now zab.SoftState) (before zab.SoftState) {
	x.mu.Lock()
	defer x.mu.Unlock()
	before, x.last = x.last, now
	return before
}

// followActive follows whether the server is part of an ensemble that serves, and says whether that changed how it serves. Once read-only
// mode has begun it lasts until there is a leader.
func (s *Server) followActive(now zab.SoftState) (changed bool) {
	s.soft.mu.Lock()
	defer s.soft.mu.Unlock()
	switch {
	case now.Active && now.Role == zab.Leading && s.opts.Features.LeaderIdle:
		return s.serve(modeIdle)
	case now.Active:
		return s.serve(modeServing)
	case s.is(modeServing), s.is(modeIdle):
		return s.serve(modeDown)
	}
	return false
}

// tickReadOnly is the part of Tick that begins read-only mode.
func (s *Server) tickReadOnly(nowMs int64) {
	s.soft.mu.Lock()
	defer s.soft.mu.Unlock()
	if s.opts.Features.ReadOnlyMode && s.is(modeDown) && nowMs-s.soft.downSince >= max(readOnlyWaitMs, s.opts.Sessions.TickMs) {
		s.serve(modeReadOnly)
	}
}

// serve changes how clients are served. Their connections end with it: they look for another server, and replay what they must. soft.mu is held.
func (s *Server) serve(next mode) (changed bool) {
	was, now := mode(s.mode.Load()), s.nowMs()
	if was == next {
		return false
	}
	if next == modeDown {
		s.soft.downSince = now
	}
	if was == modeServing {
		s.held.began(now)
	}
	s.mode.Store(uint32(next))
	// Sessions of read-only mode do not outlive it, unless local sessions are wanted.
	s.locals.restart(s.opts.Sessions.Local || next != modeServing, next == modeDown, s.opts.Sessions.TickMs, now)
	s.opts.Log.Info("serving changed", "mode", next, "leader", s.soft.last.Leader, "generation", s.soft.last.Epoch.Generation(), "epoch", s.soft.last.Epoch.Term())
	reason := errNotServing
	if next == modeIdle {
		reason = errLeadsOnly
	}
	s.closeAll(reason)
	s.held.release(next == modeServing || next == modeIdle)
	return true
}
