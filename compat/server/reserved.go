package server

import (
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// refuseReserved answers the write in t.txn here and now if it, or a part of it, would write a virtual node or something below one. Every server does so before
// it proposes: these nodes are in no state, so the state has no ACL for them, and a node of that name beside them would speak for the ensemble.
func (t *turn) refuseReserved(h wire.RequestHeader, large int) bool {
	x := &t.txn
	if x.Op.Kind != znode.KindMulti {
		return t.reserved(&x.Op) && t.refusePart(h, 0, znode.ErrNoAuth, large)
	}
	for i := range x.Ops {
		if t.reserved(&x.Ops[i]) {
			return t.refusePart(h, i, znode.ErrNoAuth, large)
		}
	}
	return false
}

func (t *turn) reserved(op *znode.Op) bool {
	if t.s.opts.Virtual == nil || !isVirtualPath(op.Path) || op.Kind == znode.KindCheck {
		return false
	}
	path := op.Path
	if op.Kind == znode.KindCreate && op.Mode.Sequential() { // it gets digits behind its name, which make it another one
		path += "0"
	}
	return t.s.opts.Virtual.Reserved(path)
}

// refusePart answers the write in t.txn with code, in its turn; of a multi this part has failed. It takes no place in the log. It returns true.
func (t *turn) refusePart(h wire.RequestHeader, part int, code znode.Code, large int) bool {
	x := &t.txn
	if x.Op.Kind != znode.KindMulti {
		t.code(h, code, false, large)
		return true
	}
	results := make([]znode.OpResult, len(x.Ops))
	znode.FailMulti(results, x.Ops, part, code)
	t.answer(h, wire.AppendMultiResult(nil, results), large)
	return true
}
