package znode

import (
	"math/rand"
	"testing"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// What lacks room is refused for want of room when it is applied with FlagNoGrow, but for a setData that keeps the size of its node, and nothing else is.
func TestLacksRoomIsWhatApplyRefuses(t *testing.T) {
	refused, multis := 0, 0
	for seed := int64(1); seed <= 30; seed++ {
		g := gen{rand.New(rand.NewSource(seed))}
		s := NewState(Options{})
		var r Result
		for z := zxid.ID(1); z < 800; z += 2 {
			txn := g.txn()
			part, lacks := s.LacksRoom(txn)
			before := s.Digest()
			txn.Flags |= FlagNoGrow
			s.Apply(z, 1000, txn, &r)
			// A state that tells another reason than the judge does so for a part that depends on what the parts before it have done.
			depends := txn.Op.Kind == KindMulti && part > 0 && r.Code != OK
			if !lacks && r.Code == ErrQuotaExceeded || lacks && r.Code != ErrQuotaExceeded && !keepsSize(txn) && !depends {
				t.Fatalf("seed %d zxid %d %+v: part %d lacks room: %v, and it is answered %v", seed, z, *txn, part, lacks, r.Code)
			}
			if lacks && r.Code == ErrQuotaExceeded {
				refused++
				if before != s.Digest() {
					t.Fatalf("seed %d zxid %d %+v was refused and changed the state", seed, z, *txn)
				}
				if txn.Op.Kind == KindMulti {
					multis++
				}
			}
			txn.Flags &^= FlagNoGrow
			s.Apply(z+1, 1000, txn, &r)
		}
	}
	if refused < 500 || multis < 50 {
		t.Errorf("only %d transactions lacked room, %d of them multis", refused, multis)
	}
}

// keepsSize says whether a setData in the transaction may keep the size of its node.
func keepsSize(t *Txn) bool {
	for i := range t.Ops {
		if t.Ops[i].Kind == KindSetData {
			return true
		}
	}
	return t.Op.Kind == KindSetData
}
