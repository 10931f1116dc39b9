package server_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

type silent struct{}

func (silent) Printf(string, ...any) {}

// goZK connects the most used Go client.
func goZK(t *testing.T, addrs ...string) *zk.Conn {
	t.Helper()
	c, events, err := zk.Connect(addrs, 4*time.Second, zk.WithLogger(silent{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for e := range events {
		if e.State == zk.StateHasSession {
			return c
		}
	}
	t.Fatal("no session")
	return nil
}

// TestGoZookeeper uses a real client against the whole server: handshake, writes, reads, watches, multi, locks, ephemerals.
func TestGoZookeeper(t *testing.T) {
	w := newWorld(t, 1, nil)
	c := goZK(t, w.nodes[0].addr)
	acl := zk.WorldACL(zk.PermAll)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Create("/app", []byte("one"), 0, acl)
	must(err)
	_, _, events, err := c.GetW("/app")
	must(err)
	_, err = c.Set("/app", []byte("two"), 0)
	must(err)
	if e := <-events; e.Type != zk.EventNodeDataChanged || e.Path != "/app" {
		t.Errorf("event %+v", e)
	}
	data, stat, err := c.Get("/app")
	must(err)
	if string(data) != "two" || stat.Version != 1 {
		t.Errorf("data %q, stat %+v", data, stat)
	}
	if _, err = c.Set("/app", nil, 0); err != zk.ErrBadVersion {
		t.Errorf("stale set: %v", err)
	}
	res, err := c.Multi(&zk.CreateRequest{Path: "/app/m", Acl: acl}, &zk.SetDataRequest{Path: "/app", Data: []byte("3"), Version: 1})
	must(err)
	if len(res) != 2 || res[0].String != "/app/m" {
		t.Errorf("multi %+v", res)
	}
	p, err := c.CreateProtectedEphemeralSequential("/app/lock-", nil, acl)
	must(err)
	if _, err = c.Sync("/"); err != nil {
		t.Error(err)
	}
	kids, _, err := c.Children("/app")
	must(err)
	if len(kids) != 2 {
		t.Errorf("children %v of which one is %s", kids, p)
	}
	must(c.AddAuth("digest", []byte("bob:secret")))
	_, err = c.Create("/private", nil, 0, zk.DigestACL(zk.PermAll, "bob", "secret"))
	must(err)
	other := goZK(t, w.nodes[0].addr)
	if _, _, err = other.Get("/private"); err != zk.ErrNoAuth {
		t.Errorf("other client: %v", err)
	}
}

// TestGoZookeeperLocks lets many clients of three servers count under the client's own lock recipe: no two may hold it at once.
func TestGoZookeeperLocks(t *testing.T) {
	w := newWorld(t, 3, nil)
	acl := zk.WorldACL(zk.PermAll)
	const workers, rounds = 6, 10
	conns := make([]*zk.Conn, workers)
	for i := range conns {
		conns[i] = goZK(t, w.nodes[i%3].addr)
	}
	if _, err := conns[0].Create("/counter", []byte("0"), 0, acl); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			l := zk.NewLock(c, "/lock", acl)
			for range rounds {
				if err := l.Lock(); err != nil {
					t.Error(err)
					return
				}
				c.Sync("/counter")
				data, stat, err := c.Get("/counter")
				if err != nil {
					t.Error(err)
				}
				var n int
				fmt.Sscan(string(data), &n)
				if _, err := c.Set("/counter", fmt.Append(nil, n+1), stat.Version); err != nil {
					t.Errorf("a lock was held twice: %v", err)
				}
				l.Unlock()
			}
		})
	}
	wg.Wait()
	data, _, err := conns[0].Get("/counter")
	if err != nil || string(data) != fmt.Sprint(workers*rounds) {
		t.Errorf("counter %q, %v", data, err)
	}
}
