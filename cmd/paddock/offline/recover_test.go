package offline

import (
	"path/filepath"
	"testing"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// folderAt makes a folder of a server, whose history ends at z.
func folderAt(t *testing.T, id folder.Identity, server int, z zxid.ID) string {
	t.Helper()
	st := znode.NewState(znode.Options{})
	st.Advance(z, 1)
	id.Server = server
	dir := filepath.Join(t.TempDir(), "server")
	if err := folder.Create(t.Context(), dir, id, st, zab.Ensemble{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What is recovered is the longest history among the survivors of one ensemble.
func TestSurvivors(t *testing.T) {
	id := folder.NewIdentity(1)
	short, long := folderAt(t, id, 1, zxid.New(1, 7)), folderAt(t, id, 2, zxid.New(2, 3))
	for _, order := range [][]string{{short, long}, {long, short}} {
		list, best, err := survivors(order, "")
		if err != nil || list[best].Folder != long {
			t.Errorf("of %v: %d, %v", list, best, err)
		}
	}
	other := folder.Identity{Format: 1, Lineage: lineage.Lineage{Cluster: lineage.ID{1}, Incarnation: lineage.ID{2}}}
	if _, _, err := survivors([]string{short, folderAt(t, other, 2, zxid.New(2, 3))}, ""); err == nil {
		t.Error("survivors of two clusters are taken for those of one")
	}
}
