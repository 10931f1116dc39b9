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

// Batch is what becomes durable together: all of it or nothing. The parts take effect in the order of the fields.
type Batch struct {
	HardState []byte      // nil leaves it as it is
	Truncate  *zxid.ID    // the last entry that stays; it must be in the log
	Install   *Image      // all entries go, the history begins after the image
	Entries   []zab.Entry // the first one's Prev is the last entry of the log, and so on
}

// Image points to a snapshot of the state that has been made durable elsewhere.
type Image struct {
	Zxid zxid.ID
	Data []byte // what the installer wants to find again; the log does not look inside
}

// Log is the durable log of one peer. Append and the other changes come from one goroutine at a time (a mutex holds them to it);
// reads may run at any time from any goroutine and never wait for a sync.
type Log struct {
	fs   FS
	dir  string
	opt  Options
	lock io.Closer

	write  sync.Mutex // held by changes, over their I/O
	w      writer
	mark   *mark
	spare  chan spare // one preparation at a time
	closed bool

	mu       sync.RWMutex // guards what reads see; never held over I/O
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
func (l *Log) Append(batches ...Batch) error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if err := l.check(batches); err != nil {
		return err
	}
	return l.fail(l.append(batches))
}

// TruncateAfter makes z the last entry. z must be in the log, or be the zxid that the log begins after.
func (l *Log) TruncateAfter(z zxid.ID) error { return l.Append(Batch{Truncate: &z}) }

// Reset begins the history anew after an image at z, which is durable already (the installation of a snapshot).
func (l *Log) Reset(z zxid.ID, data []byte) error {
	return l.Append(Batch{Install: &Image{Zxid: z, Data: data}})
}

func (l *Log) usable() error {
	if l.closed {
		return ErrClosed
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
func (l *Log) check(batches []Batch) error {
	last := l.Last()
	for i := range batches {
		b := &batches[i]
		if b.Truncate != nil {
			if i > 0 {
				panic("txnlog: a truncation must be in the first batch of an Append")
			}
			if ok, err := l.holds(*b.Truncate); err != nil {
				return l.fail(err)
			} else if !ok {
				return fmt.Errorf("truncate the log to %v: it is not in the history %v..%v", *b.Truncate, l.First(), last)
			}
			last = *b.Truncate
		}
		if b.Install != nil {
			last = b.Install.Zxid
		}
		for j := range b.Entries {
			e := &b.Entries[j]
			if e.Prev != last || e.Zxid <= last {
				return fmt.Errorf("append %v after %v: the log ends with %v: the histories do not match", e.Zxid, e.Prev, last)
			}
			last = e.Zxid
		}
	}
	return nil
}

// holds says whether the history may be cut back to z.
func (l *Log) holds(z zxid.ID) (bool, error) {
	if z == l.First() {
		return true, nil
	}
	return l.has(z)
}

func (l *Log) append(batches []Batch) error {
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
	l.publish(s, frames, batches)
	if cap(l.w.buf) > keepBuffer {
		l.w.buf = nil
	}
	return l.mark.write(s.header.number, l.w.off, l.w.seq)
}

// keepBuffer is the largest encode buffer that is kept between appends.
const keepBuffer = 1 << 20

func (l *Log) active() *segment { return l.segments[len(l.segments)-1] }

// encode lays the batches out as frames for the active segment, and rolls to a new segment first if they do not fit.
func (l *Log) encode(batches []Batch) ([]frame, error) {
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
func (l *Log) layout(batches []Batch) []frame {
	buf, seed := l.w.buf[:0], l.active().seed
	frames := make([]frame, 0, len(batches))
	seq, sum := l.w.seq, l.w.sum
	for i := range batches {
		at := len(buf)
		f := frame{off: l.w.off + int64(at), seq: seq + 1, synced: l.w.seq, prev: sum}
		buf = append(buf, make([]byte, frameHeader)...)
		buf = appendBatch(buf, &batches[i])
		if len(buf) == at+frameHeader {
			buf = buf[:at]
			continue
		}
		f.length = uint32(len(buf) - at - frameHeader)
		f.sum = sealFrame(buf[at:], seed, f.off, f.seq, f.synced, f.prev)
		frames = append(frames, f)
		seq, sum = f.seq, f.sum
		if i+1 < len(batches) {
			buf = append(buf, make([]byte, f.next()-f.end())...)
		}
	}
	l.w.buf = buf
	return frames
}

func appendBatch(dst []byte, b *Batch) []byte {
	if b.HardState != nil {
		dst = appendStateRecord(dst, b.HardState)
	}
	if b.Truncate != nil {
		dst = appendZxidRecord(dst, RecordTruncate, *b.Truncate, nil)
	}
	if b.Install != nil {
		dst = appendZxidRecord(dst, RecordBase, b.Install.Zxid, b.Install.Data)
	}
	for i := range b.Entries {
		dst = appendEntryRecord(dst, &b.Entries[i])
	}
	return dst
}

func firstZxid(batches []Batch, last zxid.ID) zxid.ID {
	for i := range batches {
		if len(batches[i].Entries) > 0 {
			return batches[i].Entries[0].Zxid
		}
	}
	return last
}

// publish shows readers what has become durable.
func (l *Log) publish(s *segment, frames []frame, batches []Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for i := range batches {
		b := &batches[i]
		if b.HardState == nil && b.Truncate == nil && b.Install == nil && len(b.Entries) == 0 {
			continue // it made no frame
		}
		f := &frames[n]
		n++
		if b.HardState != nil {
			l.history.state = append([]byte(nil), b.HardState...)
		}
		if b.Truncate != nil {
			l.history.truncate(*b.Truncate)
		}
		if b.Install != nil {
			l.history.install(b.Install.Zxid, b.Install.Data)
		}
		for j := range b.Entries {
			l.history.add(s, f, &b.Entries[j])
		}
	}
}

// Close syncs the mark, closes the files and gives the directory free. Changes after it fail with ErrClosed.
func (l *Log) Close() error {
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
