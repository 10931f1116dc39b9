package txnlog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Any bytes decode to records or to an error; what decodes encodes to the same bytes.
func FuzzDecodeRecord(f *testing.F) {
	ens := zab.Ensemble{Version: 5, Members: []zab.Member{{ID: 1, Addr: "a:1:2", Client: "b:3", Weight: 1}}}
	seed := appendMetaRecord(nil, RecordAnchor, zab.SnapshotMeta{Zxid: 9, Ensemble: ens})
	seed = appendStateRecord(seed, zab.HardState{Promised: 3, Vote: 2, Commit: 7})
	seed = appendMetaRecord(seed, RecordTruncate, zab.SnapshotMeta{Zxid: 8})
	seed = appendEntryRecord(seed, &zab.Entry{Zxid: 9, Prev: 8, Kind: zab.EntryTxn, Time: -1, Data: []byte("data")})
	f.Add(seed)
	f.Add(seed[:len(seed)-1])
	f.Add(appendStateRecord(nil, zab.HardState{Promised: 3, Vote: zab.Server0, Commit: 9, Fill: 7}))
	f.Add(appendMetaRecord(nil, RecordBase, zab.SnapshotMeta{Zxid: 9, Ensemble: zab.Ensemble{Members: []zab.Member{{ID: zab.Server0, Addr: "a:1:2"}, {ID: 254, Addr: "b:1:2"}, {ID: 255, Addr: "c:1:2", Client: "0.0.0.0:1"}}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Record
		for len(b) > 0 {
			rest, err := decodeRecord(b, &r)
			if err != nil {
				return
			}
			var again []byte
			switch r.Kind {
			case RecordHardState:
				again = appendStateRecord(nil, r.State)
			case RecordEntry:
				again = appendEntryRecord(nil, &r.Entry)
			default:
				again = appendZxidRecord(nil, r.Kind, r.Zxid, r.Data)
				if m, err := r.meta(); err == nil && !bytes.Equal(appendEnsemble(nil, m.Ensemble), r.Data) {
					t.Fatalf("membership %x is not canonical", r.Data)
				}
			}
			if !bytes.Equal(again, b[:len(b)-len(rest)]) {
				t.Fatalf("%x encodes as %x", b[:len(b)-len(rest)], again)
			}
			b = rest
		}
	})
}

func FuzzOpenHeader(f *testing.F) {
	b := make([]byte, frameHeader+10+frameTail)
	sealFrame(b, 1, 512, 3, 2, 7)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < frameHeader {
			return
		}
		if h, ok := openHeader(b, 1, 512); ok && h.length > maxPayload {
			t.Fatal("a frame larger than any")
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 16, 512} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			l, err := Open(OS{}, b.TempDir(), Options{Identity: Identity{Peer: 1}})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			data := make([]byte, 180)
			for i := range data {
				data[i] = byte(rand.Uint32())
			}
			batch := make([]zab.Entry, n)
			b.ReportAllocs()
			for b.Loop() {
				last := l.Last()
				for i := range batch {
					batch[i] = zab.Entry{Zxid: last + 1, Prev: last, Kind: zab.EntryTxn, Data: data}
					last++
				}
				if err := l.Append(zab.Persist{Entries: batch}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/entry")
			b.SetBytes(int64(n * len(data)))
		})
	}
}

// BenchmarkEncode is Append without the disk.
func BenchmarkEncode(b *testing.B) {
	data := make([]byte, 180)
	batch := zab.Persist{Entries: slices.Repeat([]zab.Entry{{Data: data}}, 512)}
	l := &Log{}
	buf := make([]byte, 0, 1<<20)
	b.SetBytes(512 * 180)
	b.ReportAllocs()
	for b.Loop() {
		buf = append(l.appendBatch(append(buf[:0], make([]byte, frameHeader)...), &batch), make([]byte, frameTail)...)
		sealFrame(buf, 1, 512, 3, 2, 7)
	}
}

func BenchmarkEntries(b *testing.B) {
	l, err := Open(OS{}, b.TempDir(), Options{Identity: Identity{Peer: 1}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	batch := make([]zab.Entry, 20000)
	for i := range batch {
		batch[i] = zab.Entry{Zxid: zxid.ID(i + 1), Prev: zxid.ID(i), Kind: zab.EntryTxn, Data: make([]byte, 180)}
	}
	for i := 0; i < len(batch); i += 500 {
		if err := l.Append(zab.Persist{Entries: batch[i : i+500]}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(20000 * 180)
	b.ReportAllocs()
	for b.Loop() {
		if list, err := l.Entries(0, 1<<30); err != nil || len(list) != len(batch) {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen reads and checks a log of 64 MiB.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	l, err := Open(OS{}, dir, Options{Identity: Identity{Peer: 1}})
	if err != nil {
		b.Fatal(err)
	}
	batch := make([]zab.Entry, 1000)
	total := int64(0)
	for total < 64<<20 {
		for i := range batch {
			z := l.Last() + zxid.ID(i)
			batch[i] = zab.Entry{Zxid: z + 1, Prev: z, Kind: zab.EntryTxn, Data: make([]byte, 180)}
			total += 180
		}
		if err := l.Append(zab.Persist{Entries: batch}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(total)
	for b.Loop() {
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		if l, err = Open(OS{}, dir, Options{Identity: Identity{Peer: 1}}); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}
