package datadir_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/datadir"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/znode"
)

// more creates and changes nodes through any of the servers, and goes on through the loss of one.
func more(t *testing.T, addrs []string, name string, n int) {
	t.Helper()
	c, _, err := zk.Connect(addrs, 30*time.Second, zk.WithLogger(silent{}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	try := func(what string, f func() error) {
		t.Helper()
		zktest.Eventually(t, zktest.Patience, what, func() bool {
			err := f()
			return err == nil || err == zk.ErrNodeExists
		})
	}
	for i := range n {
		path := fmt.Sprintf("/%s%d", name, i)
		list := append(zk.WorldACL(zk.PermAll), zk.ACL{Perms: zk.PermAll, Scheme: "digest", ID: fmt.Sprintf("%s%d:x", name, i)})
		try("create "+path, func() error { _, err := c.Create(path, []byte(path), 0, list); return err })
		if i%3 == 0 {
			try("set "+path, func() error { _, err := c.Set(path, []byte("again"), -1); return err })
		}
	}
}

// TestFoldersOfAnEnsemble: the folder of any server can be taken, also of one that was sent a snapshot by its leader because it had been away
// too long, and of one that led and was killed: between its files there is what looks like a hole and is none.
func TestFoldersOfAnEnsemble(t *testing.T) {
	zktest.Require(t, "zookeeper")
	e := zktest.StartEnsemble(t, zktest.ZooKeeper, 3, zktest.Config{Extra: []string{"snapCount=400", "preAllocSize=1024", "commitLogCount=500", "snapshotSizeFactor=-1"}})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	more(t, e.Addrs(), "a", 200)
	away := e.Followers()[0]
	must(away.Kill())
	more(t, e.Addrs(), "b", 700) // more than a leader keeps for those that come back
	must(away.Launch())
	more(t, e.Addrs(), "c", 300)
	must(away.WaitReady(zktest.Patience))
	leader := e.Leader()
	must(leader.Kill())
	more(t, e.Addrs(), "d", 200)
	must(leader.Start())
	more(t, e.Addrs(), "e", 50)
	want := tree(t, e.Servers[0].Addr())
	zktest.Eventually(t, zktest.Patience, "all have the same history", func() bool {
		seen := map[string]bool{}
		for _, s := range e.Servers {
			text, _ := zktest.FourLetters(s.Addr(), "srvr")
			_, z, _ := strings.Cut(text, "Zxid: ")
			z, _, _ = strings.Cut(z, "\n")
			seen[z] = true
		}
		return len(seen) == 1
	})
	for _, s := range e.Servers {
		must(s.Kill())
	}
	for i, s := range e.Servers {
		st := znode.NewState(znode.Options{})
		rep, err := datadir.Load(datadir.Options{DataDir: s.Dir()}, st)
		if err != nil {
			t.Errorf("server %d: %v", i+1, err)
			continue
		}
		t.Logf("server %d: %s and %d transactions in %d logs, up to %v", i+1, rep.Snapshot, rep.Transactions, len(rep.Logs), rep.Zxid)
		compare(t, want, st)
	}
}
