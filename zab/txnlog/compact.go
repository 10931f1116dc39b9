package txnlog

import (
	"errors"
	"fmt"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// CompactBefore removes the oldest segments whose entries all are at or before z; the caller holds an image at z or later. Whole
// segments only, never the active one, so the log usually keeps more than asked. The segments leave the history at once, and their files after that,
// while appends go on: an unlink of a large file and the sync of a folder take their time. One file at a time is removed, the oldest first, and its
// absence made durable before the next: a crash leaves some segments too many, and no gap.
func (l *Log) CompactBefore(z zxid.ID) error {
	l.compact.Lock()
	defer l.compact.Unlock()
	dropped, err := l.drop(z)
	if err != nil {
		return err
	}
	for _, s := range dropped {
		if err == nil {
			err = l.remove(s)
		}
		err = errors.Join(err, s.release())
	}
	if err == nil {
		return nil
	}
	l.write.Lock()
	defer l.write.Unlock()
	return l.fail(fmt.Errorf("compact the log: %w", err))
}

// drop takes the segments out of the history that CompactBefore is to remove, and returns them, oldest first.
func (l *Log) drop(z zxid.ID) ([]*segment, error) {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.usable(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(l.segments)-1 && l.history.newest(l.segments[n]) <= z {
		n++
	}
	dropped := l.segments[:n:n]
	for _, s := range dropped {
		l.history.dropped(s)
	}
	l.segments = append([]*segment(nil), l.segments[n:]...)
	return dropped, nil
}

// remove deletes the file of a segment, durably. The caller holds l.compact.
func (l *Log) remove(s *segment) error {
	if err := l.fs.Remove(s.path); err != nil {
		return err
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return fmt.Errorf("sync directory %s: %w", l.dir, err)
	}
	return nil
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
