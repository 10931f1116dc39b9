package txnlog

import (
	"fmt"
	"sort"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

var _ zab.Log = (*Log)(nil)

// Base implements [zab.Log].
func (l *Log) Base() zab.SnapshotMeta {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.history.base
}

// Last implements [zab.Log].
func (l *Log) Last() zxid.ID {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.history.last
}

// HardState implements [zab.Log].
func (l *Log) HardState() zab.HardState {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.history.state
}

// Reconfigs implements [zab.Log].
func (l *Log) Reconfigs() []zab.Entry {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := make([]zab.Entry, len(l.history.reconfigs))
	for i, r := range l.history.reconfigs {
		list[i] = r.entry
	}
	return list
}

// span is a run that a reader holds: the segment stays open until it is released.
type span struct {
	seg         *segment
	off, end    int64 // frames
	first, last zxid.ID
}

// hold takes the run at index i, positioned for reading the first entry after z. The caller has l.mu.
func (l *Log) hold(i int, z zxid.ID) span {
	r := l.history.runs[i]
	r.seg.refs.Add(1)
	return span{seg: r.seg, off: r.seek(z), end: r.end, first: r.first, last: r.last}
}

// Floor implements [zab.Log]. A disk that cannot be read, or damage found on the way, gives 0 here and fails the next Append.
func (l *Log) Floor(z zxid.ID) zxid.ID {
	l.mu.RLock()
	h := &l.history
	i := sort.Search(len(h.runs), func(i int) bool { return h.runs[i].first > z }) - 1
	if i < 0 || h.runs[i].last <= z {
		floor := h.base.Zxid
		if i >= 0 {
			floor = h.runs[i].last
		}
		l.mu.RUnlock()
		if floor > z {
			return 0
		}
		return floor
	}
	sp := l.hold(i, z)
	l.mu.RUnlock()
	var floor zxid.ID
	err := sp.entries(func(e *zab.Entry) bool {
		if e.Zxid > z {
			return false
		}
		floor = e.Zxid
		return true
	})
	if err != nil {
		l.readErr.CompareAndSwap(nil, &err)
		return 0
	}
	return floor
}

// entryOverhead is what an entry counts for besides its data, so that a limit in bytes also bounds the number of entries.
const entryOverhead = 64

// Entries implements [zab.Log]. Every frame is checked again as it is read; damage is an error that names its place, and nothing of
// a damaged frame is returned. The entries belong to the caller.
func (l *Log) Entries(after zxid.ID, maxBytes int) ([]zab.Entry, error) {
	var list []zab.Entry
	used, full := 0, false
	for !full {
		l.mu.RLock()
		if base := l.history.base.Zxid; after < base {
			l.mu.RUnlock()
			if len(list) > 0 {
				return list, nil // compacted while we read; the caller comes again from here
			}
			return nil, fmt.Errorf("entries after %v: the log begins after %v: %w", after, base, zab.ErrCompacted)
		}
		i := l.history.find(after)
		if i == len(l.history.runs) {
			l.mu.RUnlock()
			return list, nil
		}
		sp := l.hold(i, after)
		l.mu.RUnlock()
		err := sp.entries(func(e *zab.Entry) bool {
			if e.Zxid <= after {
				return true
			}
			used += len(e.Data) + entryOverhead
			if len(list) > 0 && used > maxBytes {
				full = true
				return false
			}
			kept := *e
			kept.Data = append([]byte(nil), e.Data...)
			list = append(list, kept)
			return true
		})
		if err != nil {
			return nil, err
		}
		if n := len(list); n > 0 {
			after = list[n-1].Zxid
		}
	}
	return list, nil
}

// entries calls each for the live entries of the span in order until it returns false, and releases the segment. The entry and its
// data are only lent.
func (sp span) entries(each func(e *zab.Entry) bool) (err error) {
	defer func() {
		if e := sp.seg.release(); err == nil {
			err = e
		}
	}()
	sc := &scanner{seg: sp.seg, end: sp.end}
	more := true
	for off := sp.off; more && off < sp.end; {
		f, v, what, err := sc.frame(off)
		if err != nil {
			return err
		}
		if v == frameNone {
			what = "zeros"
		}
		if v != frameGood {
			return damage(sp.seg.path, off, "%s; it was good before", what)
		}
		err = f.records(sp.seg.path, func(_ int64, r *Record) error {
			if r.Kind == RecordEntry && more {
				more = r.Zxid <= sp.last && each(&r.Entry)
			}
			return nil
		})
		if err != nil {
			return err
		}
		off = f.next()
	}
	return nil
}
