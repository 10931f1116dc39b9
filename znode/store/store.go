package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// What callers distinguish, with errors.Is.
var (
	// ErrRebuild: the database cannot be used. Load a checkpoint, replay the log and call [Store.Rebuild].
	ErrRebuild = errors.New("the database of the state must be rebuilt from a checkpoint and the log")
	// ErrNoSpace: the disk is too full to write safely. Nothing was written; the same call may be made again later.
	ErrNoSpace = errors.New("too little free space")
	// ErrForeign: the directory or image belongs to another cluster or incarnation.
	ErrForeign = errors.New("state of another cluster")
	// ErrImage: a checkpoint or a transferred image is damaged. Every [*ImageError] is one.
	ErrImage = errors.New("damaged image")
	// ErrNewer: written by a newer version of the program.
	ErrNewer = errors.New("newer format")
)

// agree says that an image may be of this lineage. An image, or a store, of a folder to which the lineage of its history was not known when it was made
// names none: then the record in the state tells, and whoever sends an image has proved before that it is of this ensemble.
func agree(a, b lineage.Lineage) bool {
	none := lineage.Lineage{}
	return a == b || a == none || b == none
}

// Source is a state as changes are taken from it; *znode.State is one.
type Source interface {
	DrainChanges(put func(key, value []byte), del func(key []byte)) zxid.ID
	DrainSome(n int, put func(key, value []byte), del func(key []byte))
	MarkAllChanged()
	LastZxid() zxid.ID
	Digest() uint64
}

// Target is a state as an image is loaded into it; *znode.State is one. *znode.Checker is another, which only sums.
type Target interface {
	BeginLoad()
	LoadRecord(key, value []byte) error
	EndLoad() error
	LastZxid() zxid.ID
	Digest() uint64
}

// Options configure [Open].
type Options struct {
	Identity        lineage.Lineage
	ReserveBytes    int64         // free space below which nothing is written; 0 means DefaultReserve
	KeepCheckpoints int           // 0 means 3
	CheckpointRate  int64         // bytes of records a second that a checkpoint may read; 0 means DefaultCheckpointRate, negative no limit
	Logger          *slog.Logger  // nil discards
	Files           atomicfile.FS // what images are written on; nil means atomicfile.OS
	Sum             func() Target // what the records of an image are summed with; nil means znode.NewChecker
}

const (
	// DefaultReserve covers what Badger may write on its own after the last check, besides what compactions rewrite: memtables, a flush.
	DefaultReserve = 256 << 20
	// DefaultCheckpointRate lets a million small nodes be written in twenty seconds, beside writers whose p99 it raises by a quarter (at 32 MiB/s
	// by three quarters, on two cores).
	DefaultCheckpointRate = 10 << 20

	memTableBytes = 8 << 20
	tableBytes    = 8 << 20

	baseTables       = 64 // the level that fresh tables are merged into
	freshTables      = 20 // so many are merged at once
	freshTablesStall = 60 // with so many, writing waits for the merge

	vlogBytes = 64 << 20
	openBytes = 6 * memTableBytes // opening turns memtables' files into tables
)

func (o *Options) fill() {
	if o.ReserveBytes == 0 {
		o.ReserveBytes = DefaultReserve
	}
	if o.KeepCheckpoints == 0 {
		o.KeepCheckpoints = 3
	}
	if o.CheckpointRate == 0 {
		o.CheckpointRate = DefaultCheckpointRate
	}
	if o.Files == nil {
		o.Files = atomicfile.OS{}
	}
	if o.Sum == nil {
		o.Sum = func() Target { return znode.NewChecker() }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Store is the durable home of one server's state.
type Store struct {
	dir string
	opt Options
	db  *badger.DB

	write   sync.Mutex // held by Commit, Rebuild, Trim, Close
	failed  error      // the first error of a write that leaves the database in doubt; final
	left    leftovers
	last    atomic.Int64                    // zxid of the newest commit record
	tables  atomic.Int64                    // bytes of all tables
	newest  commit                          // that record; guarded by write
	imaging sync.Mutex                      // held by Checkpoint
	named   atomic.Pointer[lineage.Lineage] // see Name
	pinned  atomic.Int64                    // zxid that a running checkpoint reads at, or 0
}

// Open opens or creates the database under dir. ErrRebuild comes from here if Badger itself cannot open it; call [Wipe] then and open
// again.
func Open(dir string, opt Options) (*Store, error) {
	opt.fill()
	s := &Store{dir: dir, opt: opt}
	if err := errors.Join(s.makeDirs(), s.clearHalves()); err != nil {
		return nil, err
	}
	if err := s.needSpace(min(uint64(opt.ReserveBytes), openBytes)); err != nil {
		return nil, err
	}
	if err := s.openDB(); err != nil {
		return nil, err
	}
	if err := s.recover(); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

// makeDirs makes the folders of the store, durably: an image is of no use in a folder that a power cut takes.
func (s *Store) makeDirs() error {
	for _, sub := range []string{badgerDir, checkpointDir} {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o700); err != nil {
			return fmt.Errorf("open the store: %w", err)
		}
	}
	if err := errors.Join(s.opt.Files.SyncDir(s.dir), s.opt.Files.SyncDir(filepath.Dir(filepath.Clean(s.dir)))); err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	return nil
}

// clearHalves removes what a crash has left of images that were being written, and of a look at the database.
func (s *Store) clearHalves() error {
	halves, err := filepath.Glob(filepath.Join(s.dir, checkpointDir, "*.tmp"))
	for _, name := range halves {
		err = errors.Join(err, s.opt.Files.Remove(name))
	}
	err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, scratchDir)))
	if err != nil {
		return fmt.Errorf("open the store: remove the half of an image: %w", err)
	}
	return nil
}

// Names under the directory of a store.
const (
	badgerDir     = "badger"
	checkpointDir = "checkpoints"
	incomingDir   = "incoming"
)

// Wipe removes the database under dir, and nothing else, so that it can be rebuilt. The store must not be open.
func Wipe(dir string) error {
	if err := os.RemoveAll(filepath.Join(dir, badgerDir)); err != nil {
		return fmt.Errorf("wipe the database: %w", err)
	}
	return nil
}

func (s *Store) openDB() (err error) {
	defer func() { // Badger panics on some kinds of damage
		if p := recover(); p != nil {
			err = fmt.Errorf("open the database in %s: %v: %w", s.dir, p, ErrRebuild)
		}
	}()
	dir := filepath.Join(s.dir, badgerDir)
	if err := verifyTables(dir); err != nil {
		return fmt.Errorf("open the database: %w: %w", err, ErrRebuild)
	}
	db, err := badger.OpenManaged(badgerOptions(dir, s.opt.Logger))
	if err != nil {
		return fmt.Errorf("open the database in %s: %w: %w", s.dir, err, ErrRebuild)
	}
	s.db = db
	s.weigh()
	return nil
}

func badgerOptions(dir string, logger *slog.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(false). // the log is the truth
		WithDetectConflicts(false).
		WithNumVersionsToKeep(1).
		WithMetricsEnabled(false).
		WithMemTableSize(memTableBytes).
		WithNumMemtables(2).
		WithBaseTableSize(tableBytes).
		// Compactions take processors and the disk from those who wait: many fresh tables are merged at once, into one large level. (Creating and
		// deleting a million nodes again and again: half as much again as with Badger's own proportions, and no second is lost to catching up.)
		WithBaseLevelSize(baseTables * tableBytes).
		WithNumLevelZeroTables(freshTables).
		WithNumLevelZeroTablesStall(freshTablesStall).
		WithNumCompactors(2). // the fewest that Badger takes
		WithCompression(options.None).
		WithBlockCacheSize(0). // blocks are read from the map
		WithIndexCacheSize(0).
		WithBloomFalsePositive(0).   // nothing is ever looked up by key
		WithValueThreshold(1 << 20). // values live in the tables: no value log to collect but for the largest
		WithValueLogFileSize(vlogBytes).
		WithVerifyValueChecksum(true).
		WithChecksumVerificationMode(options.OnBlockRead). // see verifyTables
		WithCompactL0OnClose(false).
		WithLogger(badgerLogger{logger})
}

// Zxid is how far the database is: the zxid of the last batch committed, 0 when it is empty.
func (s *Store) Zxid() zxid.ID { return zxid.ID(s.last.Load()) }

// Name tells the lineage of the state, if Options.Identity does not: images say it in their headers, for people and for tools.
func (s *Store) Name(l lineage.Lineage) { s.named.Store(&l) }

func (s *Store) lineage() lineage.Lineage {
	if l := s.named.Load(); l != nil && s.opt.Identity == (lineage.Lineage{}) {
		return *l
	}
	return s.opt.Identity
}

// Close closes the database. A running checkpoint ends first.
func (s *Store) Close() error {
	s.imaging.Lock()
	defer s.imaging.Unlock()
	s.write.Lock()
	defer s.write.Unlock()
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	if s.failed == nil {
		s.failed = errors.New("the store is closed")
	}
	return err
}

// badgerLogger passes Badger's messages on; its everyday ones are for debugging.
type badgerLogger struct{ l *slog.Logger }

func (b badgerLogger) Errorf(f string, a ...any)   { b.l.Error("badger: " + fmt.Sprintf(f, a...)) }
func (b badgerLogger) Warningf(f string, a ...any) { b.l.Warn("badger: " + fmt.Sprintf(f, a...)) }
func (b badgerLogger) Infof(f string, a ...any)    { b.l.Debug("badger: " + fmt.Sprintf(f, a...)) }
func (b badgerLogger) Debugf(f string, a ...any)   { b.l.Debug("badger: " + fmt.Sprintf(f, a...)) }
