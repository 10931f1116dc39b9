package server

import (
	"github.com/paddock-zk/paddock/znode"
)

// lighten takes the data off a write that will be refused since a disk is nearly full (znode.FlagNoGrow is on it). A refused write takes a zxid
// and its place in the log of every server, as any other does; with its data it would fill the disk that the refusal is to save.
//
// A create is refused for certain, whatever its data is, so it goes without. A setData that grows its node, as far as this server has applied,
// becomes the refusal itself. Anything else, a setData that the state would refuse for another reason among them, goes as it is: it is judged
// when it is applied, as ever.
func (t *turn) lighten() {
	x := &t.txn
	switch x.Op.Kind {
	case znode.KindCreate:
		x.Op.Data = nil
	case znode.KindSetData:
		if t.grows(&x.Op) {
			x.Op = znode.Op{Kind: znode.KindError, Wire: x.Op.Wire, Err: znode.ErrQuotaExceeded}
		}
	case znode.KindMulti:
		for i := range x.Ops {
			if x.Ops[i].Kind == znode.KindCreate {
				x.Ops[i].Data = nil
			}
		}
	}
}

// grows says whether a setData would succeed now, and make its node larger.
func (t *turn) grows(op *znode.Op) bool {
	s := t.s
	s.state.RLock()
	defer s.state.RUnlock()
	stat, acl, ok := s.state.st.Node(op.Path)
	return ok && znode.ValidPath(op.Path) && len(op.Data) > int(max(stat.DataLength, 0)) && (op.Version == -1 || op.Version == stat.Version) &&
		znode.Permits(acl, znode.PermWrite, t.txn.Auth, t.txn.Flags) && t.known(s.state.st)
}

// known says whether the ensemble knows the session: one that it does not know is told so first.
func (t *turn) known(st *znode.State) bool {
	_, _, ok := st.Session(t.txn.Session)
	return ok || t.c.local.Load()
}
