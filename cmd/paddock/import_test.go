package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/datadir"
	"github.com/paddock-zk/paddock/znode"
)

// TestImportOfNothing: a ZooKeeper that was started and never written to has a snapshot.0, and nothing that a folder could be made of.
func TestImportOfNothing(t *testing.T) {
	from, into := t.TempDir(), filepath.Join(t.TempDir(), "new")
	name := filepath.Join(from, "version-2", datadir.SnapshotName(0))
	if err := writeSnapshotFile(name, &folder{state: znode.NewState(znode.Options{})}); err != nil {
		t.Fatal(err)
	}
	err := newApp().RunContext(t.Context(), []string{"paddock", "import", "--from", from, "--data-dir", into})
	if err == nil || !strings.Contains(err.Error(), "holds no transaction") {
		t.Errorf("import of nothing: %v", err)
	}
	if _, err := os.Stat(into); !os.IsNotExist(err) {
		t.Errorf("it left something behind: %v", err)
	}
}
