package datadir_test

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/datadir"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/znode"
)

// seen is what a client sees of one node.
type seen struct {
	data string
	stat zk.Stat
	acl  string
}

// tree reads everything outside /zookeeper through a client.
func tree(t *testing.T, addr string) map[string]seen {
	t.Helper()
	c, _, err := zk.Connect([]string{addr}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.AddAuth("digest", []byte("u:p")); err != nil {
		t.Fatal(err)
	}
	out := map[string]seen{}
	var walk func(p string)
	walk = func(p string) {
		data, stat, err := c.Get(p)
		if err != nil {
			t.Fatalf("get %s: %v", p, err)
		}
		acl, _, err := c.GetACL(p)
		if err != nil {
			t.Fatalf("getACL %s: %v", p, err)
		}
		out[p] = seen{string(data), *stat, fmt.Sprint(acl)}
		kids, _, err := c.Children(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range kids {
			if child := path.Join(p, k); child != "/zookeeper" {
				walk(child)
			}
		}
	}
	walk("/")
	return out
}

func fill(t *testing.T, addr string) {
	t.Helper()
	c, _, err := zk.Connect([]string{addr}, 30*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	open := zk.WorldACL(zk.PermAll)
	must(c.Create("/a", []byte("one"), 0, open))
	must(c.Set("/a", []byte("two"), -1))
	must(c.Create("/own", nil, 0, zk.DigestACL(zk.PermAll, "u", "p")))
	must(c.Create("/gone", []byte("x"), 0, open))
	must(nil, c.Delete("/gone", -1))
	must(c.Create("/eph", []byte("e"), zk.FlagEphemeral, open))
	must(c.CreateContainer("/box", nil, zk.FlagContainer, open))
	must(c.Create("/box/in", nil, 0, open))
	must(c.SetACL("/a", zk.WorldACL(zk.PermRead|zk.PermWrite|zk.PermCreate|zk.PermDelete), -1))
	must(c.Multi(&zk.CreateRequest{Path: "/m", Acl: open}, &zk.SetDataRequest{Path: "/m", Data: []byte("m"), Version: -1}))
	if _, err := c.Multi(&zk.CreateRequest{Path: "/never", Acl: open}, &zk.DeleteRequest{Path: "/nope", Version: -1}); err == nil {
		t.Fatal("a multi that must fail did not")
	}
	for i := range 2500 {
		must(c.Create("/a/s-", []byte(fmt.Sprint(i)), zk.FlagSequence, open))
	}
	for i := range 100 {
		must(nil, c.Delete(fmt.Sprintf("/a/s-%010d", i*7), -1))
	}
	// The connection stays: its session and its ephemeral are alive when the server dies.
}

// TestRealDataDirectory: what a ZooKeeper server leaves behind when it is killed is what its clients saw; what we write, ZooKeeper loads.
func TestRealDataDirectory(t *testing.T) {
	zktest.Require(t, "zookeeper")
	for _, method := range []string{"", "gz", "snappy"} {
		t.Run("compression="+method, func(t *testing.T) {
			dir := t.TempDir()
			s := zktest.StartZooKeeper(t, zktest.Config{Dir: dir, Extra: []string{"snapCount=700", "snapshot.compression.method=" + method}})
			fill(t, s.Addr())
			want := tree(t, s.Addr())
			s.Kill()
			st := znode.NewState(znode.Options{})
			rep, err := datadir.Load(datadir.Options{DataDir: dir}, st)
			if err != nil {
				t.Fatal(err)
			}
			if err := st.CheckInvariants(); err != nil {
				t.Fatal(err)
			}
			if rep.Snapshot == "" || rep.Transactions == 0 || rep.Sessions == 0 {
				t.Errorf("report %+v: snapshot, replayed transactions and sessions are expected", rep)
			}
			compare(t, want, st)
			again(t, want, st, rep)
		})
	}
}

// compare holds a state against what a client saw.
func compare(t *testing.T, want map[string]seen, st *znode.State) {
	t.Helper()
	n := 0
	err := st.Walk(func(im *znode.Image) error {
		if path.Clean(im.Path) == "/zookeeper" || path.Dir(im.Path) == "/zookeeper" {
			return nil
		}
		n++
		w, ok := want[im.Path]
		stat, _, _ := st.Node(im.Path)
		got := zk.Stat{Czxid: stat.Czxid, Mzxid: stat.Mzxid, Ctime: stat.Ctime, Mtime: stat.Mtime, Version: stat.Version, Cversion: stat.Cversion, Aversion: stat.Aversion,
			EphemeralOwner: stat.EphemeralOwner, DataLength: stat.DataLength, NumChildren: stat.NumChildren, Pzxid: stat.Pzxid}
		if !ok || w.data != string(im.Data) || w.stat != got || w.acl != aclText(im.ACL) {
			t.Errorf("%s: loaded %q %+v %v, clients saw %v %q %+v %s", im.Path, im.Data, got, aclText(im.ACL), ok, w.data, w.stat, w.acl)
		}
		return nil
	})
	if err != nil || n != len(want) {
		t.Errorf("%d nodes loaded, clients saw %d (%v)", n, len(want), err)
	}
}

// aclText is a list as the client prints it.
func aclText(list []znode.ACL) string {
	var out []zk.ACL
	for _, a := range list {
		out = append(out, zk.ACL{Perms: int32(a.Perms), Scheme: a.Scheme, ID: a.ID})
	}
	return fmt.Sprint(out)
}

// again writes the state for ZooKeeper and compares what its clients see then.
func again(t *testing.T, want map[string]seen, st *znode.State, rep *datadir.Report) {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	if err := datadir.WriteSnapshot(&b, st); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "version-2"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "version-2", datadir.SnapshotName(int64(rep.Zxid))), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := zktest.StartZooKeeper(t, zktest.Config{Dir: dir})
	got := tree(t, s.Addr())
	if len(got) != len(want) {
		t.Errorf("ZooKeeper shows %d nodes of our snapshot, %d were written", len(got), len(want))
	}
	for p, w := range want {
		if g := got[p]; g != w {
			t.Errorf("%s: ZooKeeper shows %+v of our snapshot, it was %+v", p, g, w)
		}
	}
}
