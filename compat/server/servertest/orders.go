package servertest

import (
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/peer"
)

// Order is an order in which the steps of a peer are taken, in the place of the right one: tests plant wrong ones, to see that the checkers
// catch them. The zero value is what ships.
type Order struct {
	// Mail is the order in which one mailful is fed to the core: a permutation of "DMPC" (durable, messages, proposals, calls).
	Mail string
	// Ready is the order in which one Ready is handed out: a permutation of "LSCORIB" (log, send, committed, soft state, reads, images, inbox).
	Ready string
	// Written is the order of what follows a write: a permutation of "SIR" (send, install, report).
	Written string
	Early   bool // what has to wait for a write is said before it
}

// The right orders.
const (
	RightMail    = "DMPC"
	RightReady   = "LSCORIB"
	RightWritten = "SIR"
)

// wrong says whether anything is planted.
func (o Order) wrong() bool { return o != Order{} }

func or(s, right string) string {
	if s == "" {
		return right
	}
	return s
}

// turn is a turn of the core loop, after so many ticks, in this order.
func (o Order) turn(n *simNode, ticks int) {
	s, m := n.shell.steps, &n.shell.mail
	s.Take(m)
	for _, part := range or(o.Mail, RightMail) {
		var piece peer.Mail
		switch part {
		case 'D':
			piece.Persisted, piece.Applied = m.Persisted, m.Applied
		case 'M':
			piece.Messages = m.Messages
		case 'P':
			piece.Proposals = m.Proposals
		case 'C':
			piece.Calls = m.Calls
		}
		s.Feed(&piece)
	}
	if ticks > 0 {
		n.core.Tick(ticks)
		s.Feed(&peer.Mail{}) // proposes what is held
	}
	o.drain(n)
}

// drain deals with every Ready there is, in this order.
func (o Order) drain(n *simNode) {
	for n.core.HasReady() {
		rd := n.core.Ready()
		if rd.Fatal != nil {
			n.crash()
			return
		}
		n.shell.steps.See(&rd)
		for _, part := range or(o.Ready, RightReady) {
			var piece zab.Ready
			switch part {
			case 'L':
				piece.Persist, piece.After = rd.Persist, rd.After
			case 'S':
				piece.Messages = rd.Messages
			case 'C':
				piece.Committed = rd.Committed
			case 'O':
				piece.Soft = rd.Soft
			case 'R':
				piece.Reads = rd.Reads
			case 'I':
				piece.SnapSends = rd.SnapSends
			case 'B':
				piece.Inbox = rd.Inbox
			}
			n.shell.steps.Hand(&piece)
		}
		n.shell.steps.Hand(&zab.Ready{Mismatch: rd.Mismatch})
		n.core.Advance()
	}
}

// written takes what follows a write in this order, with a turn of the core between any two of its parts, as the core loop may take one.
func (o Order) written(n *simNode) {
	s, b := n.shell.steps, &n.shell.batches
	for _, part := range or(o.Written, RightWritten) {
		switch part {
		case 'S':
			if !o.Early {
				s.SendAfter(b)
			}
		case 'I':
			s.QueueInstalls(b)
		case 'R':
			s.ReportDurable(b)
		}
		o.turn(n, 0)
		n.look()
		if !n.Up() {
			return
		}
	}
}
