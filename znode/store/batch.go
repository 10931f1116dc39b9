package store

import (
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Batch is what changed in a state between two calls of [Store.Collect], as one consistent image at Zxid.
type Batch struct {
	Zxid   zxid.ID
	digest uint64
	ops    []op
	bytes  int64
	chunk  []byte
}

// op puts value under key, or deletes the key. Both are owned by the batch.
type op struct {
	key, value []byte
	del        bool
}

// chunkBytes is how much a batch allocates at a time for copies of records.
const chunkBytes = 64 << 10

// Collect takes the changes out of the state. It is the caller's to see that every batch collected is committed, in order.
func (s *Store) Collect(st Source) *Batch {
	b := &Batch{}
	b.Zxid = st.DrainChanges(
		func(k, v []byte) { b.ops = append(b.ops, op{key: b.keep(k), value: b.keep(v)}) },
		func(k []byte) { b.ops = append(b.ops, op{key: b.keep(k), del: true}) },
	)
	b.digest = st.Digest()
	b.chunk = nil
	return b
}

// Len is the number of records in the batch.
func (b *Batch) Len() int { return len(b.ops) }

// Bytes is the size of its records.
func (b *Batch) Bytes() int64 { return b.bytes }

// keep copies p.
func (b *Batch) keep(p []byte) []byte {
	b.bytes += int64(len(p))
	if len(p) > cap(b.chunk)-len(b.chunk) {
		b.chunk = make([]byte, 0, max(chunkBytes, len(p)))
	}
	n := len(b.chunk)
	b.chunk = append(b.chunk, p...)
	return b.chunk[n:len(b.chunk):len(b.chunk)]
}
