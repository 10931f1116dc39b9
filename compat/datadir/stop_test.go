package datadir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/paddock-zk/paddock/compat/datadir"
	"github.com/paddock-zk/paddock/znode"
)

// TestStopped: a load that is told to end says so, and does not take half a file for a damaged one and go on with an older.
func TestStopped(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "version-2")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"snapshot.0", "snapshot.5"} {
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(datadir.WriteSnapshot(f, znode.NewState(znode.Options{})), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "log.6"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Load(datadir.Options{DataDir: dir}, znode.NewState(znode.Options{})); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	_, err := datadir.Load(datadir.Options{DataDir: dir, Context: ctx}, znode.NewState(znode.Options{}))
	if !errors.Is(err, context.Canceled) || errors.Is(err, datadir.ErrDamaged) {
		t.Errorf("stopped: %v", err)
	}
}
