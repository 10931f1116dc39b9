package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Space is the room on the file system of a store, in bytes.
type Space struct {
	Free    uint64 // what may still be written
	Total   uint64
	Reserve uint64 // below this much free the store writes nothing
}

// Low says whether the store is at the point of refusing, or within margin bytes of it. A server that sees it should refuse writes that
// grow and say so.
func (sp Space) Low(margin uint64) bool { return sp.Free < sp.Reserve+margin }

// Space asks the file system.
func (s *Store) Space() (Space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(s.dir, &st); err != nil {
		return Space{}, fmt.Errorf("free space of %s: %w", s.dir, err)
	}
	unit := uint64(st.Bsize)
	return Space{Free: uint64(st.Bavail) * unit, Total: uint64(st.Blocks) * unit, Reserve: s.reserve()}, nil
}

// mostRewritten is what the largest compaction writes before it removes what it read: all fresh tables, and the level that they go to.
const mostRewritten = (freshTablesStall + baseTables) * tableBytes

// reserve is what must stay free when the store writes no more: what was asked for, and, since compactions go on, what they may hold twice,
// which is not more than there is.
func (s *Store) reserve() uint64 {
	return uint64(s.opt.ReserveBytes) + min(uint64(s.tables.Load()), mostRewritten)
}

// weigh notes how large the tables are. write is held.
func (s *Store) weigh() {
	sum := int64(0)
	for _, l := range s.db.Levels() {
		sum += l.Size
	}
	s.tables.Store(sum)
}

// checkSpace refuses to write n bytes if that could take the disk below the reserve. Twice n: once in a memtable's file, once in a table.
func (s *Store) checkSpace(n int64) error {
	return s.needSpace(s.reserve() + 2*uint64(n))
}

func (s *Store) needSpace(need uint64) error {
	sp, err := s.Space()
	if err != nil {
		return err
	}
	if sp.Free < need {
		return fmt.Errorf("%s has %d bytes free and needs %d: free space or lower the reserve: %w", s.dir, sp.Free, need, ErrNoSpace)
	}
	return nil
}
