package session

import "slices"

// Tracker says which sessions are late. Pure: now is a monotonic time in ms that the caller passes in. Only the leader has one.
// Sessions are records in a slab, linked to the bucket of the tick in which they expire: a touch moves one record between two lists.
type Tracker struct {
	tick    int64
	gap     int64            // added to every deadline since the start: pauses given back
	next    int64            // the first tick number whose bucket was not passed yet
	index   map[ID]uint32    // session -> record
	records []record         // 0 is none
	free    []uint32         // unused records
	buckets map[int64]uint32 // tick number -> first record
}

// record is one session: 32 bytes without pointers.
type record struct {
	id      ID
	bucket  int64 // tick number it expires at; closing if it is named already
	timeout int32
	next    uint32
	prev    uint32
}

// closing is the bucket of sessions that Advance has named.
const closing int64 = -1

// NewTracker makes a tracker with buckets of tickMs.
func NewTracker(tickMs int64, nowMs int64) *Tracker {
	if tickMs <= 0 {
		panic("session: a tick must be at least 1 ms")
	}
	return &Tracker{tick: tickMs, next: nowMs / tickMs, index: make(map[ID]uint32), records: make([]record, 1),
		buckets: make(map[int64]uint32)}
}

// Add begins to watch over a session with a full timeout; one that is known is touched, one that is closing stays so.
func (t *Tracker) Add(id ID, timeoutMs int32, nowMs int64) {
	if t.index[id] != 0 {
		t.Touch(id, timeoutMs, nowMs)
		return
	}
	var at uint32
	if k := len(t.free); k > 0 {
		at, t.free = t.free[k-1], t.free[:k-1]
	} else {
		at = uint32(len(t.records))
		t.records = append(t.records, record{})
	}
	t.records[at] = record{id: id, timeout: timeoutMs, bucket: closing}
	t.index[id] = at
	t.schedule(at, nowMs)
}

// Touch gives a session its timeout again, from nowMs on (timeoutMs <= 0: the one it has). News of an earlier time than the last one shortens nothing. False if it is unknown or closing.
func (t *Tracker) Touch(id ID, timeoutMs int32, nowMs int64) bool {
	at := t.index[id]
	if at == 0 || t.records[at].bucket == closing {
		return false
	}
	r := &t.records[at]
	if timeoutMs > 0 && timeoutMs != r.timeout {
		r.timeout = timeoutMs
	} else if t.due(r, nowMs) < r.bucket {
		return true // news that came late: it was heard since
	}
	t.schedule(at, nowMs)
	return true
}

// due is the bucket of a deadline, rounded up to the next tick.
func (t *Tracker) due(r *record, nowMs int64) int64 {
	return max((nowMs-t.gap+int64(r.timeout))/t.tick+1, t.next)
}

// schedule puts a record into the bucket of its deadline.
func (t *Tracker) schedule(at uint32, nowMs int64) {
	r := &t.records[at]
	bucket := t.due(r, nowMs)
	if bucket == r.bucket {
		return
	}
	t.unlink(at)
	first := t.buckets[bucket]
	r.bucket, r.next, r.prev = bucket, first, 0
	if first != 0 {
		t.records[first].prev = at
	}
	t.buckets[bucket] = at
}

// unlink takes a record out of its bucket.
func (t *Tracker) unlink(at uint32) {
	r := &t.records[at]
	if r.bucket == closing {
		return
	}
	switch {
	case r.prev != 0:
		t.records[r.prev].next = r.next
	case r.next != 0:
		t.buckets[r.bucket] = r.next
	default:
		delete(t.buckets, r.bucket)
	}
	if r.next != 0 {
		t.records[r.next].prev = r.prev
	}
	r.bucket, r.next, r.prev = closing, 0, 0
}

// Remove forgets a session (its closeSession was applied).
func (t *Tracker) Remove(id ID) {
	at := t.index[id]
	if at == 0 {
		return
	}
	t.unlink(at)
	t.records[at] = record{}
	t.free = append(t.free, at)
	delete(t.index, id)
}

// Advance returns up to max sessions that are late at nowMs, appended to dst, the earliest first, and by id among those of one tick, so that the
// order in which they were added (out of a map, say) does not show as long as max suffices for a tick. They are closing from then on and are named
// only once, until Reopen or Remove. Call it again while it returns max.
func (t *Tracker) Advance(nowMs int64, max int, dst []ID) []ID {
	last := (nowMs - t.gap) / t.tick
	for ; t.next <= last; t.next++ {
		if len(t.buckets) == 0 {
			t.next = last + 1
			break
		}
		from := len(dst)
		for at := t.buckets[t.next]; at != 0 && max > 0; at = t.buckets[t.next] {
			dst = append(dst, t.records[at].id)
			t.unlink(at)
			max--
		}
		slices.Sort(dst[from:])
		if max == 0 && t.buckets[t.next] != 0 {
			return dst
		}
	}
	return dst
}

// Reopen takes a closing session back with a full timeout (its close could not be proposed).
func (t *Tracker) Reopen(id ID, nowMs int64) {
	if at := t.index[id]; at != 0 && t.records[at].bucket == closing {
		t.schedule(at, nowMs)
	}
}

// Extend gives every session gapMs more: the server itself was paused for so long.
func (t *Tracker) Extend(gapMs int64) {
	if gapMs > 0 {
		t.gap += gapMs
	}
}

// NextDeadline is when Advance may next have something to say; ok is false if no session is waiting. It looks at every bucket, of which
// there are about as many as the longest timeout has ticks.
func (t *Tracker) NextDeadline() (ms int64, ok bool) {
	for bucket := range t.buckets {
		if at := bucket*t.tick + t.gap; !ok || at < ms {
			ms, ok = at, true
		}
	}
	return ms, ok
}

// Len is the number of sessions.
func (t *Tracker) Len() int { return len(t.index) }

// Closing says whether a session is known and named by Advance already.
func (t *Tracker) Closing(id ID) bool {
	at := t.index[id]
	return at != 0 && t.records[at].bucket == closing
}

// Buckets calls f for each expiry time with its sessions (the dump word), in order of time.
func (t *Tracker) Buckets(f func(expiresMs int64, ids []ID)) {
	order := make([]int64, 0, len(t.buckets))
	for bucket := range t.buckets {
		order = append(order, bucket)
	}
	slices.Sort(order)
	for _, bucket := range order {
		var ids []ID
		for at := t.buckets[bucket]; at != 0; at = t.records[at].next {
			ids = append(ids, t.records[at].id)
		}
		slices.Sort(ids)
		f(bucket*t.tick+t.gap, ids)
	}
}
