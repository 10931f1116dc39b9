package offline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/compat/datadir"
	"github.com/paddock-zk/paddock/znode"
)

// TestImportOfNothing: a ZooKeeper that was started and never written to has a snapshot.0, and nothing that a folder could be made of.
func TestImportOfNothing(t *testing.T) {
	from, into := t.TempDir(), filepath.Join(t.TempDir(), "new")
	name := filepath.Join(from, "version-2", datadir.SnapshotName(0))
	if err := writeSnapshotFile(name, &folder.Folder{State: znode.NewState(znode.Options{})}); err != nil {
		t.Fatal(err)
	}
	err := importApp().RunContext(t.Context(), []string{"paddock", "import", "--from", from, "--data-dir", into})
	if err == nil || !strings.Contains(err.Error(), "holds no transaction") {
		t.Errorf("import of nothing: %v", err)
	}
	if _, err := os.Stat(into); !os.IsNotExist(err) {
		t.Errorf("it left something behind: %v", err)
	}
}

// zooKeeperFolder is a dataDir with one snapshot, of one node with an ACL.
func zooKeeperFolder(t *testing.T, acl znode.ACL) string {
	t.Helper()
	st := znode.NewState(znode.Options{})
	st.BeginImport()
	err := errors.Join(st.ImportNode(&znode.Image{Path: "/app", ACL: []znode.ACL{acl}, Czxid: 3, Mzxid: 3, Pzxid: 3}), st.EndImport(5, 1))
	dir := t.TempDir()
	if err = errors.Join(err, writeSnapshotFile(filepath.Join(dir, "version-2", datadir.SnapshotName(5)), &folder.Folder{State: st})); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestImportRefuses: what an operator would lose, or whom he would lock out, he hears before anything is written, and may accept.
func TestImportRefuses(t *testing.T) {
	open := znode.ACL{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}
	lossy := zooKeeperFolder(t, open)
	if err := os.WriteFile(filepath.Join(lossy, "myid"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, flag, other string
		words             []string
	}{
		{lossy, "--accept-loss", "--accept-acls", []string{"no transaction log", "myid", "snapshot.5"}},
		{zooKeeperFolder(t, znode.ACL{Perms: znode.PermAll, Scheme: "sasl", ID: "hbase"}), "--accept-acls", "--accept-loss", []string{`1 nodes have ACLs of scheme "sasl"`, "/app"}},
	} {
		into := filepath.Join(t.TempDir(), "new")
		run := func(more ...string) error {
			return importApp().RunContext(t.Context(), append([]string{"paddock", "import", "--from", c.from, "--data-dir", into}, more...))
		}
		for _, err := range []error{run(), run(c.other)} {
			if err == nil || !strings.Contains(err.Error(), c.flag) || !strings.Contains(err.Error(), "nothing was written") {
				t.Errorf("%v, want it to name %s", err, c.flag)
				continue
			}
			for _, word := range c.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%v, want it to say %q", err, word)
				}
			}
		}
		if _, err := os.Stat(into); !os.IsNotExist(err) {
			t.Errorf("a refusal left something behind: %v", err)
		}
		if err := run(c.flag); err != nil {
			t.Errorf("with %s: %v", c.flag, err)
		}
	}
	if err := importApp().RunContext(t.Context(), []string{"paddock", "import", "--from", zooKeeperFolder(t, open), "--data-dir", filepath.Join(t.TempDir(), "new")}); err != nil {
		t.Errorf("a snapshot that was exported: %v", err)
	}
}

// importApp has the one verb.
func importApp() *cli.App {
	return &cli.App{Commands: []*cli.Command{ImportCommand()}, ExitErrHandler: func(*cli.Context, error) {}}
}
