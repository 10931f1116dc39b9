package store

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// State is the applied state of a running server; server.Server is one.
type State interface {
	// Change runs f alone with the state.
	Change(f func(*znode.State))
	// SetFlag turns a flag of all future transactions on or off: [znode.FlagNoGrow] while a disk is nearly full.
	SetFlag(f znode.Flags, on bool)
}

// History is the log behind the state; txnlog.Log is one.
type History interface {
	// CompactBefore drops what an image at z makes dispensable.
	CompactBefore(z zxid.ID) error
	// Reserve fails while there is no room for the next segment.
	Reserve() error
}

// Database is what a [Follower] keeps the state in. [Store] is the real one; package storetest has one in memory, with faults, for simulators.
type Database interface {
	Zxid() zxid.ID
	// Load puts what is there into st.
	Load(st Target) (zxid.ID, error)
	// Commit writes a batch, whole or not at all; after ErrNoSpace it may be tried again.
	Commit(b *Batch) error
	// Rebuild replaces everything by st.
	Rebuild(st Source) error
	// Checkpoint makes a durable image whose records add up to its digest, or fails and leaves nothing.
	Checkpoint(ctx context.Context, meta []byte) (Checkpoint, error)
	// CheckpointNow is Checkpoint for somebody who waits.
	CheckpointNow(ctx context.Context, meta []byte) (Checkpoint, error)
	// Checkpoints lists the images, the newest first.
	Checkpoints() ([]Checkpoint, error)
	// Verify reads a whole image and sums its digest.
	Verify(ctx context.Context, c Checkpoint) error
	// LoadInto puts an image into st.
	LoadInto(c Checkpoint, st Target) error
	Space() (Space, error)
	Trim()
	Close() error
}

// FollowOptions are the policy of a [Follower].
type FollowOptions struct {
	SnapCount  uint32              // transactions between two checkpoints
	MinFree    uint64              // bytes; below, writes that grow are refused
	FreeMemory func()              // gives memory back to the system after a busy time; nil: nobody does
	Now        func() time.Time    // nil means time.Now; it decides nothing
	Took       func(time.Duration) // told how long each checkpoint took; nil: nobody asks
	Logger     *slog.Logger        // nil discards
}

// Follower keeps a database behind the applied state: see the manual of the package.
type Follower struct {
	db      Database
	state   State
	history History
	opt     FollowOptions
	dir     string // for messages

	flushing lock   // held while a batch is collected and committed, or an image installed
	waiting  *Batch // collected and not committed yet; it is committed before anything else is collected

	images imaging
	space  spaceWatch
	memory scavenger

	life context.Context // ends when the follower is to stop
	end  context.CancelFunc
	runs lock // held by Run, and by Stop for ever
}

// Follow makes a follower; dir names the folder of the database in messages. Nothing happens before a step is called, or Run.
func Follow(dir string, db Database, state State, history History, opt FollowOptions) *Follower {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	f := &Follower{db: db, state: state, history: history, opt: opt, dir: filepath.Clean(dir), flushing: newLock(), runs: newLock()}
	f.images.init(db)
	f.life, f.end = context.WithCancel(context.Background())
	return f
}

// Run takes a step at each tick, and the checkpoints that fall due beside the steps, until the context or the follower ends. Its error is the
// end of the server: the database cannot be written any more, and the log has everything.
func (f *Follower) Run(ctx context.Context, ticks <-chan time.Time) error {
	ctx, cancel := f.within(ctx)
	defer cancel()
	if f.runs.take(ctx) != nil {
		return nil
	}
	defer f.runs.release()
	var taking chan error // nil while no checkpoint is taken
	for {
		select {
		case <-ctx.Done():
			if taking != nil {
				<-taking
			}
			return nil
		case err := <-taking:
			if taking = nil; err != nil {
				return err
			}
		case now := <-ticks:
			if ctx.Err() != nil {
				continue
			}
			due, err := f.Step(ctx, now)
			if err != nil && ctx.Err() == nil {
				return err
			}
			if due && taking == nil {
				taking = make(chan error, 1)
				go func(out chan<- error) { out <- f.Checkpoint(ctx) }(taking)
			}
		}
	}
}

// Step looks at the disks, writes what has changed, and says whether a checkpoint is due, which the caller takes with [Follower.Checkpoint],
// beside further steps. A full disk is no error: the batch waits for the next step.
func (f *Follower) Step(ctx context.Context, now time.Time) (due bool, err error) {
	f.WatchSpace()
	switch err := f.Flush(ctx); {
	case errors.Is(err, ErrNoSpace):
		f.WatchSpace() // the alarm is raised now, not at the next step
		return false, nil
	case err != nil:
		return false, err
	}
	z := f.db.Zxid()
	if f.opt.FreeMemory != nil && f.memory.due(now, z) {
		f.opt.FreeMemory()
		f.db.Trim()
	}
	return f.images.due(z, f.opt.SnapCount), nil
}

// Flush brings the database up to the state. A batch that was collected before and could not be written goes first, whoever collected it;
// [ErrNoSpace] leaves the batch of this call for the next. The context bounds the wait for others, and never drops a batch.
func (f *Follower) Flush(ctx context.Context) error {
	if err := f.flushing.take(ctx); err != nil {
		return err
	}
	defer f.flushing.release()
	if err := f.commitWaiting(); err != nil {
		return err
	}
	f.waiting = f.collect()
	return f.commitWaiting()
}

func (f *Follower) commitWaiting() error {
	if f.waiting == nil {
		return nil
	}
	if err := f.db.Commit(f.waiting); err != nil {
		return err
	}
	f.waiting = nil
	return nil
}

// collectMost is how many records are taken from the state at a time, while clients wait: a few milliseconds.
const collectMost = 8192

// collectRounds bounds how often a batch is filled up beside writers that change faster than records can be taken.
const collectRounds = 1000

// collect takes what has changed since the last batch; nil if nothing has. Many changes are taken in pieces, and clients are served in
// between. What changes meanwhile is marked again and comes with a later piece, so the batch is exact at the zxid of its last piece.
func (f *Follower) collect() *Batch {
	var b *Batch
	for round, more := 0, true; more; round++ {
		if b != nil {
			b.makeRoom(collectMost + 1)
		}
		f.state.Change(func(st *znode.State) {
			// before the first transaction there is nothing to keep, and zxid 0 is no timestamp: a new member may wait long for its ensemble
			if z := st.LastZxid(); b == nil && (z == 0 || st.Pending() == 0 && z <= f.db.Zxid()) {
				more = false
				return
			}
			if b == nil {
				b = &Batch{}
			}
			if st.Pending() > collectMost && round < collectRounds {
				b.takeSome(st, collectMost)
				return
			}
			b.takeRest(st)
			more = false
		})
	}
	return b
}

// within is a context that also ends with the follower.
func (f *Follower) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(f.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// End makes everything stop that is under way and may take long: images, and waits. It returns at once; Stop follows.
func (f *Follower) End() { f.end() }

// Life ends when the follower is to stop: for what is done with its images.
func (f *Follower) Life() context.Context { return f.life }

// Stop ends Run, writes the last batch and closes the database, and does not wait longer than ctx for a disk: the log has everything, and the
// next start replays what is missing.
func (f *Follower) Stop(ctx context.Context) error {
	f.end()
	ended := make(chan error, 1)
	go func() {
		_ = f.runs.take(context.WithoutCancel(ctx))
		if err := f.Flush(ctx); err != nil {
			f.opt.Logger.Warn("the last changes are in the log only; the next start replays them", "written_to", f.db.Zxid(), "why", err)
		}
		ended <- f.db.Close()
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		f.opt.Logger.Warn("the disk takes too long: the database is left as it is; what it lacks is in the log, and the next start replays it",
			"folder", f.dir, "written_to", f.db.Zxid())
		return nil
	}
}

// lock is a mutex that can be waited for with a context.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

// take gives up first: whoever has gone takes no lock that is free, and a simulated run does not depend on which case select draws.
func (l lock) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l lock) release() { <-l }
