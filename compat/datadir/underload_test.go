package datadir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/datadir"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/znode"
)

// writersOf change a tree from several connections at once, with an ACL list of its own for every node, so that a snapshot that is taken
// meanwhile is fuzzy in every way: nodes that are made, change their list, are deleted and made anew, and sessions that come and go.
// Their sessions are alive until they are closed.
func writersOf(t *testing.T, addr string, writers, rounds int) (closeAll func()) {
	t.Helper()
	var all sync.WaitGroup
	conns := make([]*zk.Conn, writers)
	for w := range writers {
		c, _, err := zk.Connect([]string{addr}, 30*time.Second, zk.WithLogger(silent{}))
		if err != nil {
			t.Fatal(err)
		}
		conns[w] = c
		all.Add(1)
		go func() {
			defer all.Done()
			if err := writer(c, addr, w, rounds); err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
	return func() {
		for _, c := range conns {
			c.Close()
		}
	}
}

// silent is a logger for connections whose server is killed on purpose.
type silent struct{}

func (silent) Printf(string, ...any) {}

func writer(c *zk.Conn, addr string, w, rounds int) (err error) {
	list := func(i int, kind string) []zk.ACL {
		return append(zk.WorldACL(zk.PermRead|zk.PermAdmin|zk.PermCreate|zk.PermDelete|zk.PermWrite), zk.ACL{Perms: zk.PermAll, Scheme: "digest", ID: fmt.Sprintf("%s%d-%d:x", kind, w, i)})
	}
	top := fmt.Sprintf("/w%d", w)
	if _, err := c.Create(top, nil, 0, list(-1, "top")); err != nil {
		return err
	}
	for i := range rounds {
		path := fmt.Sprintf("%s/%d", top, i)
		if _, err = c.Create(path, []byte(path), 0, list(i, "a")); err != nil {
			return err
		}
		switch i % 8 {
		case 0:
			_, err = c.SetACL(path, list(i, "b"), -1)
		case 1:
			_, err = c.Set(fmt.Sprintf("%s/%d", top, i/2), []byte("again"), -1)
		case 2:
			_, err = c.Create(path+"/child", nil, 0, list(i, "c"))
		case 3:
			err = c.Delete(path, -1)
		case 4: // away, and anew with a child
			_, err = c.Multi(&zk.DeleteRequest{Path: path, Version: -1}, &zk.CreateRequest{Path: path, Acl: list(i, "d")}, &zk.CreateRequest{Path: path + "/child", Acl: list(i, "e")})
		case 5:
			err = briefly(addr, path+"/eph", list(i, "f"))
		}
		if err != nil && err != zk.ErrNoNode { // a sibling that was deleted
			return err
		}
	}
	return nil
}

// briefly has a session of its own with an ephemeral.
func briefly(addr, path string, list []zk.ACL) error {
	c, _, err := zk.Connect([]string{addr}, 30*time.Second, zk.WithLogger(silent{}))
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Create(path, nil, zk.FlagEphemeral, list)
	return err
}

// TestFoldersWrittenUnderLoad: of what 3.9.5 wrote while three clients changed the tree, all that its clients saw is read, with each of the
// settings that change the files. (It is not asked again after a restart: of a node that was deleted and made anew with a child while the
// snapshot was written, 3.9.5 itself forgets the child then.)
func TestFoldersWrittenUnderLoad(t *testing.T) {
	zktest.Require(t, "zookeeper")
	for name, extra := range map[string][]string{
		"plain":             {"snapshot.compression.method="},
		"gz without digest": {"snapshot.compression.method=gz", "digest.enabled=false"},
		"snappy":            {"snapshot.compression.method=snappy", "serializeLastProcessedZxid.enabled=false"},
		"as 3.5 wrote":      {"digest.enabled=false", "serializeLastProcessedZxid.enabled=false", "closeSessionTxn.enabled=false"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "zk")
			s := zktest.StartZooKeeper(t, zktest.Config{Dir: dir, Extra: append(extra, "snapCount=1200", "preAllocSize=1024")})
			closeAll := writersOf(t, s.Addr(), 3, 1000)
			want := tree(t, s.Addr())
			if err := s.Kill(); err != nil {
				t.Fatal(err)
			}
			closeAll()
			forgetOld(t, dir)
			st := znode.NewState(znode.Options{})
			rep, err := datadir.Load(datadir.Options{DataDir: dir}, st)
			if err != nil {
				t.Fatal(err)
			}
			if err := st.CheckInvariants(); err != nil {
				t.Fatal(err)
			}
			if rep.SnapshotZxid == 0 || rep.Transactions == 0 {
				t.Errorf("report %+v: a snapshot under load and transactions behind it are expected", rep)
			}
			compare(t, want, st)
		})
	}
}

// forgetOld leaves the newest snapshot alone with the logs, as a purge does: nothing older can help.
func forgetOld(t *testing.T, dir string) {
	t.Helper()
	snaps, err := filepath.Glob(filepath.Join(dir, "version-2", "snapshot.*"))
	if err != nil || len(snaps) < 2 {
		t.Fatalf("snapshots %v (%v): the load was too small for one", snaps, err)
	}
	newest := snaps[0]
	for _, s := range snaps {
		if zxidOf(s) > zxidOf(newest) {
			newest = s
		}
	}
	for _, s := range snaps {
		if s != newest {
			if err := os.Remove(s); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func zxidOf(name string) int64 {
	var z int64
	_, _ = fmt.Sscanf(filepath.Base(name), "snapshot.%x", &z)
	return z
}
