package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// imaging is what a follower knows of the images.
type imaging struct {
	taking lock // held while one is taken

	mu     sync.Mutex
	last   zxid.ID            // the newest
	summed map[zxid.ID]bool   // read whole since the start, and they add up to their digests
	cancel context.CancelFunc // ends the one that is taken
}

func (i *imaging) init(db Database) {
	i.taking, i.summed, i.cancel = newLock(), map[zxid.ID]bool{}, func() {}
	if all, err := db.Checkpoints(); err == nil && len(all) > 0 {
		i.last = all[0].Zxid
	}
}

// due says whether count transactions have passed since the newest image; a new epoch counts from its beginning.
func (i *imaging) due(z zxid.ID, count uint32) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if z.Epoch() != i.last.Epoch() {
		return z.Counter() >= count
	}
	return z > i.last && z.Counter()-i.last.Counter() >= count
}

func (i *imaging) isSummed(z zxid.ID) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.summed[z]
}

// note keeps that the image at z was read whole and adds up.
func (i *imaging) note(z zxid.ID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.summed[z] = true
	i.last = max(i.last, z)
}

// interrupt ends the image that is being taken, if there is one.
func (i *imaging) interrupt() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cancel()
}

func (i *imaging) setCancel(cancel context.CancelFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cancel = cancel
}

// Checkpoint takes an image, then lets the log go that the oldest image does not need, of those that add up to their digests. It may run
// beside steps. A full disk, and an end of the context, are no errors: the image stays due.
func (f *Follower) Checkpoint(ctx context.Context) error {
	begin := f.opt.Now()
	c, err := f.take(ctx, f.db.Checkpoint)
	switch {
	case errors.Is(err, ErrNoSpace):
		f.WatchSpace()
		return nil
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return nil // asked to stop, or an image is installed instead
	case err != nil:
		return err
	}
	took := f.opt.Now().Sub(begin)
	if f.opt.Took != nil {
		f.opt.Took(took)
	}
	f.opt.Logger.Info("checkpoint", "zxid", c.Zxid, "took", took.Round(time.Millisecond))
	return f.Compact(ctx)
}

// take lets db take one image, one at a time.
func (f *Follower) take(ctx context.Context, from func(context.Context, []byte) (Checkpoint, error)) (Checkpoint, error) {
	ctx, cancel := f.within(ctx)
	defer cancel()
	if err := f.images.taking.take(ctx); err != nil {
		return Checkpoint{}, err
	}
	defer f.images.taking.release()
	f.images.setCancel(cancel)
	c, err := from(ctx, nil)
	if err == nil {
		f.images.note(c.Zxid)
	}
	return c, err
}

// Compact drops the log before the oldest image that adds up to its digest. One that was there at the start is read whole before anything is
// dropped behind it; one that does not add up stays where it is, as evidence, and counts for nothing. Nor does one that has come from a peer and is
// not installed, so that it is newer than the database: the log may not reach it.
func (f *Follower) Compact(ctx context.Context) error {
	ctx, cancel := f.within(ctx)
	defer cancel()
	all, err := f.db.Checkpoints()
	if err != nil {
		return err
	}
	oldest := zxid.ID(0)
	for _, c := range all {
		if c.Zxid > f.db.Zxid() {
			continue
		}
		if !f.images.isSummed(c.Zxid) {
			if err := f.db.Verify(ctx, c); ctx.Err() != nil {
				return nil
			} else if err != nil {
				f.opt.Logger.Error("an image of the state cannot be used; the log is kept from the next older one on, if that is good", "file", c.Path, "err", err)
				continue
			}
			f.images.note(c.Zxid)
		}
		oldest = c.Zxid
	}
	if oldest == 0 {
		return nil
	}
	if err := f.history.CompactBefore(oldest); err != nil {
		return fmt.Errorf("compact the log: %w", err)
	}
	return nil
}

// ImageAt is an image at z or later: one that is there and was summed in this life, or a new one. When it fails, or the context ends, nothing has changed.
func (f *Follower) ImageAt(ctx context.Context, z zxid.ID) (Checkpoint, error) {
	if all, err := f.db.Checkpoints(); err == nil && len(all) > 0 && all[0].Zxid >= z && f.images.isSummed(all[0].Zxid) {
		return all[0], nil
	}
	if err := f.Flush(ctx); err != nil {
		return Checkpoint{}, err
	}
	c, err := f.take(ctx, f.db.CheckpointNow)
	if err == nil && c.Zxid < z {
		err = fmt.Errorf("the state is at %v only, an image at %v is asked for", c.Zxid, z)
	}
	return c, err
}

// Newest is the newest image; ok is false if there is none.
func (f *Follower) Newest() (c Checkpoint, ok bool) {
	all, err := f.db.Checkpoints()
	if err != nil || len(all) == 0 {
		return c, false
	}
	return all[0], true
}

// Install makes the image at z, which is among the checkpoints, the state, in memory and in the database. After an error the state must not
// be used. What was collected before is of no use any more.
func (f *Follower) Install(z zxid.ID) error {
	if err := f.flushing.take(f.life); err != nil {
		return fmt.Errorf("install an image: the server is stopping: %w", err)
	}
	defer f.flushing.release()
	all, err := f.db.Checkpoints()
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Zxid != z {
			continue
		}
		f.images.interrupt() // it would be waited for while the state is locked
		f.state.Change(func(st *znode.State) {
			if err = f.db.LoadInto(c, st); err == nil {
				err = f.db.Rebuild(st)
			}
		})
		if err != nil {
			return err
		}
		f.waiting = nil
		f.images.note(z)
		f.opt.Logger.Info("installed an image of the state", "zxid", z)
		return nil
	}
	return fmt.Errorf("there is no image at %v in %s", z, f.dir)
}
