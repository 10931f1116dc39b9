package store

import (
	"slices"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// Batch is what changed in a state between two batches, as one consistent image at Zxid.
type Batch struct {
	Zxid   zxid.ID
	digest uint64
	ops    []op
	pieces int // taken before the rest
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
func Collect(st Source) *Batch {
	b := &Batch{}
	b.takeRest(st)
	return b
}

// takeSome takes up to n changed records. They may change again before takeRest, and come again then.
func (b *Batch) takeSome(st Source, n int) {
	st.DrainSome(n, b.put, b.delete)
	b.pieces++
}

// makeRoom makes room for n more records, which would cost whoever waits for the state more than the records do.
func (b *Batch) makeRoom(n int) { b.ops = slices.Grow(b.ops, n) }

// takeRest takes everything that is still marked as changed: the batch is exact now.
func (b *Batch) takeRest(st Source) {
	b.Zxid = st.DrainChanges(b.put, b.delete)
	b.digest = st.Digest()
	b.chunk = nil
}

func (b *Batch) put(k, v []byte) { b.ops = append(b.ops, op{key: b.keep(k), value: b.keep(v)}) }

func (b *Batch) delete(k []byte) { b.ops = append(b.ops, op{key: b.keep(k), del: true}) }

// settle drops, of records that came with several pieces, all but the last. A database need not care for an order within a batch.
func (b *Batch) settle() {
	if b.pieces == 0 {
		return
	}
	newest := make(map[string]int, len(b.ops))
	for i := range b.ops {
		newest[string(b.ops[i].key)] = i
	}
	kept := b.ops[:0]
	for i := range b.ops {
		if newest[string(b.ops[i].key)] == i {
			kept = append(kept, b.ops[i])
		} else {
			b.bytes -= int64(len(b.ops[i].key) + len(b.ops[i].value))
		}
	}
	clear(b.ops[len(kept):])
	b.ops, b.pieces = kept, 0
}

// Len is the number of records in the batch.
func (b *Batch) Len() int { return len(b.ops) }

// Bytes is the size of its records.
func (b *Batch) Bytes() int64 { return b.bytes }

// Digest is the digest of the state at Zxid.
func (b *Batch) Digest() uint64 { return b.digest }

// Each hands out the records of the batch, each key once. They stay the batch's.
func (b *Batch) Each(put func(key, value []byte), del func(key []byte)) {
	b.settle()
	for i := range b.ops {
		if o := &b.ops[i]; o.del {
			del(o.key)
		} else {
			put(o.key, o.value)
		}
	}
}

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
