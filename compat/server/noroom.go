package server

import (
	"slices"

	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// refuseGrowth answers the write in t.txn here and now if a disk of the ensemble is nearly full and the write would need room: a create, a setData that
// does not make its node smaller, or a multi with such a part, that would succeed otherwise as far as this server has applied. Such a write takes no place
// in the log: the log is what fills the disk by then, and a server that cannot write it must end. What the state would refuse for another reason
// goes into the history, and its client hears that reason.
func (t *turn) refuseGrowth(h wire.RequestHeader, large int) bool {
	s, x := t.s, &t.txn
	if s.znodeFlags()&znode.FlagNoGrow == 0 {
		return false
	}
	t.sign()
	s.state.RLock()
	part, lacks := s.state.st.LacksRoom(x)
	s.state.RUnlock()
	return lacks && t.refusePart(h, part, znode.ErrQuotaExceeded, large)
}

// answer answers with a body that does not come from the state, in its turn.
func (t *turn) answer(h wire.RequestHeader, body []byte, large int) {
	c := t.lockConn()
	c.enqueue().Answer(h.Xid, h.Op, body, arrival{t.now, large})
	c.mu.Unlock()
	t.settleFirst()
}

// lighten takes the data off a transaction that will be refused since a disk is nearly full (znode.FlagNoGrow is on it), but takes its place in the log
// of every server, so that its client hears why: a create, or a multi with one. It is refused for certain, whatever its data is. Anything
// else goes as it is: it is judged when it is applied, as ever.
func (t *turn) lighten() {
	x := &t.txn
	if x.Op.Kind == znode.KindCreate {
		x.Op.Data = nil
	}
	if x.Op.Kind != znode.KindMulti || !slices.ContainsFunc(x.Ops, func(o znode.Op) bool { return o.Kind == znode.KindCreate }) {
		return
	}
	for i := range x.Ops {
		x.Ops[i].Data = nil
	}
}
