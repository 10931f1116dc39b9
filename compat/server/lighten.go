package server

import (
	"strings"

	"github.com/paddock-zk/paddock/znode"
)

// noRoom says whether a write is refused here and now, since a disk of the ensemble is nearly full: a create, and a setData that does not make
// its node smaller, that would succeed as far as this server has applied. Such a write takes no place in the log: the log is what fills the disk
// by then, and a server that cannot write it must end. What the state would refuse for another reason goes its way, and is told that reason.
func (t *turn) noRoom(op *znode.Op) bool {
	s := t.s
	if s.znodeFlags()&znode.FlagNoGrow == 0 || op.Kind != znode.KindCreate && op.Kind != znode.KindSetData || !znode.ValidPath(op.Path) {
		return false
	}
	s.state.RLock()
	defer s.state.RUnlock()
	if !t.known(s.state.st) {
		return false
	}
	stat, acl, there := s.state.st.Node(op.Path)
	if op.Kind == znode.KindSetData {
		return there && len(op.Data) >= int(stat.DataLength) && (op.Version == -1 || op.Version == stat.Version) && t.permits(acl, znode.PermWrite)
	}
	above := op.Path[:max(1, strings.LastIndexByte(op.Path, '/'))]
	parent, acl, ok := s.state.st.Node(above)
	return ok && !there && parent.EphemeralOwner == 0 && t.permits(acl, znode.PermCreate)
}

func (t *turn) permits(acl []znode.ACL, perm znode.Perm) bool {
	return znode.Permits(acl, perm, t.c.identities(), t.s.znodeFlags())
}

// known says whether the ensemble knows the session: one that it does not know is told so first.
func (t *turn) known(st *znode.State) bool {
	_, _, ok := st.Session(t.c.sessionID())
	return ok || t.c.local.Load()
}

// lighten takes the data off creates that will be refused since a disk is nearly full (znode.FlagNoGrow is on the transaction), but take their place in
// the log of every server: those of a multi, and those whose fate noRoom could not tell. A create is refused for certain, whatever its data is.
// Anything else goes as it is: it is judged when it is applied, as ever.
func (t *turn) lighten() {
	x := &t.txn
	switch x.Op.Kind {
	case znode.KindCreate:
		x.Op.Data = nil
	case znode.KindMulti:
		for i := range x.Ops {
			if x.Ops[i].Kind == znode.KindCreate {
				x.Ops[i].Data = nil
			}
		}
	}
}
