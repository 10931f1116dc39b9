package zab

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// history is the core's view of its own history: the log below, a tail in memory above, and what is on its way from one to the
// other. Rules, held by checkInvariants:
//
//	H1  base <= tailStart <= last, and the tail holds exactly the entries in (tailStart, last], chained by Prev.
//	H2  durable <= emitted <= last: what is durable was handed out, what was handed out exists.
//	H3  tailStart <= durable, so that whatever is read from the log is durable there (not while an image is being installed;
//	    then tailStart == base, and nothing below is read).
//	H4  a truncation lowers durable, and what the batches in flight promise, at once.
type history struct {
	log       Log
	base      zxid.ID // at least this much exists as an image only (Log.Base may be above by compaction)
	tail      []Entry
	tailStart zxid.ID // the zxid before tail[0]
	tailBytes int
	last      zxid.ID
	lastTime  int64 // Time of the newest entry that was pushed: NEWLEADER repeats it, since no clock is asked for it
	emitted   zxid.ID
	durable   zxid.ID
	batches   []batch // in flight, by Seq
	seq       uint64
	truncate  *zxid.ID  // to go out with the next batch
	snapshot  *Snapshot // to go out with the next batch, before truncate
}

// batch is a Persist in flight.
type batch struct {
	seq      uint64
	last     zxid.ID // of the history once it is durable
	promised zxid.Epoch
	at       int64 // tick at which it was handed out
}

// entryOverhead is what an entry costs in memory besides its data.
const entryOverhead = 64

func newHistory(log Log) (history, error) {
	h := history{log: log, base: log.Base().Zxid, last: log.Last()}
	h.tailStart, h.emitted, h.durable = h.last, h.last, h.last
	if h.last < h.base {
		return h, fmt.Errorf("zab: log ends at %v, before its base %v", h.last, h.base)
	}
	if h.last == h.base {
		return h, nil
	}
	before := log.Floor(h.last - 1)
	es, err := log.Entries(before, 1)
	if err != nil || len(es) == 0 || es[0].Zxid != h.last {
		return h, fmt.Errorf("zab: log does not return its last entry %v (after %v): %v, %w", h.last, before, es, err)
	}
	h.lastTime = es[0].Time
	return h, nil
}

// index is the number of tail entries with a zxid <= z.
func (h *history) index(z zxid.ID) int {
	if n := len(h.tail); n > 0 && z >= h.last {
		return n
	}
	i, found := slices.BinarySearchFunc(h.tail, z, func(e Entry, z zxid.ID) int { return cmp.Compare(e.Zxid, z) })
	if found {
		i++
	}
	return i
}

// floor is the greatest zxid of the history that is <= z; 0, the empty history, belongs to everyone's.
func (h *history) floor(z zxid.ID) zxid.ID {
	if z >= h.last {
		return h.last
	}
	if z < h.base {
		return 0 // what an image replaced is not compared any more, even if the log still shows it
	}
	if z >= h.tailStart {
		if i := h.index(z); i > 0 {
			return h.tail[i-1].Zxid
		}
		return h.tailStart
	}
	return h.log.Floor(z)
}

func (h *history) has(z zxid.ID) bool { return z == 0 || h.floor(z) == z }

// oldest is the zxid after which entries can be read.
func (h *history) oldest() zxid.ID { return min(h.tailStart, max(h.base, h.log.Base().Zxid)) }

// entries returns entries after z (which the history has), at least one if there is one, up to maxBytes of data.
func (h *history) entries(after zxid.ID, maxBytes int) ([]Entry, error) {
	if after >= h.tailStart {
		return cut(h.tail[h.index(after):], maxBytes), nil
	}
	if after < h.oldest() {
		return nil, ErrCompacted
	}
	es, err := h.log.Entries(after, maxBytes)
	if err != nil {
		return nil, err
	}
	// The log may still hold what is truncated here and not there yet.
	i, _ := slices.BinarySearchFunc(es, h.tailStart+1, func(e Entry, z zxid.ID) int { return cmp.Compare(e.Zxid, z) })
	return es[:i:i], nil
}

// cut is the longest non-empty prefix with at most maxBytes of data; its capacity is its length, so that nobody can append to it.
func cut(es []Entry, maxBytes int) []Entry {
	n, bytes := 0, 0
	for n < len(es) {
		bytes += len(es[n].Data) + entryOverhead
		if n > 0 && bytes > maxBytes {
			break
		}
		n++
	}
	return es[:n:n]
}

// push appends one entry at the end.
func (h *history) push(e Entry) {
	if e.Prev != h.last || e.Zxid <= h.last {
		panic(fmt.Sprintf("zab: append of %v after %v to a history that ends at %v", e.Zxid, e.Prev, h.last))
	}
	h.tail = append(h.tail, e)
	h.tailBytes += len(e.Data) + entryOverhead
	h.last = e.Zxid
	h.lastTime = e.Time
}

// truncateTo drops everything after z, which the history has. Memory that was handed out is not written again.
func (h *history) truncateTo(z zxid.ID) {
	if z >= h.last {
		return
	}
	if z >= h.tailStart {
		i := h.index(z)
		for j := i; j < len(h.tail); j++ {
			h.tailBytes -= len(h.tail[j].Data) + entryOverhead
		}
		h.tail = h.tail[:i:i]
	} else {
		h.tail, h.tailStart, h.tailBytes = nil, z, 0
	}
	h.last = z
	if z < h.emitted {
		t := z
		h.truncate, h.emitted = &t, z
	}
	h.durable = min(h.durable, z)
	for i := range h.batches {
		h.batches[i].last = min(h.batches[i].last, z)
	}
}

// install replaces the history by an image at s.Zxid.
func (h *history) install(s Snapshot) {
	h.base, h.tailStart, h.last, h.emitted, h.durable = s.Zxid, s.Zxid, s.Zxid, s.Zxid, 0
	h.tail, h.tailBytes, h.truncate = nil, 0, nil
	h.snapshot = &s
	for i := range h.batches {
		h.batches[i].last = 0
	}
}

// take makes the next batch of what is not handed out yet.
func (h *history) take(now int64, hs *HardState) *Persist {
	i := h.index(h.emitted)
	h.seq++
	p := &Persist{Seq: h.seq, HardState: hs, Snapshot: h.snapshot, Truncate: h.truncate, Entries: h.tail[i:len(h.tail):len(h.tail)]}
	h.snapshot, h.truncate, h.emitted = nil, nil, h.last
	b := batch{seq: h.seq, last: h.last, at: now}
	if hs != nil {
		b.promised = hs.Promised
	}
	h.batches = append(h.batches, b)
	return p
}

func (h *history) dirty() bool { return h.emitted < h.last || h.truncate != nil || h.snapshot != nil }

// persisted notes that all batches up to seq are durable.
func (h *history) persisted(seq uint64) (promised zxid.Epoch) {
	n := 0
	for n < len(h.batches) && h.batches[n].seq <= seq {
		h.durable = max(h.durable, h.batches[n].last)
		promised = max(promised, h.batches[n].promised)
		n++
	}
	h.batches = slices.Delete(h.batches, 0, n)
	return promised
}

// trim lets go of old durable entries. Those that are not applied yet are read from the log again.
func (h *history) trim(maxBytes int) {
	if h.tailBytes <= maxBytes {
		return
	}
	n := 0
	for n < len(h.tail) && h.tailBytes > maxBytes/2 && h.tail[n].Zxid <= h.durable {
		h.tailBytes -= len(h.tail[n].Data) + entryOverhead
		h.tailStart = h.tail[n].Zxid
		n++
	}
	h.tail = h.tail[n:]
}
