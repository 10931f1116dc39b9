package txnlog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// DefaultSegmentBytes is how large a segment is unless Options say otherwise.
const DefaultSegmentBytes = 32 << 20

// minSegmentBytes leaves room for a header, an anchor and a small batch.
const minSegmentBytes = 4096

// Options configure [Open].
type Options struct {
	Identity     Identity
	Founding     bool            // nobody has kept an identity of this directory: what holds nothing is begun anew, what holds something is refused
	SegmentBytes int64           // preallocated size of a segment; 0 means DefaultSegmentBytes
	Logger       *slog.Logger    // nil discards
	Rand         io.Reader       // source of the segments' secrets; nil means crypto/rand
	Background   func(func())    // runs the preparation of the next segment; nil means a goroutine of its own
	Context      context.Context // for the logger; nil means context.Background
}

func (o *Options) fill() {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	o.SegmentBytes = nextFrame(max(o.SegmentBytes, minSegmentBytes))
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Background == nil {
		o.Background = func(f func()) { go f() }
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
}

// Log is the durable log of one peer. Append and the other changes come from one goroutine at a time (a mutex holds them to it);
// reads may run at any time from any goroutine and never wait for a sync.
type Log struct {
	fs   FS
	dir  string
	opt  Options
	lock io.Closer

	compact sync.Mutex // held while the files of old segments are removed; taken before write
	write   sync.Mutex // held by changes, over their I/O
	w       writer
	mark    *mark
	spare   chan spare // one preparation at a time
	closed  bool

	readErr  atomic.Pointer[error] // a read that found damage and had no way to say so
	mu       sync.RWMutex          // guards what reads see; never held over I/O
	history  history
	segments []*segment
}

// writer is the end of the log. failed is the first error of a change, which is final.
type writer struct {
	off    int64  // where the next frame goes in the active segment
	seq    uint64 // of the last frame; durable, for every change waits for its sync
	sum    uint32 // of the last frame
	buf    []byte
	failed error
}

// Append makes the batches durable with one write and one sync, and returns when they are. An error is final: nothing is known
// about the disk any more, every later call returns the same error, and the server must stop (reliability: a second fsync may
// succeed and mean nothing). Batches are written in order; a crash keeps a prefix of them.
func (l *Log) Append(batches ...zab.Persist) error {
	l.write.Lock()
	defer l.write.Unlock()
	for len(batches) > 0 {
		if err := l.usable(); err != nil {
			return err
		}
		n := 1 // a truncation is judged against what is durable, so it begins a write of its own
		for n < len(batches) && batches[n].Truncate == nil && batches[n].Snapshot == nil {
			n++
		}
		if err := l.check(batches[:n]); err != nil {
			return err
		}
		if err := l.usable(); err != nil { // check has read the log
			return err
		}
		if err := l.fail(l.append(batches[:n])); err != nil {
			return err
		}
		batches = batches[n:]
	}
	return nil
}

// TruncateAfter makes z the last entry. z must be in the log, or be the zxid that the log begins after.
func (l *Log) TruncateAfter(z zxid.ID) error { return l.Append(zab.Persist{Truncate: &z}) }

// Reset begins the history anew after an image, which is durable already (the installation of a snapshot).
func (l *Log) Reset(base zab.SnapshotMeta) error {
	return l.Append(zab.Persist{Snapshot: &zab.Snapshot{SnapshotMeta: base}})
}

func (l *Log) usable() error {
	if l.closed {
		return ErrClosed
	}
	if p := l.readErr.Load(); p != nil {
		return l.fail(*p)
	}
	return l.w.failed
}

func (l *Log) fail(err error) error {
	if err != nil && l.w.failed == nil {
		l.w.failed = fmt.Errorf("the log cannot be trusted after this, stop the server: %w", err)
	}
	return l.w.failed
}

// check refuses batches that do not continue the history; nothing has been written then.
func (l *Log) check(batches []zab.Persist) error {
	base, last := l.Base().Zxid, l.Last()
	for i := range batches {
		b := &batches[i]
		if b.Snapshot != nil {
			base, last = b.Snapshot.Zxid, b.Snapshot.Zxid
		}
		if z := b.Truncate; z != nil {
			if *z != base && (b.Snapshot != nil || l.Floor(*z) != *z) {
				return fmt.Errorf("truncate the log to %v: that is not in the history, which spans %v..%v", *z, base, last)
			}
			last = *z
		}
		for j := range b.Entries {
			e := &b.Entries[j]
			if e.Prev != last || e.Zxid <= last {
				return fmt.Errorf("append %v after %v: the log ends with %v: the histories do not match", e.Zxid, e.Prev, last)
			}
			if _, _, err := e.Ensemble(); err != nil {
				return err
			}
			last = e.Zxid
		}
	}
	return nil
}

func (l *Log) append(batches []zab.Persist) error {
	frames, err := l.encode(batches)
	if err != nil || len(frames) == 0 {
		return err
	}
	s := l.active()
	if _, err := s.file.WriteAt(l.w.buf, l.w.off); err != nil {
		return fmt.Errorf("write %d bytes to log segment %s at offset %d: %w", len(l.w.buf), s.path, l.w.off, err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("log segment %s: %w", s.path, err)
	}
	end := &frames[len(frames)-1]
	l.w.off, l.w.seq, l.w.sum = end.next(), end.seq, end.sum
	if err := l.publish(s, frames, batches); err != nil {
		return err
	}
	if cap(l.w.buf) > keepBuffer {
		l.w.buf = nil
	}
	return l.mark.write(s.header.number, l.w.off, l.w.seq)
}

// keepBuffer is the largest encode buffer that is kept between appends.
const keepBuffer = 1 << 20

func (l *Log) active() *segment { return l.segments[len(l.segments)-1] }

// encode lays the batches out as frames for the active segment, and rolls to a new segment first if they do not fit.
func (l *Log) encode(batches []zab.Persist) ([]frame, error) {
	frames := l.layout(batches)
	if len(frames) == 0 {
		return nil, nil
	}
	if s := l.active(); frames[len(frames)-1].end() > s.size {
		need := frames[len(frames)-1].next() - l.w.off
		if err := l.roll(need, firstZxid(batches, l.Last())); err != nil {
			return nil, err
		}
		frames = l.layout(batches) // the offset, the segment and the chain are others now
	}
	return frames, nil
}

// layout encodes the batches into the buffer as they would stand at the end of the active segment.
func (l *Log) layout(batches []zab.Persist) []frame {
	buf, seed := l.w.buf[:0], l.active().seed
	frames := make([]frame, 0, len(batches))
	seq, sum := l.w.seq, l.w.sum
	for i := range batches {
		if empty(&batches[i]) {
			continue
		}
		if n := len(frames); n > 0 {
			buf = append(buf, make([]byte, frames[n-1].next()-frames[n-1].end())...)
		}
		at := len(buf)
		f := frame{off: l.w.off + int64(at), seq: seq + 1, synced: l.w.seq, prev: sum}
		buf = append(buf, make([]byte, frameHeader)...)
		buf = l.appendBatch(buf, &batches[i])
		buf = append(buf, make([]byte, frameTail)...)
		f.length = uint32(len(buf) - at - frameHeader - frameTail)
		f.sum = sealFrame(buf[at:], seed, f.off, f.seq, f.synced, f.prev)
		frames = append(frames, f)
		seq, sum = f.seq, f.sum
	}
	l.w.buf = buf
	return frames
}

func (l *Log) appendBatch(dst []byte, b *zab.Persist) []byte {
	if b.HardState != nil {
		dst = appendStateRecord(dst, *b.HardState)
	}
	if b.Snapshot != nil {
		dst = appendMetaRecord(dst, RecordBase, b.Snapshot.SnapshotMeta)
	}
	if b.Truncate != nil {
		dst = appendMetaRecord(dst, RecordTruncate, l.truncation(b))
	}
	for i := range b.Entries {
		dst = appendEntryRecord(dst, &b.Entries[i])
	}
	return dst
}

// truncation is the zxid and the membership to which b goes back.
func (l *Log) truncation(b *zab.Persist) zab.SnapshotMeta {
	if b.Snapshot != nil {
		return b.Snapshot.SnapshotMeta
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return zab.SnapshotMeta{Zxid: *b.Truncate, Ensemble: l.history.ensemble(*b.Truncate)}
}

func firstZxid(batches []zab.Persist, last zxid.ID) zxid.ID {
	for i := range batches {
		if len(batches[i].Entries) > 0 {
			return batches[i].Entries[0].Zxid
		}
	}
	return last
}

// publish shows readers what has become durable.
func (l *Log) publish(s *segment, frames []frame, batches []zab.Persist) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &l.history
	for i := range batches {
		b := &batches[i]
		if empty(b) {
			continue // it made no frame
		}
		f := &frames[0]
		frames = frames[1:]
		if b.HardState != nil {
			h.state = *b.HardState
		}
		if b.Snapshot != nil {
			h.begin(b.Snapshot.SnapshotMeta)
		}
		if b.Truncate != nil {
			h.truncate(zab.SnapshotMeta{Zxid: *b.Truncate, Ensemble: h.ensemble(*b.Truncate)})
		}
		for j := range b.Entries {
			if err := h.add(s, f, &b.Entries[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

func empty(b *zab.Persist) bool {
	return b.HardState == nil && b.Snapshot == nil && b.Truncate == nil && len(b.Entries) == 0
}

// Close syncs the mark, closes the files and gives the directory free. Changes after it fail with ErrClosed.
func (l *Log) Close() error {
	l.compact.Lock() // nobody else may open the folder while files are being removed from it
	defer l.compact.Unlock()
	l.write.Lock()
	defer l.write.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	var errs []error
	if l.w.failed == nil {
		errs = append(errs, l.mark.sync())
	}
	errs = append(errs, l.mark.close())
	sp := <-l.spare // waits for a preparation that is under way
	if sp.file != nil {
		errs = append(errs, sp.file.Close())
	}
	l.mu.Lock()
	segments := l.segments
	l.segments, l.history.runs = nil, nil
	l.mu.Unlock()
	for _, s := range segments {
		errs = append(errs, s.release())
	}
	return errors.Join(append(errs, l.lock.Close())...)
}

func (l *Log) path(name string) string { return filepath.Join(l.dir, name) }
