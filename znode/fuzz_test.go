package znode

import (
	"math/rand"
	"reflect"
	"testing"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// Whatever bytes are in the log: the decoder does not panic, what it takes it writes back the same, and Apply has an outcome for it.
func FuzzDecodeTxn(f *testing.F) {
	for seed := range int64(20) {
		g := gen{rand.New(rand.NewSource(seed))}
		f.Add(AppendTxn(nil, g.txn()))
	}
	f.Add(AppendTxn(nil, &Txn{Op: Op{Kind: KindReconfig, Data: []byte("x"), Version: -1}}))
	f.Add(AppendTxn(nil, &Txn{Op: Op{Kind: KindPutSecret, Path: "k", Data: []byte("x")}}))
	f.Add(AppendTxn(nil, &Txn{Op: Op{Kind: KindError, Err: ErrMarshalling}}))
	f.Add(AppendTxn(nil, &Txn{Op: Op{Kind: KindDeleteContainer, Path: "/a", TTL: 5}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var txn, again Txn
		if DecodeTxn(raw, &txn) != nil {
			return
		}
		if err := DecodeTxn(AppendTxn(nil, &txn), &again); err != nil || !reflect.DeepEqual(txn, again) {
			t.Fatalf("%v\n%+v\n%+v", err, txn, again)
		}
		s := NewState(Options{})
		var r Result
		s.Apply(1, 1, &Txn{Session: 0x101, Op: Op{Kind: KindCreateSession, Timeout: 9, Password: make([]byte, 16)}}, &r)
		for i, who := range []*Txn{&txn, &again} {
			z := zxid.ID(2 + 2*i)
			s.Apply(z, int64(z), who, &r)
			who.Session = 0x101
			s.Apply(z+1, int64(z+1), who, &r)
		}
		if err := s.CheckInvariants(); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever is in an image: loading does not panic, and what EndLoad takes holds together.
func FuzzLoadRecord(f *testing.F) {
	s, _ := benchState(f, 3)
	good := dumpOf(s)
	for k, v := range good {
		f.Add([]byte(k), []byte(v))
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s := NewState(Options{})
		s.BeginLoad()
		for k, v := range good {
			if k != string(key) {
				if err := s.LoadRecord([]byte(k), []byte(v)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if s.LoadRecord(key, value) != nil || s.EndLoad() != nil {
			return
		}
		if err := s.CheckInvariants(); err != nil {
			t.Fatal(err)
		}
	})
}
