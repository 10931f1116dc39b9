package txnlog

import (
	"fmt"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// CompactBefore removes the oldest segments whose entries all are at or before z; the caller holds an image at z or later. Whole
// segments only, never the active one, so the log usually keeps more than asked. One segment at a time is removed and its absence
// made durable: a crash leaves no gap.
func (l *Log) CompactBefore(z zxid.ID) error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	for {
		l.mu.RLock()
		s := l.segments[0]
		drop := len(l.segments) > 1 && l.history.newest(s) <= z
		l.mu.RUnlock()
		if !drop {
			return nil
		}
		if err := l.fs.Remove(s.path); err != nil {
			return l.fail(fmt.Errorf("compact the log: %w", err))
		}
		if err := l.fs.SyncDir(l.dir); err != nil {
			return l.fail(fmt.Errorf("compact the log: sync directory %s: %w", l.dir, err))
		}
		l.mu.Lock()
		l.history.dropped(s)
		l.segments = append([]*segment(nil), l.segments[1:]...)
		l.mu.Unlock()
		if err := s.release(); err != nil {
			return fmt.Errorf("compact the log: %w", err)
		}
	}
}

// Stats is what the log takes on disk.
type Stats struct {
	Segments int
	Bytes    int64 // preallocated, without the spare
}

// Stats counts the segments.
func (l *Log) Stats() Stats {
	l.mu.RLock()
	defer l.mu.RUnlock()
	st := Stats{Segments: len(l.segments)}
	for _, s := range l.segments {
		st.Bytes += s.size
	}
	return st
}
