package txnlog

import (
	"fmt"
	"io"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// spare is the next segment's file, preallocated ahead of need: a full disk shows here, long before an append could run into it.
type spare struct {
	file File // nil: none is ready
	size int64
	err  error // why none is ready
}

// prepare makes the next segment's file in the background. There is always exactly one spare in l.spare, or one on its way there.
func (l *Log) prepare() {
	l.opt.Background(func() {
		f, err := l.allocate(l.opt.SegmentBytes)
		l.spare <- spare{file: f, size: l.opt.SegmentBytes, err: err}
	})
}

// allocate makes the spare file anew.
func (l *Log) allocate(size int64) (File, error) {
	name := l.path(spareName)
	_ = l.fs.Remove(name) // left by a crash or by an attempt that ran out of space
	f, err := l.fs.OpenFile(name, true)
	if err != nil {
		return nil, fmt.Errorf("create the next log segment: %w", err)
	}
	if err := f.Preallocate(size); err != nil {
		_ = f.Close()
		_ = l.fs.Remove(name)
		return nil, fmt.Errorf("preallocate the next log segment: %w", err)
	}
	return f, nil
}

// Reserve tells whether the next segment is preallocated, and tries again if the last attempt failed. While it returns an error
// (no space, usually) the log still has the rest of the active segment: the server should refuse writes that grow and say so.
// nil is also the answer while a preparation is under way.
func (l *Log) Reserve() error {
	select {
	case sp := <-l.spare:
		if sp.err != nil {
			l.prepare()
			return sp.err
		}
		l.spare <- sp
	default:
	}
	return nil
}

// roll begins a new segment with room for need bytes. The caller holds l.write.
func (l *Log) roll(need int64, first zxid.ID) error {
	anchor := l.anchorFrame()
	sp := <-l.spare
	size := nextFrame(firstFrame+int64(len(anchor))) + need + sectorSize
	if sp.file == nil || sp.size < size {
		if sp.file != nil {
			_ = sp.file.Close()
		}
		sp.size = max(size, l.opt.SegmentBytes)
		sp.file, sp.err = l.allocate(sp.size)
	}
	if sp.err != nil {
		l.spare <- sp
		return sp.err
	}
	number := uint64(1)
	if len(l.segments) > 0 {
		number = l.active().header.number + 1
	}
	s, err := l.begin(sp, number, first, anchor)
	if err != nil {
		_ = sp.file.Close()
		l.spare <- spare{err: err}
		return err
	}
	l.mu.Lock()
	l.segments = append(l.segments, s)
	l.mu.Unlock()
	l.prepare()
	return nil
}

// begin writes header and anchor and only then gives the file its name: a named segment is never without them.
func (l *Log) begin(sp spare, number uint64, first zxid.ID, anchor []byte) (*segment, error) {
	h := segmentHeader{number: number, prevSeq: l.w.seq, prevSum: l.w.sum, id: l.opt.Identity}
	if _, err := io.ReadFull(l.opt.Rand, h.secret[:]); err != nil {
		return nil, fmt.Errorf("draw the secret of a log segment: %w", err)
	}
	s := &segment{path: l.path(segmentName(number, first)), header: h, seed: h.seed(), file: sp.file, size: sp.size}
	s.refs.Store(1)
	f := frame{off: firstFrame, length: uint32(len(anchor) - frameHeader - frameTail), seq: l.w.seq + 1}
	f.sum = sealFrame(anchor, s.seed, f.off, f.seq, l.w.seq, l.w.sum)
	spareFile := l.path(spareName)
	if _, err := s.file.WriteAt(append(h.encode(), anchor...), 0); err != nil {
		return nil, fmt.Errorf("begin log segment %s: %w", s.path, err)
	}
	if err := s.file.Sync(); err != nil {
		return nil, fmt.Errorf("begin log segment %s: %w", s.path, err)
	}
	if err := l.fs.Rename(spareFile, s.path); err != nil {
		return nil, fmt.Errorf("begin log segment %s: %w", s.path, err)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return nil, fmt.Errorf("begin log segment %s: sync directory: %w", s.path, err)
	}
	l.w.off, l.w.seq, l.w.sum = f.next(), f.seq, f.sum
	return s, nil
}

// anchorFrame is the first frame of a segment, not yet sealed: what is needed to open the log when the segments before are gone.
func (l *Log) anchorFrame() []byte {
	l.mu.RLock()
	defer l.mu.RUnlock()
	b := make([]byte, frameHeader, 256)
	b = appendMetaRecord(b, RecordAnchor, zab.SnapshotMeta{Zxid: l.history.last, Ensemble: l.history.ensemble(l.history.last)})
	b = appendStateRecord(b, l.history.state)
	return append(b, make([]byte, frameTail)...)
}
