package zabtest

import (
	"hash/fnv"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Applied is one transaction as a fake state machine remembers it.
type Applied struct {
	Zxid zxid.ID
	Kind zab.EntryKind
	Op   uint64 // what was proposed; 0 for entries that nobody proposed
	Hash uint64 // of this and all before it
}

// next is the state after e.
func next(before []Applied, e zab.Entry) Applied {
	h := fnv.New64a()
	var prev uint64
	if n := len(before); n > 0 {
		prev = before[n-1].Hash
	}
	var b []byte
	for i := range 8 {
		b = append(b, byte(prev>>(8*i)), byte(uint64(e.Zxid)>>(8*i)))
	}
	h.Write(append(append(b, byte(e.Kind)), e.Data...))
	a := Applied{Zxid: e.Zxid, Kind: e.Kind, Hash: h.Sum64()}
	if e.Kind == zab.EntryTxn {
		a.Op = opOf(e.Data)
	}
	return a
}

// Op encodes an operation number as a payload, padded to size bytes.
func Op(n uint64, size int) []byte {
	b := make([]byte, max(8, size))
	for i := range 8 {
		b[i] = byte(n >> (8 * i))
	}
	return b
}

func opOf(data []byte) (n uint64) {
	for i := range min(8, len(data)) {
		n |= uint64(data[i]) << (8 * i)
	}
	return n
}
