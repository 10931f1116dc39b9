package server

import "sync/atomic"

// question is one that a follower asks its leader again and again, with one on its way at a time. One without an answer is asked again after a while.
type question struct {
	asked atomic.Int64 // Clock.Mono of the one that waits for its answer; 0 = none does
}

// askAgain asks q, unless one is on its way. ask makes the question. tell takes the answer, not on the goroutine of the protocol, which brings it.
func (s *Server) askAgain(q *question, nowNs int64, ask func() []byte, tell func(answer []byte, err error)) {
	at := q.asked.Load()
	if at != 0 && nowNs-at < askPatienceMs*1e6 || !q.asked.CompareAndSwap(at, nowNs) {
		return
	}
	s.opts.Orderer.Ask(ask(), func(answer []byte, err error) {
		s.opts.Go(func() {
			q.asked.Store(0)
			tell(answer, err)
		})
	})
}
