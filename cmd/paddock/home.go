package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

// home is the durable side of the applied state: it loads it at the start, then follows it, takes checkpoints, and lets the log go
// that both no longer need. Its one goroutine owns the store.
type home struct {
	dir     string
	store   *store.Store
	log     *txnlog.Log
	server  *server.Server
	logger  *slog.Logger
	every   time.Duration // between batches
	count   uint32        // transactions between checkpoints (snapCount)
	minFree uint64        // bytes; below, writes that grow are refused

	id       store.Identity
	flushing sync.Mutex // a batch is collected and committed, or an image installed
	imaging  sync.Mutex // a checkpoint is taken

	last   zxid.ID        // newest checkpoint
	took   *admin.Summary // how long they take; nil: nobody counts
	full   bool
	tidy   tidier
	failed chan<- error
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// span is what the log holds: the zxid that it begins after, and its last one.
type span struct{ base, last zxid.ID }

// openHome loads the state from Badger, or, if that cannot be believed or ends before the log begins, from the newest good checkpoint. The
// log brings it up to date.
func openHome(dir string, id store.Identity, log span, logger *slog.Logger) (*home, *znode.State, error) {
	h := &home{dir: dir, id: id, logger: logger}
	st := znode.NewState(znode.Options{})
	err := h.load(st)
	if err == nil && st.LastZxid() > log.last {
		h.store.Close()
		return nil, nil, fmt.Errorf("the state in %s is at %v and the log ends at %v: part of the log is missing; put it back, or, in an ensemble, empty the whole data folder and let the others rebuild this server", dir, st.LastZxid(), log.last)
	}
	if err == nil && st.LastZxid() >= log.base {
		return h, st, nil
	}
	if err == nil || errors.Is(err, store.ErrRebuild) {
		logger.Warn("the state is rebuilt from a checkpoint and the log", "why", err, "state", st.LastZxid(), "log_after", log.base)
		st, err = h.rebuild(log)
	}
	if err != nil {
		if h.store != nil {
			h.store.Close()
		}
		return nil, nil, fmt.Errorf("state in %s: %w", dir, err)
	}
	return h, st, nil
}

// load opens the database and puts it into st.
func (h *home) load(st *znode.State) (err error) {
	if h.store, err = store.Open(h.dir, store.Options{Identity: h.id, Logger: h.logger}); err != nil {
		h.store = nil
		return err
	}
	_, err = h.store.Load(st)
	return err
}

// rebuild empties the database and fills it from the newest good checkpoint that the log reaches back to, and does not end before (an image
// from a peer is among the checkpoints a moment before the log knows of it).
func (h *home) rebuild(log span) (*znode.State, error) {
	if h.store != nil {
		if err := h.store.Close(); err != nil {
			h.logger.Warn("closing the damaged database", "err", err)
		}
	}
	if err := store.Wipe(h.dir); err != nil {
		return nil, err
	}
	if err := h.load(znode.NewState(znode.Options{})); err != nil {
		return nil, err
	}
	all, err := store.Checkpoints(h.dir)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Zxid < log.base || c.Zxid > log.last {
			continue
		}
		st := znode.NewState(znode.Options{})
		if _, err := store.LoadCheckpoint(c.Path, &h.id, st); err != nil {
			h.logger.Error("a checkpoint cannot be used; trying an older one", "err", err)
			continue
		}
		h.logger.Info("loaded a checkpoint", "file", c.Path, "zxid", c.Zxid)
		return st, h.store.Rebuild(st)
	}
	if log.base == 0 { // the log holds everything since the beginning
		return znode.NewState(znode.Options{}), nil
	}
	return nil, fmt.Errorf("no good checkpoint between the beginning of the log, after %v, and its end, %v: transactions are missing; restore a backup into an empty folder, or empty this one and let the ensemble rebuild the server", log.base, log.last)
}

// run follows the state until stop.
func (h *home) run(ctx context.Context) {
	ctx, h.cancel = context.WithCancel(ctx)
	h.last, _ = h.checkpoints()
	h.done.Go(func() {
		t := time.NewTicker(h.every)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			if err := h.turn(ctx); err != nil && ctx.Err() == nil {
				h.failed <- err
				return
			}
		}
	})
}

// turn writes what changed, looks at the room on the disk, and takes a checkpoint if it is time.
func (h *home) turn(ctx context.Context) error {
	h.watchSpace()
	if err := h.flush(ctx); err != nil {
		return err
	}
	z := h.store.Zxid()
	h.tidy.look(time.Now(), z, h.store.Trim)
	if !h.due(z) {
		return nil
	}
	if err := h.checkpoint(ctx); err != nil {
		if errors.Is(err, store.ErrNoSpace) {
			return nil // watchSpace has raised the alarm
		}
		return err
	}
	return nil
}

// due says whether snapCount transactions have passed since the newest checkpoint; a new epoch counts from its beginning.
func (h *home) due(z zxid.ID) bool {
	if z.Epoch() != h.last.Epoch() {
		return z.Counter() >= h.count
	}
	return z > h.last && z.Counter()-h.last.Counter() >= h.count
}

// flush collects one batch under the server's lock and commits it; a full disk is waited out, since the log has everything.
func (h *home) flush(ctx context.Context) error {
	h.flushing.Lock()
	defer h.flushing.Unlock()
	var b *store.Batch
	h.server.Change(func(st *znode.State) {
		// before the first transaction there is nothing to keep, and zxid 0 is no timestamp: a new member may wait long for its ensemble
		if z := st.LastZxid(); z > 0 && (st.Pending() > 0 || z > h.store.Zxid()) {
			b = h.store.Collect(st)
		}
	})
	if b == nil {
		return nil
	}
	for {
		err := h.store.Commit(b)
		if !errors.Is(err, store.ErrNoSpace) {
			return err
		}
		h.watchSpace()
		select {
		case <-ctx.Done():
			return nil // the log still has it
		case <-time.After(h.every):
		}
	}
}

// checkpoint writes an image, then lets the log go that even the oldest kept image does not need.
func (h *home) checkpoint(ctx context.Context) error {
	begin := time.Now()
	h.imaging.Lock()
	defer h.imaging.Unlock()
	c, err := h.store.Checkpoint(ctx, nil)
	if err != nil {
		return err
	}
	h.last = c.Zxid
	if h.took != nil {
		h.took.ObserveDuration(time.Since(begin))
	}
	h.logger.Info("checkpoint", "zxid", c.Zxid, "took", time.Since(begin).Round(time.Millisecond))
	if _, oldest := h.checkpoints(); oldest > 0 {
		if err := h.log.CompactBefore(oldest); err != nil {
			return fmt.Errorf("compact the log: %w", err)
		}
	}
	return nil
}

// checkpoints are the newest and the oldest that are kept; 0 if there are none.
func (h *home) checkpoints() (newest, oldest zxid.ID) {
	all, err := store.Checkpoints(h.dir)
	if err != nil || len(all) == 0 {
		return 0, 0
	}
	return all[0].Zxid, all[len(all)-1].Zxid
}

// newest describes the newest checkpoint for reports.
func (h *home) newest() admin.SnapshotInfo {
	all, err := store.Checkpoints(h.dir)
	if err != nil || len(all) == 0 {
		return admin.SnapshotInfo{Zxid: -1}
	}
	info, err := os.Stat(all[0].Path)
	if err != nil {
		return admin.SnapshotInfo{Zxid: -1}
	}
	return admin.SnapshotInfo{Zxid: int64(all[0].Zxid), Time: info.ModTime()}
}

// watchSpace refuses writes that grow while the disk is nearly full, and says so once.
func (h *home) watchSpace() {
	sp, err := h.store.Space()
	if err != nil {
		h.logger.Warn("cannot ask the file system for its free space", "err", err)
		return
	}
	low := sp.Free < h.minFree || sp.Low(0) || h.log.Reserve() != nil
	if low == h.full {
		return
	}
	h.full = low
	h.server.SetFlag(znode.FlagNoGrow, low)
	if low {
		h.logger.Error("the disk is nearly full: writes that grow are refused until there is room; reads and deletes go on",
			"free", sp.Free, "of", sp.Total, "folder", filepath.Clean(h.dir))
	} else {
		h.logger.Info("the disk has room again: all writes are accepted", "free", sp.Free)
	}
}

// stop writes the last batch and closes the store.
func (h *home) stop() error {
	if h.cancel != nil {
		h.cancel()
		h.done.Wait()
		if err := h.flush(context.Background()); err != nil && !errors.Is(err, store.ErrNoSpace) {
			h.logger.Warn("the last changes are in the log only; the next start replays them", "err", err)
		}
	}
	return h.store.Close()
}
