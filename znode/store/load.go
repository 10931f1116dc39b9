package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// Load puts the database into st and returns the zxid it stands at; the log continues there. An empty database gives 0 and leaves st
// alone. ErrRebuild says that the database cannot be believed; st must not be used then.
func (s *Store) Load(st Target) (zxid.ID, error) {
	s.write.Lock()
	defer s.write.Unlock()
	if s.failed != nil {
		return 0, s.failed
	}
	want := s.newest
	if want.zxid == 0 {
		if len(s.left.keys) > 0 {
			return 0, fmt.Errorf("the first write to the database was cut short: %w", ErrRebuild)
		}
		return 0, nil
	}
	st.BeginLoad()
	if err := s.scan(context.Background(), loadReaders, want.zxid, st.LoadRecord); err != nil {
		return 0, fmt.Errorf("load the state at %v: %w: %w", want.zxid, err, ErrRebuild)
	}
	if err := st.EndLoad(); err != nil {
		return 0, fmt.Errorf("load the state at %v: %w: %w", want.zxid, err, ErrRebuild)
	}
	if st.LastZxid() != want.zxid || st.Digest() != want.digest {
		return 0, fmt.Errorf("the database holds the state at %v with digest %x, and was left at %v with %x: %w",
			st.LastZxid(), st.Digest(), want.zxid, want.digest, ErrRebuild)
	}
	s.Trim()
	return want.zxid, nil
}

// records is a batch of records on its way from a reader to the consumer.
type records struct {
	buf  []byte
	ends []int // of key, value, key, value, ... in buf
	err  error
}

const (
	loadReaders  = 2 // at a start nobody else needs the processors
	imageReaders = 1 // a checkpoint takes its time
	recordsBytes = 256 << 10
	trimEvery    = 32 << 20 // bytes of records read between two calls of Trim, which bounds how far reading swells the process
)

// scan calls each for all records of the state at z, from one goroutine and in no order, while others read.
func (s *Store) scan(parent context.Context, readers int, z zxid.ID, each func(key, value []byte) error) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	splits := s.splits(8 * readers)
	ranges := make(chan int, len(splits)+1)
	for i := range len(splits) + 1 {
		ranges <- i
	}
	close(ranges)
	full := make(chan *records, 2*readers)
	free := make(chan *records, 4*readers)
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for i := range ranges {
				var from, to []byte
				if i > 0 {
					from = splits[i-1]
				}
				if i < len(splits) {
					to = splits[i]
				}
				r := reader{ctx: ctx, full: full, free: free}
				if err := r.read(s.db, z, from, to); err != nil {
					r.send(&records{err: err})
					return
				}
			}
		})
	}
	go func() { wg.Wait(); close(full) }()
	err := s.consume(full, free, each)
	cancel()
	for range full { // the readers end before the database may be closed
	}
	if err == nil {
		err = parent.Err() // readers that were told to stop have not read all
	}
	return err
}

func (s *Store) consume(full <-chan *records, free chan<- *records, each func(key, value []byte) error) error {
	untrimmed := 0
	for r := range full {
		if r.err != nil {
			return r.err
		}
		if untrimmed += len(r.buf); untrimmed >= trimEvery {
			untrimmed = 0
			s.Trim()
		}
		at := 0
		for i := 0; i < len(r.ends); i += 2 {
			k, v := r.buf[at:r.ends[i]], r.buf[r.ends[i]:r.ends[i+1]]
			if err := each(k, v); err != nil {
				return err
			}
			at = r.ends[i+1]
		}
		select {
		case free <- r:
		default:
		}
	}
	return nil
}

// splits cuts the keys where tables end, into about that many parts.
func (s *Store) splits(parts int) [][]byte {
	var ends [][]byte
	for _, t := range s.db.Tables() {
		if k := t.Right; len(k) > 8 {
			ends = append(ends, bytes.Clone(k[:len(k)-8])) // Badger's keys end with the timestamp
		}
	}
	slices.SortFunc(ends, bytes.Compare)
	ends = slices.CompactFunc(ends, bytes.Equal)
	if len(ends) <= parts {
		return ends
	}
	var some [][]byte
	for i := 1; i < parts; i++ {
		some = append(some, ends[i*len(ends)/parts])
	}
	return slices.CompactFunc(some, bytes.Equal)
}

// reader reads one range of keys after another.
type reader struct {
	ctx  context.Context
	full chan<- *records
	free <-chan *records
}

// read sends the records with from < key <= to at z.
func (r *reader) read(db *badger.DB, z zxid.ID, from, to []byte) (err error) {
	defer func() { // Badger panics on some kinds of damage
		if p := recover(); p != nil {
			err = fmt.Errorf("read the database: %v", p)
		}
	}()
	txn := db.NewTransactionAt(uint64(z), false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	batch := r.fresh()
	for it.Seek(from); it.Valid(); it.Next() {
		item := it.Item()
		k := item.Key()
		if from != nil && bytes.Equal(k, from) || string(k) == commitKey {
			continue
		}
		if to != nil && bytes.Compare(k, to) > 0 {
			break
		}
		batch.buf = append(batch.buf, k...)
		batch.ends = append(batch.ends, len(batch.buf))
		if err := item.Value(func(v []byte) error { batch.buf = append(batch.buf, v...); return nil }); err != nil {
			return fmt.Errorf("read record %x: %w", k, err)
		}
		batch.ends = append(batch.ends, len(batch.buf))
		if len(batch.buf) >= recordsBytes {
			if !r.send(batch) {
				return r.ctx.Err()
			}
			batch = r.fresh()
		}
	}
	r.send(batch)
	return r.ctx.Err()
}

func (r *reader) fresh() *records {
	select {
	case b := <-r.free:
		b.buf, b.ends = b.buf[:0], b.ends[:0]
		return b
	default:
		return &records{buf: make([]byte, 0, recordsBytes+4096)}
	}
}

func (r *reader) send(b *records) bool {
	select {
	case r.full <- b:
		return true
	case <-r.ctx.Done():
		return false
	}
}
