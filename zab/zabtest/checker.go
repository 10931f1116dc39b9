package zabtest

import (
	"fmt"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Checker holds what was promised to the world, and compares. It knows nothing of how the servers work.
//
//	one leader for an epoch             leads
//	equal prefixes, unique rising zxids  applied: whoever applies first writes the one history, all others must repeat it
//	no acknowledged write is lost        ack is possible only for what is in that history; final demands that everyone has it
//	FIFO without holes                   submitted and applied: the operations of one link appear in order, each once
type Checker struct {
	leaders  map[zxid.Epoch]zab.PeerID
	history  []Applied
	ops      map[uint64]bool
	acked    map[uint64]bool
	maxAcked zxid.ID
	links    map[uint64]uint64 // link -> order of the last applied operation
	origin   map[uint64]forwarded
}

// NewChecker starts with an empty world.
func NewChecker() *Checker {
	return &Checker{leaders: map[zxid.Epoch]zab.PeerID{}, ops: map[uint64]bool{}, acked: map[uint64]bool{},
		links: map[uint64]uint64{}, origin: map[uint64]forwarded{}}
}

func (k *Checker) leads(s *Sim, id zab.PeerID, e zxid.Epoch) {
	if other, ok := k.leaders[e]; ok && other != id {
		s.violate("servers %d and %d both lead epoch %d", other, id, e)
	}
	k.leaders[e] = id
}

// before is a history whose operations were acknowledged before the run began.
func (k *Checker) before(applied []Applied) {
	k.history = applied
	for _, a := range applied {
		if a.Op != 0 {
			k.ops[a.Op], k.acked[a.Op] = true, true
		}
		k.maxAcked = a.Zxid
	}
}

func (k *Checker) submitted(op uint64, fw forwarded) { k.origin[op] = fw }

// applied checks the newest transaction of a server against the one history.
func (k *Checker) applied(s *Sim, n *node, a Applied) {
	i := len(n.applied) - 1
	if i < len(k.history) {
		if k.history[i] != a {
			s.violate("server %d applied %v as number %d, and the history has %v", n.id, a.Zxid, i, k.history[i].Zxid)
		}
		return
	}
	if i > 0 && k.history[i-1].Zxid >= a.Zxid {
		s.violate("zxid %v after %v", a.Zxid, k.history[i-1].Zxid)
	}
	k.history = append(k.history, a)
	if a.Op == 0 {
		return
	}
	if k.ops[a.Op] {
		s.violate("operation %d is in the history twice, again at %v", a.Op, a.Zxid)
	}
	k.ops[a.Op] = true
	if fw := k.origin[a.Op]; fw.link != 0 {
		if k.links[fw.link]+1 != fw.order {
			s.violate("link %x: operation %d is number %d, and the last applied one was %d", fw.link, a.Op, fw.order, k.links[fw.link])
		}
		k.links[fw.link] = fw.order
	}
}

// installed checks a whole state that came as an image.
func (k *Checker) installed(s *Sim, n *node) {
	for i, a := range n.applied {
		if i >= len(k.history) || k.history[i] != a {
			s.violate("server %d installed an image with %v as number %d, which is not committed history", n.id, a.Zxid, i)
		}
	}
}

// ack: a client was told that its operation is done.
func (k *Checker) ack(s *Sim, n *node, a Applied, _ forwarded) {
	s.Stats.Acked++
	k.acked[a.Op] = true
	k.maxAcked = max(k.maxAcked, a.Zxid)
}

// final: everyone who settled has everything.
func (k *Checker) final(s *Sim) error {
	for op := range k.acked {
		if !k.ops[op] {
			return fmt.Errorf("acknowledged operation %d is not in the history", op)
		}
	}
	for _, n := range s.nodes {
		if n.up {
			n.count()
		}
		if n.Running() && n.soft.Role == zab.Leading && n.soft.Active && len(n.applied) < len(k.history) {
			return fmt.Errorf("the settled leader %d has applied %d of %d transactions", n.id, len(n.applied), len(k.history))
		}
	}
	return nil
}
