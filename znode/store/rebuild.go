package store

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// Rebuild empties the database and writes all of st to it. Nothing else may use the store or change st meanwhile.
func (s *Store) Rebuild(st Source) error {
	s.imaging.Lock()
	defer s.imaging.Unlock()
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.checkSpace(0); err != nil {
		return err
	}
	if s.db != nil {
		_ = s.db.Close() // whatever is wrong with it is the reason to be here
		s.db = nil
	}
	if err := Wipe(s.dir); err != nil {
		return err
	}
	s.newest, s.left, s.failed = commit{}, leftovers{}, nil
	s.last.Store(0)
	if err := s.openDB(); err != nil {
		s.failed = err
		return err
	}
	st.MarkAllChanged()
	if err := s.writeAll(st); err != nil {
		s.failed = fmt.Errorf("rebuild the database: %w", err)
	}
	return s.failed
}

// spaceEvery is how many bytes are written between two looks at the free space.
const spaceEvery = 16 << 20

// writeAll writes the changes of st as they come: a full image is not held in memory twice.
func (s *Store) writeAll(st Source) error {
	z := st.LastZxid()
	w := s.db.NewWriteBatchAt(uint64(z))
	defer w.Cancel()
	var err error
	var unchecked int64
	b := &Batch{}
	write := func(key, value []byte, del bool) {
		if err != nil {
			return
		}
		if unchecked += int64(len(key) + len(value)); unchecked >= spaceEvery {
			unchecked = 0
			if err = s.checkSpace(spaceEvery); err != nil {
				return
			}
		}
		o := op{key: b.keep(key), del: del}
		if !del {
			o.value = b.keep(value)
		}
		err = writeOp(w, &o)
	}
	st.DrainChanges(func(k, v []byte) { write(k, v, false) }, func(k []byte) { write(k, nil, true) })
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := s.seal(commit{zxid: z, digest: st.Digest(), id: s.opt.Identity}); err != nil {
		return err
	}
	s.Trim()
	return nil
}

// CollectGarbage gives back the space of large values (1 MiB and more) that have been overwritten; smaller ones need no such care. Call it
// now and then, never beside a full disk.
func (s *Store) CollectGarbage() error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.failed != nil {
		return s.failed
	}
	if err := s.checkSpace(vlogBytes); err != nil {
		return err
	}
	for {
		switch err := s.db.RunValueLogGC(0.5); err {
		case nil:
		case badger.ErrNoRewrite, badger.ErrRejected:
			return nil
		default:
			return fmt.Errorf("collect the garbage of the database: %w", err)
		}
	}
}
