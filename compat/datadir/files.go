package datadir

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// file is a snapshot or a log, and the zxid in its name.
type file struct {
	path string
	zxid int64
	size int64
}

// files finds the snapshots and the logs, oldest first.
func (o *Options) files() (snaps, logs []file, err error) {
	if snaps, err = o.list(o.DataDir, "snapshot.", ".gz", ".snappy"); err != nil {
		return nil, nil, err
	}
	if logs, err = o.list(o.DataLogDir, "log."); err != nil {
		return nil, nil, err
	}
	if len(snaps)+len(logs) == 0 {
		return nil, nil, fmt.Errorf("datadir: %w in %s (looked for version-2/snapshot.* and version-2/log.*): give the dataDir of zoo.cfg", ErrNothing, o.DataDir)
	}
	return snaps, logs, nil
}

// list finds version-2/prefix<hex>, with one of the endings that say how it is packed.
func (o *Options) list(dir, prefix string, endings ...string) ([]file, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "version-2"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("datadir: %w", err)
	}
	var out []file
	for _, e := range entries {
		hex, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok {
			continue
		}
		for _, ending := range endings {
			hex = strings.TrimSuffix(hex, ending)
		}
		path := filepath.Join(dir, "version-2", e.Name())
		z, err := strconv.ParseUint(hex, 16, 63)
		if err != nil {
			o.Log.Warn("a file is left alone: ZooKeeper does not name its files so", "file", path)
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("datadir: %w", err)
		}
		out = append(out, file{path, int64(z), info.Size()})
	}
	slices.SortFunc(out, func(a, b file) int { return cmp.Compare(a.zxid, b.zxid) })
	return out, nil
}
