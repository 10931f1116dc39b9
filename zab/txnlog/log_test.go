package txnlog_test

import (
	"fmt"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
)

var testIdentity = txnlog.Identity{Lineage: lineage.Lineage{Cluster: lineage.ID{1, 2, 3}, Incarnation: lineage.ID{9}}, Peer: 3}

// chain makes n entries that continue after prev in the epoch of e.
func chain(prev zxid.ID, e zxid.Epoch, n, size int) []zab.Entry {
	list := make([]zab.Entry, n)
	next := zxid.New(e, 1)
	if prev.Epoch() == e {
		next = prev + 1
	}
	for i := range list {
		data := make([]byte, size)
		for k := range data {
			data[k] = byte(int(next)+k) | 1
		}
		list[i] = zab.Entry{Zxid: next, Prev: prev, Kind: zab.EntryTxn, Time: int64(1000 + i), Data: data}
		prev, next = next, next+1
	}
	return list
}

func mustAppend(t testing.TB, l *txnlog.Log, b ...zab.Persist) {
	t.Helper()
	if err := l.Append(b...); err != nil {
		t.Fatal(err)
	}
}

func sameEntries(got, want []zab.Entry) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d entries, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.Zxid != w.Zxid || g.Prev != w.Prev || g.Kind != w.Kind || g.Time != w.Time || string(g.Data) != string(w.Data) {
			return fmt.Errorf("entry %d is %v after %v, want %v after %v", i, g.Zxid, g.Prev, w.Zxid, w.Prev)
		}
	}
	return nil
}

func TestAppendedEntriesComeBack(t *testing.T) {
	dir := t.TempDir()
	opt := txnlog.Options{Identity: testIdentity, SegmentBytes: 16 << 10}
	l, err := txnlog.Open(txnlog.OS{}, dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	var all []zab.Entry
	for range 40 {
		part := chain(l.Last(), 1, 7, 300)
		mustAppend(t, l, zab.Persist{HardState: &zab.HardState{Promised: 1, Vote: 2}, Entries: part[:3]}, zab.Persist{Entries: part[3:]})
		all = append(all, part...)
	}
	for range 2 {
		got, err := l.Entries(0, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		if err := sameEntries(got, all); err != nil {
			t.Fatal(err)
		}
		for i, e := range all {
			if l.Floor(e.Zxid) != e.Zxid {
				t.Fatalf("Floor(%v) = %v", e.Zxid, l.Floor(e.Zxid))
			}
			if i%50 == 0 {
				tail, err := l.Entries(e.Zxid, 1000)
				if err != nil || len(tail) == 0 || sameEntries(tail, all[i+1:i+1+len(tail)]) != nil || len(tail) > 3 {
					t.Fatalf("Entries(%v): %d, %v", e.Zxid, len(tail), err)
				}
			}
		}
		if hs := l.HardState(); hs.Promised != 1 || hs.Vote != 2 {
			t.Fatalf("hard state %+v", hs)
		}
		if l.Stats().Segments < 3 {
			t.Fatalf("only %d segments", l.Stats().Segments)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if l, err = txnlog.Open(txnlog.OS{}, dir, opt); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
