package node

import (
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// learnFirstByte takes what the history says of the byte that session ids of this server begin with. It is called from the apply loop.
func (n *node) learnFirstByte() {
	var b uint8
	n.server.View(func(st *znode.State) { b = server.FirstByte(st, n.self) })
	if b != uint8(n.named.first.Load()) {
		n.named.first.Store(uint32(b))
		n.server.SetFirstByte(b)
	}
}

// claimFirstByte proposes a byte for this server if it has none, once everything before is applied. It may be lost, or another server may have been
// quicker: it is called again while there is none.
func (n *node) claimFirstByte() {
	if n.named.first.Load() != 0 || n.named.is.Load() == nil || !n.peer.Soft().Active {
		return
	}
	n.peer.ReadIndex(func(err error) {
		if err != nil {
			return
		}
		go func() {
			members := n.peer.Status().Ensemble.Committed
			var t *znode.Txn
			n.server.View(func(st *znode.State) { t, err = server.ClaimByte(st, n.self, members) })
			if err == nil && t != nil {
				err = n.peer.Propose([][]byte{znode.AppendTxn(nil, t)})
			}
			if err != nil {
				n.logger.Error("this server serves no clients yet: it cannot get the byte that its session ids begin with", "err", err)
			}
		}()
	})
}

// freeFirstBytes is the leader's: it takes the bytes of servers that are gone when few are free.
func (n *node) freeFirstBytes() {
	if s := n.peer.Soft(); !s.Active || !s.Confirmed || s.Role != zab.Leading {
		return
	}
	st := n.peer.Status()
	needed := map[int]bool{n.self.Number(): true}
	for _, m := range st.Ensemble.Committed.Members {
		needed[m.ID.Number()] = true
	}
	if st.Ensemble.Proposed != nil {
		for _, m := range st.Ensemble.Proposed.Members {
			needed[m.ID.Number()] = true
		}
	}
	for _, l := range st.Learners {
		needed[l.ID.Number()] = true
	}
	var payloads [][]byte
	n.server.View(func(st *znode.State) {
		for _, t := range server.FreeBytes(st, func(number int) bool { return needed[number] }) {
			payloads = append(payloads, znode.AppendTxn(nil, t))
		}
	})
	if len(payloads) == 0 {
		return
	}
	if err := n.peer.Propose(payloads); err != nil {
		n.logger.Warn("bytes that session ids begin with stay with servers that are gone", "err", err)
	}
}
