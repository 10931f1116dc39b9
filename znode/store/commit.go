package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/dgraph-io/badger/v4"

	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// commit is the record that makes a batch count. It is written after the batch, at the same timestamp, under a key that no record of
// a state has.
type commit struct {
	zxid   zxid.ID
	digest uint64
	id     lineage.Lineage
}

const (
	commitKey     = "\x00commit"
	commitVersion = 1
	commitSize    = 4 + 8 + 8 + 32 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (c *commit) encode() []byte {
	b := make([]byte, commitSize)
	le := binary.LittleEndian
	le.PutUint32(b, commitVersion)
	le.PutUint64(b[4:], uint64(c.zxid))
	le.PutUint64(b[12:], c.digest)
	copy(b[20:], c.id.Cluster[:])
	copy(b[36:], c.id.Incarnation[:])
	le.PutUint32(b[52:], crc32.Checksum(b[:52], castagnoli))
	return b
}

func decodeCommit(b []byte) (commit, error) {
	var c commit
	le := binary.LittleEndian
	if len(b) >= 4 && le.Uint32(b) > commitVersion {
		return c, fmt.Errorf("the database has format %d and this program reads %d: %w", le.Uint32(b), commitVersion, ErrNewer)
	}
	if len(b) != commitSize || le.Uint32(b) != commitVersion || le.Uint32(b[52:]) != crc32.Checksum(b[:52], castagnoli) {
		return c, fmt.Errorf("the commit record is damaged: %w", ErrRebuild)
	}
	c.zxid, c.digest = zxid.ID(le.Uint64(b[4:])), le.Uint64(b[12:])
	copy(c.id.Cluster[:], b[20:])
	copy(c.id.Incarnation[:], b[36:])
	return c, nil
}

// Commit writes a batch. After [ErrNoSpace] nothing is written and the same batch may be committed again, before any later one. Any
// other error is final: the database is behind from then on, and later calls say so; the log still has everything.
func (s *Store) Commit(b *Batch) error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.failed != nil {
		return s.failed
	}
	if b.Zxid < s.Zxid() {
		panic(fmt.Sprintf("store: batch %v after %v", b.Zxid, s.Zxid()))
	}
	if b.Zxid == s.Zxid() && b.digest == s.newest.digest {
		return nil // nothing was applied since
	}
	b.settle()
	if err := s.checkSpace(b.bytes); err != nil {
		return err
	}
	if err := s.commit(b); err != nil {
		s.failed = fmt.Errorf("write the changes up to %v to the database: %w", b.Zxid, err)
		return s.failed
	}
	s.weigh()
	return nil
}

func (s *Store) commit(b *Batch) error {
	w := s.db.NewWriteBatchAt(uint64(b.Zxid))
	defer w.Cancel()
	if err := s.left.neutralize(s.db, w, b, s.newest.zxid); err != nil {
		return err
	}
	for i := range b.ops {
		o := &b.ops[i]
		if err := writeOp(w, o); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return s.seal(commit{zxid: b.Zxid, digest: b.digest, id: s.opt.Identity})
}

func writeOp(w *badger.WriteBatch, o *op) error {
	if o.del {
		return w.Delete(o.key)
	}
	return w.SetEntry(badger.NewEntry(o.key, o.value))
}

// seal writes the commit record: from now on the batch counts.
func (s *Store) seal(c commit) error {
	txn := s.db.NewTransactionAt(uint64(c.zxid), true)
	defer txn.Discard()
	if err := txn.SetEntry(badger.NewEntry([]byte(commitKey), c.encode())); err != nil {
		return err
	}
	if err := txn.CommitAt(uint64(c.zxid), nil); err != nil {
		return err
	}
	s.newest = c
	s.last.Store(int64(c.zxid))
	s.discard()
	return nil
}

// discard lets Badger forget versions that neither the next start nor a running checkpoint can ask for.
func (s *Store) discard() {
	ts := s.last.Load()
	if pin := s.pinned.Load(); pin != 0 && pin < ts {
		ts = pin
	}
	s.db.SetDiscardTs(uint64(ts))
}

// recover finds the newest commit record and what a crash has left after it.
func (s *Store) recover() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read the database in %s: %v: %w", s.dir, p, ErrRebuild)
		}
	}()
	txn := s.db.NewTransactionAt(maxTs, false)
	defer txn.Discard()
	item, err := txn.Get([]byte(commitKey))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return s.left.find(s.db, 0)
	}
	if err != nil {
		return fmt.Errorf("read the commit record: %w: %w", err, ErrRebuild)
	}
	err = item.Value(func(v []byte) error {
		c, err := decodeCommit(v)
		s.newest = c
		return err
	})
	if err != nil {
		return fmt.Errorf("open the database in %s: %w", s.dir, err)
	}
	if s.newest.id != s.opt.Identity {
		return fmt.Errorf("the database in %s belongs to cluster %v, incarnation %v, and this is cluster %v, incarnation %v: check dataDir: %w", s.dir,
			s.newest.id.Cluster, s.newest.id.Incarnation, s.opt.Identity.Cluster, s.opt.Identity.Incarnation, ErrForeign)
	}
	s.last.Store(int64(s.newest.zxid))
	s.discard()
	return s.left.find(s.db, s.newest.zxid)
}

// maxTs reads whatever is there.
const maxTs = 1<<63 - 1
