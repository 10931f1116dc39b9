package znode

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

var openList = []ACL{{Perms: PermAll, Scheme: "world", ID: "anyone"}}

const benchSession session.ID = 0x100000000000001

func benchState(tb testing.TB, nodes int) (*State, []string) {
	tb.Helper()
	s := NewState(Options{})
	var r Result
	z := zxid.ID(1)
	s.Apply(z, 1, &Txn{Session: benchSession, Op: Op{Kind: KindCreateSession, Timeout: 1000, Password: make([]byte, 16)}}, &r)
	s.Apply(z, 1, &Txn{Session: benchSession, Op: Op{Kind: KindCreate, Wire: 1, Path: "/bench", ACL: openList}}, &r)
	if r.Code != OK {
		tb.Fatal(r.Code)
	}
	paths := make([]string, nodes)
	data := make([]byte, 100)
	t := Txn{Session: benchSession, Op: Op{Kind: KindCreate, Wire: 1, Data: data, ACL: openList}}
	for i := range paths {
		paths[i] = fmt.Sprintf("/bench/n%07d", i)
		t.Op.Path = paths[i]
		z++
		if s.Apply(z, 1, &t, &r); r.Code != OK {
			tb.Fatal(r.Code)
		}
	}
	return s, paths
}

func BenchmarkApplyCreate(b *testing.B) {
	s, _ := benchState(b, 0)
	paths := make([]string, b.N)
	for i := range paths {
		paths[i] = fmt.Sprintf("/bench/n%07d", i)
	}
	t := Txn{Session: benchSession, Op: Op{Kind: KindCreate, Wire: 1, Data: make([]byte, 100), ACL: openList}}
	var r Result
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		t.Op.Path = paths[i]
		s.Apply(zxid.ID(i+2), 1, &t, &r)
	}
}

func BenchmarkApplySetData(b *testing.B) {
	for _, nodes := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) { benchSetData(b, nodes) })
	}
}

func benchSetData(b *testing.B, nodes int) {
	s, paths := benchState(b, nodes)
	t := Txn{Session: benchSession, Op: Op{Kind: KindSetData, Version: -1, Data: make([]byte, 100)}}
	var r Result
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		t.Op.Path = paths[i*7919%len(paths)]
		s.Apply(zxid.ID(i+2), 1, &t, &r)
	}
}

func BenchmarkApplyMulti(b *testing.B) {
	s, paths := benchState(b, 100_000)
	t := Txn{Session: benchSession, Op: Op{Kind: KindMulti}, Ops: []Op{
		{Kind: KindCheck, Version: -1}, {Kind: KindSetData, Version: -1, Data: make([]byte, 100)}}}
	var r Result
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		t.Ops[0].Path = paths[i*7919%len(paths)]
		t.Ops[1].Path = paths[i*7907%len(paths)]
		s.Apply(zxid.ID(i+2), 1, &t, &r)
	}
}

func BenchmarkGetData(b *testing.B) {
	for _, nodes := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) { benchGetData(b, nodes) })
	}
}

// The path is made in hot memory, as from a frame; node, block and index are wherever they are.
func benchGetData(b *testing.B, nodes int) {
	s, _ := benchState(b, nodes)
	ids := []Identity{{"ip", "127.0.0.1"}}
	buf := []byte("/bench/n0000000")
	path := unsafe.String(&buf[0], len(buf))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		n := i * 7919 % nodes
		for at := len(buf) - 1; at >= len(buf)-7; at-- {
			buf[at] = byte('0' + n%10)
			n /= 10
		}
		if _, _, c := s.GetData(path, ids, 0); c != OK {
			b.Fatal(c)
		}
	}
}

func BenchmarkChildren(b *testing.B) {
	s, paths := benchState(b, 1000)
	_ = paths
	size := 0
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s.Children("/bench", nil, 0, func(name string) { size += len(name) })
	}
}

// BenchmarkMemory reports the heap a znode of 100 data bytes costs, all told.
func BenchmarkMemory(b *testing.B) {
	const nodes = 1_000_000
	for range b.N {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := NewState(Options{})
		var r Result
		t := Txn{Op: Op{Kind: KindCreate, Path: "/bench", ACL: openList}}
		s.Apply(1, 1, &t, &r)
		t.Op.Data = make([]byte, 100)
		for i := range nodes {
			t.Op.Path = fmt.Sprintf("/bench/n%07d", i)
			s.Apply(zxid.ID(i+2), 1, &t, &r)
		}
		s.DrainChanges(func(_, _ []byte) {}, func([]byte) {})
		s.feed = changeFeed{}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/nodes, "B/znode")
		runtime.KeepAlive(s)
	}
}

func BenchmarkLoad(b *testing.B) {
	s, _ := benchState(b, 1_000_000)
	type record struct{ k, v []byte }
	var records []record
	s.Dump(func(k, v []byte) error {
		records = append(records, record{append([]byte(nil), k...), append([]byte(nil), v...)})
		return nil
	})
	b.ResetTimer()
	for range b.N {
		s.BeginLoad()
		for _, r := range records {
			if err := s.LoadRecord(r.k, r.v); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.EndLoad(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDrain(b *testing.B) {
	s, _ := benchState(b, 100_000)
	size := 0
	b.ResetTimer()
	for range b.N {
		s.MarkAllChanged()
		s.DrainChanges(func(k, v []byte) { size += len(k) + len(v) }, func([]byte) {})
	}
}

func BenchmarkDecodeTxn(b *testing.B) {
	raw := AppendTxn(nil, &Txn{Session: 1, Auth: []Identity{{"ip", "127.0.0.1"}}, Op: Op{Kind: KindCreate, Wire: 1, Path: "/bench/n1", Data: make([]byte, 100), ACL: openList}})
	var t Txn
	b.ReportAllocs()
	for range b.N {
		if err := DecodeTxn(raw, &t); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendTxn(b *testing.B) {
	t := &Txn{Session: 1, Auth: []Identity{{"ip", "127.0.0.1"}}, Op: Op{Kind: KindCreate, Wire: 1, Path: "/bench/n1", Data: make([]byte, 100), ACL: openList}}
	var buf []byte
	b.ReportAllocs()
	for range b.N {
		buf = AppendTxn(buf[:0], t)
	}
}
