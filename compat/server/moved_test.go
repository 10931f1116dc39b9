package server_test

import (
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

// TestSessionMoved: once a session speaks through another server, what its old server still forwards becomes an error that closes the
// old connection, and what its new server forwards passes.
func TestSessionMoved(t *testing.T) {
	w := newWorld(t, 3, nil)
	attach := func(i int, id session.ID, pw []byte) (session.ID, []byte) {
		c := w.dial(i)
		c.send((&wire.ConnectRequest{Timeout: 10000, Session: id, Password: pw}).Append(nil))
		f, err := c.next(soon)
		if err != nil {
			t.Fatal(err)
		}
		var p wire.ConnectResponse
		r := jute.NewReader(f)
		p.Decode(&r)
		return p.Session, append([]byte(nil), p.Password[:]...)
	}
	id, pw := attach(1, 0, make([]byte, 16))
	attach(2, id, pw) // it moves from server 2 to server 3
	write := znode.Txn{Session: id, Origin: znode.Origin{Boot: 2000, Seq: 7}, Op: znode.Op{Kind: znode.KindDelete, Path: "/x", Version: -1}}
	other := znode.Txn{Session: id + 1, Op: write.Op}
	payloads := func() [][]byte { return [][]byte{znode.AppendTxn(nil, &write), znode.AppendTxn(nil, &other)} }
	var got znode.Txn
	old := payloads()
	w.nodes[0].Vet(2, old)
	if err := znode.DecodeTxn(old[0], &got); err != nil || got.Op.Kind != znode.KindError || got.Op.Err != znode.ErrSessionMoved || got.Origin != write.Origin {
		t.Errorf("a write through the old server became %+v, %v", got, err)
	}
	if err := znode.DecodeTxn(old[1], &got); err != nil || got.Op.Kind != znode.KindDelete {
		t.Errorf("another session's write became %+v, %v", got, err)
	}
	fresh := payloads()
	w.nodes[0].Vet(3, fresh)
	if err := znode.DecodeTxn(fresh[0], &got); err != nil || got.Op.Kind != znode.KindDelete {
		t.Errorf("a write through the new server became %+v, %v", got, err)
	}
}
