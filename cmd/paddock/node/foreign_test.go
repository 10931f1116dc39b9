package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/zab/lineage"
)

// A server serves the folder that it founded, and no other: not one whose identity is damaged or another server's, nor one without its log. A
// cluster that is founded over lost data looks well and has forgotten what it acknowledged.
func TestFolderOfSomebodyElseIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := started(t, dir); err != nil {
		t.Fatal(err)
	}
	refused := func(what, words string) {
		t.Helper()
		if err := started(t, dir); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", what, err, words)
		}
	}
	file := filepath.Join(dir, folder.IdentityFile)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := folder.LoadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	other := []byte(strings.Replace(string(good), `"generation": 0`, `"generation": 3`, 1))
	if err := os.WriteFile(file, other, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("a generation that was changed in the file", "damaged")
	first := id // as a version before made it, of a cluster that the state knows nothing of
	first.Format, first.Cluster, first.Incarnation = 1, lineage.ID{1}, lineage.ID{2}
	if err := first.Save(dir); err != nil {
		t.Fatal(err)
	}
	refused("the identity of another ensemble", "belongs to another cluster")
	second := id
	second.Server++
	if err := second.Save(dir); err != nil {
		t.Fatal(err)
	}
	refused("the folder of server 2", "holds the data of server 2")
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := started(t, dir); err != nil {
		t.Fatalf("with its own identity again: %v", err)
	}
	segments, err := filepath.Glob(filepath.Join(dir, "log", "*"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	for _, s := range segments {
		if err := os.Remove(s); err != nil {
			t.Fatal(err)
		}
	}
	refused("a folder without its log", "the transaction log is missing")
}
