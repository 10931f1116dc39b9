package node

import (
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/zab/txnlog"
)

// syncs times the syncs of the log's files, counts those that take longer than fsync.warningthresholdms, and warns of them.
type syncs struct {
	took      *admin.Summary
	threshold time.Duration
	logger    *slog.Logger
	now       func() time.Time

	mu     sync.Mutex
	slow   int64
	warned time.Time
	quiet  int64 // slow ones since the last warning, which had none
}

// warnSyncsEvery keeps a disk that is slow for good from filling the log with warnings: those that come sooner are counted in the next one.
const warnSyncsEvery = time.Second

// note takes one sync of a file. As in ZooKeeper, whole milliseconds are compared.
func (s *syncs) note(file string, took time.Duration) {
	s.took.ObserveDuration(took)
	if took.Truncate(time.Millisecond) <= s.threshold {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow++
	now := s.now()
	if !s.warned.IsZero() && now.Sub(s.warned) < warnSyncsEvery {
		s.quiet++
		return
	}
	s.logger.Warn("a sync of the transaction log took long, and every write waits for it: is the disk shared with something else, or full, or failing?",
		"folder", filepath.Dir(file), "took", took.Round(time.Millisecond), "fsync.warningthresholdms", s.threshold.Milliseconds(), "since_last_warning", s.quiet)
	s.warned, s.quiet = now, 0
}

// exceeded is how many syncs took longer than the threshold.
func (s *syncs) exceeded() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slow
}

// timedDisk is the disk of the log, with its syncs timed.
type timedDisk struct {
	txnlog.FS
	syncs *syncs
}

// OpenFile implements txnlog.FS.
func (d timedDisk) OpenFile(name string, create bool) (txnlog.File, error) {
	f, err := d.FS.OpenFile(name, create)
	if err != nil {
		return nil, err
	}
	return timedFile{f, name, d.syncs}, nil
}

type timedFile struct {
	txnlog.File
	name  string
	syncs *syncs
}

// Sync implements txnlog.File.
func (f timedFile) Sync() error {
	begin := f.syncs.now()
	err := f.File.Sync()
	f.syncs.note(f.name, f.syncs.now().Sub(begin))
	return err
}
