package server

// bugs are mistakes that tests plant, to see that the checkers of servertest catch them. Nothing but a test sets one.
type bugs uint16

const (
	bugReplyBeforeEvent  bugs = 1 << iota // the reply of a write leaves before the events that it caused
	bugReadOvertakes                      // a read does not wait for its own session's writes
	bugNoRevalidation                     // a session is re-attached without a question to the leader
	bugExpireUnconfirmed                  // a leader that was paused expires sessions before it proved its quorum anew
	bugOldWatches                         // setWatches registers and does not look at what was missed
)

func (s *Server) has(b bugs) bool { return s.opts.bugs&b != 0 }
