package store

import (
	"sync"

	"github.com/paddock-zk/paddock/znode"
)

// spaceWatch is what was said of the disks last.
type spaceWatch struct {
	mu    sync.Mutex
	low   bool
	blind bool // the file system does not answer
}

// WatchSpace refuses writes that grow while a disk is nearly full, that of the database or that of the log, and says so once.
func (f *Follower) WatchSpace() {
	w := &f.space
	w.mu.Lock()
	defer w.mu.Unlock()
	sp, err := f.db.Space()
	if err != nil && !w.blind {
		f.opt.Logger.Warn("cannot ask the file system for its free space", "err", err)
	}
	w.blind = err != nil
	reserve := f.history.Reserve()
	low := reserve != nil
	if err == nil {
		low = low || sp.Free < f.opt.MinFree || sp.Low(0)
	} else if !low {
		return // nothing new is known
	}
	if low == w.low {
		return
	}
	w.low = low
	f.state.SetFlag(znode.FlagNoGrow, low)
	if low {
		facts := []any{"free", sp.Free, "of", sp.Total, "folder", f.dir}
		if reserve != nil {
			facts = append(facts, "log", reserve)
		}
		f.opt.Logger.Error("the disk is nearly full: writes that grow are refused until there is room; reads and deletes go on", facts...)
	} else {
		f.opt.Logger.Info("the disk has room again: all writes are accepted", "free", sp.Free)
	}
}
