package txnlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Location says where a record stands.
type Location struct {
	File   string // path of the segment
	Offset int64  // of the record in File
	Batch  uint64 // the batch it became durable with
}

// Report is what [Inspect] found.
type Report struct {
	Identity  Identity
	Segments  int
	Records   int
	Base      zab.SnapshotMeta // the retained history begins after it
	Last      zxid.ID          // the last live entry
	HardState zab.HardState
	End       Location // where the next batch would be written
	Torn      int64    // bytes of a torn tail at End, which opening would cut; 0 if there is none
}

// Inspect reads and checks the log in dir as [Open] would, without changing anything and without the lock, and calls visit (which
// may be nil) for every record in the order of writing, voided ones too. The report says how far it came when there is an error.
// On the directory of a running server the tail may move while it is read.
func Inspect(fs FS, dir string, visit func(at Location, r *Record) error) (Report, error) {
	var rep Report
	names, err := fs.ReadDir(dir)
	if err != nil {
		return rep, fmt.Errorf("inspect the log: %w", err)
	}
	o := opener{fs: fs, path: func(name string) string { return filepath.Join(dir, name) }}
	o.each = func(at Location, r *Record) error {
		rep.Records++
		if visit == nil {
			return nil
		}
		return visit(at, r)
	}
	err = o.inspect(names)
	rep.Segments, rep.Base, rep.Last, rep.HardState = len(o.segments), o.history.base, o.history.last, o.history.state
	rep.Torn = o.tear.bytes
	if n := len(o.segments); n > 0 {
		rep.Identity = o.segments[0].header.id
		rep.End = Location{File: o.segments[n-1].path, Offset: o.off, Batch: o.seq + 1}
	}
	for _, s := range o.segments {
		err = errors.Join(err, s.release())
	}
	return rep, err
}

// inspect learns the identity from the oldest segment before the mark can be read.
func (o *opener) inspect(names []string) error {
	if slices.Contains(names, markName) {
		for _, n := range names {
			if _, ok := parseSegmentName(n); !ok {
				continue
			}
			s, err := openSegment(o.fs, o.path(n))
			if err != nil {
				return err
			}
			id := s.header.id
			if err := s.release(); err != nil {
				return err
			}
			m, marked, err := openMark(o.fs, "", o.path(markName), id, false)
			if err != nil {
				return err
			}
			o.marked = marked
			if err := m.close(); err != nil {
				return err
			}
			break
		}
	}
	return o.read(names)
}
