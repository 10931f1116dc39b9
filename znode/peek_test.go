package znode

import (
	"bytes"
	"testing"
)

// PeekSession and WithFlags see what DecodeTxn sees, on whole transactions and on any part of one.
func TestPeekAndWithFlags(t *testing.T) {
	for _, flags := range []Flags{0, FlagEnforceQuota, FlagNoGrow, FlagLocalSession, FlagNoGrow | FlagLocalSession} {
		x := Txn{Session: 0x0102030405060708, Cxid: -3, Origin: Origin{Boot: 1 << 63, Seq: 1 << 40}, Flags: flags,
			Auth: []Identity{{"digest", "bob:x"}}, Op: Op{Kind: KindSetData, Path: "/a", Data: []byte("data"), Version: -1}}
		b := AppendTxn(nil, &x)
		before := bytes.Clone(b)
		for _, more := range []Flags{FlagNoGrow, FlagLocalSession, FlagNoGrow | FlagSkipACL} {
			want := x
			want.Flags |= more
			if got := WithFlags(b, more); !bytes.Equal(got, AppendTxn(nil, &want)) {
				t.Errorf("flags %#x and %#x: got %x", flags, more, got)
			}
		}
		if !bytes.Equal(b, before) {
			t.Error("WithFlags has changed its argument")
		}
		if id, ok := PeekSession(b); !ok || id != x.Session {
			t.Errorf("session %v, %v", id, ok)
		}
		for n := range b {
			cut := b[:n]
			if _, ok := PeekSession(cut); ok != (n >= 9) {
				t.Errorf("a session is seen in %d bytes: %v", n, ok)
			}
			if got, err := WithFlags(cut, FlagNoGrow), DecodeTxn(cut, new(Txn)); err == nil || DecodeTxn(got, new(Txn)) == nil {
				t.Errorf("%d bytes are a transaction", n)
			}
		}
	}
	if got := WithFlags([]byte{99, 1, 2, 3, 4, 5, 6, 7, 8, 9}, FlagNoGrow); got[0] != 99 || len(got) != 10 {
		t.Errorf("bytes of another format became %x", got)
	}
}
