package txnlog

import (
	"errors"
	"fmt"
	"slices"
	"sort"
)

// Open takes the lock of dir and opens the log in it, or begins one in an empty directory. Everything is read and checked. A torn
// tail, which no one can have been told is stored, is cut with one line in the log; all other damage is an error that names file
// and offset ([ErrCorrupt], [ErrForeign], [ErrNewer], [ErrLocked]).
func Open(fs FS, dir string, opt Options) (*Log, error) {
	opt.fill()
	lock, err := LockDir(fs, dir)
	if err != nil {
		return nil, err
	}
	l := &Log{fs: fs, dir: dir, opt: opt, lock: lock, spare: make(chan spare, 1)}
	if err := l.open(); err != nil {
		for _, s := range l.segments {
			err = errors.Join(err, s.release())
		}
		if l.mark != nil {
			err = errors.Join(err, l.mark.close())
		}
		return nil, errors.Join(err, lock.Close())
	}
	return l, nil
}

func (l *Log) open() error {
	if l.opt.Founding {
		if err := l.clear(); err != nil {
			return err
		}
	}
	names, err := l.fs.ReadDir(l.dir)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	var marked position
	if hasMark(names) {
		if l.mark, marked, err = openMark(l.fs, l.dir, l.path(markName), l.opt.Identity, false); err != nil {
			return err
		}
	}
	o := opener{fs: l.fs, path: l.path, id: &l.opt.Identity, marked: marked}
	err = o.read(names)
	l.segments = o.segments
	if err != nil {
		return err
	}
	if len(o.segments) == 0 {
		return l.found()
	}
	l.history = o.history
	l.w = writer{off: o.off, seq: o.seq, sum: o.sum}
	if o.tear.bytes > 0 {
		if err := l.cut(o.tear); err != nil {
			return err
		}
	}
	if err := l.rewrite(o.unproven()); err != nil {
		return err
	}
	l.prepare()
	return l.remark()
}

// rewrite stores what stands in the active segment from off on once more, for nothing proves that it is on the disk. The process before may have
// been killed between a write and its sync, or may have ended because that sync had failed: then the kernel holds what was read just
// now, takes it for clean, and would never write it. The same goes for the names of the segments. The core takes for stored whatever its log shows.
func (l *Log) rewrite(off int64) error {
	s := l.active()
	b := make([]byte, l.w.off-off)
	b = b[:min(int64(len(b)), s.size-off)]
	if err := readFull(s.file, s.path, b, off); err != nil {
		return err
	}
	if _, err := s.file.WriteAt(b, off); err != nil {
		return fmt.Errorf("write the end of log segment %s again: %w", s.path, err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("log segment %s: %w", s.path, err)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return fmt.Errorf("open the log: sync directory %s: %w", l.dir, err)
	}
	return nil
}

// found begins the log of an empty directory. The mark comes last: a mark without segments is a lost log.
func (l *Log) found() error {
	l.spare <- spare{}
	if err := l.roll(0, 0); err != nil {
		return err
	}
	return l.remark()
}

// remark writes what is known to be durable now, and makes that durable.
func (l *Log) remark() error {
	if l.mark == nil {
		m, _, err := openMark(l.fs, l.dir, l.path(markName), l.opt.Identity, true)
		if err != nil {
			return err
		}
		l.mark = m
	}
	if err := l.mark.write(l.active().header.number, l.w.off, l.w.seq); err != nil {
		return err
	}
	return l.mark.sync()
}

// cut overwrites a torn tail with zeros, so that its remains cannot be met again.
func (l *Log) cut(t tear) error {
	s := l.active()
	if _, err := s.file.WriteAt(make([]byte, t.bytes), t.off); err != nil {
		return fmt.Errorf("cut the torn tail of log segment %s at offset %d: %w", s.path, t.off, err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("cut the torn tail: log segment %s: %w", s.path, err)
	}
	l.opt.Logger.WarnContext(l.opt.Context, "cut a torn tail off the log: a write that a crash interrupted and nobody was told is stored",
		"file", s.path, "offset", t.off, "bytes", t.bytes, "last", l.history.last)
	return nil
}

// opener reads the segments of a directory in order and puts the history together. It changes nothing.
type opener struct {
	fs     FS
	path   func(name string) string
	id     *Identity // whose log it must be; nil takes what the first segment says
	marked position
	each   func(at Location, r *Record) error // nil for opening

	segments []*segment
	history  history
	seq      uint64 // of the last good frame
	sum      uint32
	off      int64 // where the next frame would begin, in the last segment read
	last     []placed
	tear     tear
}

// placed is where a frame stands in the last segment read.
type placed struct {
	seq uint64
	off int64
}

// place notes a good frame, and forgets those before it of which it says that they were durable when it was written.
func (o *opener) place(f *frame) {
	n := 0
	for n < len(o.last) && o.last[n].seq <= f.synced {
		n++
	}
	o.last = append(o.last[n:], placed{f.seq, f.off})
}

// unproven is where the frames begin of which no later one says that they were durable. They are in the last segment: a segment is
// begun only when all before it is durable.
func (o *opener) unproven() int64 {
	if len(o.last) == 0 {
		return o.off
	}
	return o.last[0].off
}

// tear is a torn tail.
type tear struct {
	off   int64
	bytes int64 // up to the last byte that is not zero; 0 means that there is no tear
	what  string
}

func (o *opener) read(names []string) error {
	type named struct {
		number uint64
		name   string
	}
	var list []named
	for _, n := range names {
		if number, ok := parseSegmentName(n); ok {
			list = append(list, named{number, n})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].number < list[j].number })
	if len(list) == 0 && slices.Contains(names, markName) {
		return damage(o.path(markName), 0, "there is a mark of a log and no segment: the segments are missing")
	}
	for i, n := range list {
		if i > 0 && n.number != list[i-1].number+1 {
			return damage(o.path(n.name), 0, "segment %d is missing: it should stand between %s and this one", list[i-1].number+1, list[i-1].name)
		}
		s, err := openSegment(o.fs, o.path(n.name))
		if err != nil {
			return err
		}
		o.segments = append(o.segments, s)
		if s.header.number != n.number {
			return damage(s.path, 0, "it is segment %d by its name and %d by its header", n.number, s.header.number)
		}
		if o.id == nil {
			o.id = &s.header.id
		}
		if err := s.checkIdentity(*o.id); err != nil {
			return err
		}
		if err := o.segment(s, i == 0, i == len(list)-1); err != nil {
			return err
		}
	}
	if o.seq < o.marked.seq {
		return damage(o.segments[len(o.segments)-1].path, o.off,
			"batches up to %d (segment %d, offset %d) were stored and acknowledged, and the log ends with batch %d", o.marked.seq, o.marked.number, o.marked.off, o.seq)
	}
	return nil
}

// segment reads the frames of s.
func (o *opener) segment(s *segment, first, last bool) error {
	if first {
		o.seq, o.sum = s.header.prevSeq, s.header.prevSum
	} else if s.header.prevSeq != o.seq || s.header.prevSum != o.sum {
		before := o.segments[len(o.segments)-2]
		return damage(before.path, o.off, "it ends with batch %d and the segment after it continues batch %d", o.seq, s.header.prevSeq)
	}
	sc := &scanner{seg: s, end: s.size}
	o.off = firstFrame
	for {
		f, v, what, err := sc.frame(o.off)
		if err != nil {
			return err
		}
		if v == frameGood && (f.seq != o.seq+1 || f.prev != o.sum || f.synced > o.seq) {
			return damage(s.path, o.off, "batch %d stands where batch %d should: a block of another time or place", f.seq, o.seq+1)
		}
		if v != frameGood {
			return o.stop(sc, &f, v, what, last)
		}
		if err := o.frame(s, &f, first); err != nil {
			return err
		}
		o.place(&f)
		o.seq, o.sum, o.off = f.seq, f.sum, f.next()
	}
}

// frame takes the records of a good frame.
func (o *opener) frame(s *segment, f *frame, first bool) error {
	return f.records(s.path, func(off int64, r *Record) error {
		if (r.Kind == RecordAnchor) != (f.off == firstFrame && off == firstFrame+frameHeader) {
			return damage(s.path, off, "a %v where none can be", r.Kind)
		}
		if r.Kind == RecordAnchor {
			meta, err := r.meta()
			if err != nil {
				return damage(s.path, off, "%v", err)
			}
			if first {
				o.history.begin(meta)
			} else if meta.Zxid != o.history.last {
				return damage(s.path, off, "the segment continues %v and the log before it ends with %v", meta.Zxid, o.history.last)
			}
		}
		if r.Kind == RecordEntry && r.Entry.Prev != o.history.last {
			return damage(s.path, off, "entry %v follows %v and the log before it ends with %v", r.Entry.Zxid, r.Entry.Prev, o.history.last)
		}
		if err := o.history.take(s, f, r); err != nil {
			return damage(s.path, off, "%v", err)
		}
		if o.each == nil {
			return nil
		}
		return o.each(Location{File: s.path, Offset: off, Batch: f.seq}, r)
	})
}

// stop judges the place where the good frames of a segment end.
func (o *opener) stop(sc *scanner, f *frame, v verdict, what string, last bool) error {
	s := sc.seg
	s.end = o.off
	if o.off == firstFrame {
		if v == frameNone {
			what = "zeros"
		}
		return damage(s.path, o.off, "the anchor of the segment is not there: %s", what)
	}
	if !last {
		if v == frameNone {
			return nil // the chain in the next segment's header says whether this is all
		}
		return damage(s.path, o.off, "%s", what)
	}
	t, err := o.judge(sc, f, v, what)
	o.tear = t
	return err
}
