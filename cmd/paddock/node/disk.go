package node

import (
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/znode/store"
)

// stateOnDisk is the database of the applied state, and what keeps it up to date.
type stateOnDisk struct {
	db       *store.Store
	follower *store.Follower // nil until the server runs
}

// newFollower makes what keeps the database up to date; it does nothing before it runs.
func (n *node) newFollower() *store.Follower {
	return store.Follow(filepath.Join(n.cfg.Basics.DataDir, "state"), n.disk.db, n.server, n.log, store.FollowOptions{
		SnapCount: uint32(n.cfg.Storage.SnapCount), MinFree: uint64(n.cfg.Paddock.MinFreeMB) << 20, FreeMemory: debug.FreeOSMemory,
		Took: n.meter.Storage.SnapshotTime.ObserveDuration, Logger: n.logger,
	})
}

// runFollower keeps the database up to date until the server ends.
func (n *node) runFollower(ctx context.Context) {
	ticks := time.NewTicker(n.cfg.Paddock.FlushEvery)
	defer ticks.Stop()
	if err := n.disk.follower.Run(ctx, ticks.C); err != nil {
		n.failed <- err
	}
}

// stop writes what is not written yet and closes the database, if the disk lets it before ctx ends.
func (d *stateOnDisk) stop(ctx context.Context) error {
	switch {
	case d.follower != nil:
		return d.follower.Stop(ctx)
	case d.db != nil:
		return d.db.Close()
	}
	return nil
}

// newestImage describes the newest checkpoint for reports.
func (n *node) newestImage() admin.SnapshotInfo {
	c, ok := n.disk.follower.Newest()
	if !ok {
		return admin.SnapshotInfo{Zxid: -1}
	}
	info, err := os.Stat(c.Path)
	if err != nil {
		return admin.SnapshotInfo{Zxid: -1}
	}
	return admin.SnapshotInfo{Zxid: int64(c.Zxid), Time: info.ModTime()}
}
