package ensemble

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	gozk "github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

func clientRows() []row {
	return []row{
		{19, "half_open_clients", false, halfOpen},
		{33, "killed_for_memory", false, outOfMemory},
		{65, "lock_parent_recreated", false, parentRecreated},
		{73, "replies_lost", false, repliesLost},
		{74, "session_moves_with_requests_in_flight", true, moves},
		{75, "client_ahead_of_the_server", false, ahead},
		{76, "a_thousand_sessions_end_at_once", false, massExpiry},
		{77, "watches_over_a_partition", false, watches},
	}
}

// Clients whose packets vanish without a reset: their sessions move with them to other servers.
func halfOpen(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2, c.vias()...)
	for _, w := range l.workers {
		w.patience = time.Second
	}
	for _, id := range c.ids() {
		spend(200 * time.Millisecond)
		c.cut(both(client, id)...)
		l.progress(patience)
		c.heal(false)
	}
	l.finish()
}

// The kernel kills a follower that grows beyond its memory.
func outOfMemory(t *testing.T) {
	zktest.Require(t, "root")
	group := "/sys/fs/cgroup/memory/paddock-" + strconv.Itoa(os.Getpid())
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Skipf("no cgroup for memory here: %v", err)
	}
	t.Cleanup(func() { zktest.Within(patience, func() bool { return os.Remove(group) == nil }) })
	c := startCluster(t, options{})
	l := startLoad(c, 3, 2)
	f := c.followers()[0]
	c.must(os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(f.PID())), 0o644))
	c.must(os.WriteFile(filepath.Join(group, "memory.limit_in_bytes"), []byte("24M"), 0o644))
	flood(t, c.addrs(c.others(f.id)...), 8)
	if !zktest.Within(patience, func() bool { return f.PID() == 0 }) {
		t.Log("it lives on with 24 MB")
		c.must(f.Kill())
	}
	l.progress(patience)
	l.finish()
}

// The lock's parent is deleted and made again between grants, as Curator does: the tokens grow on.
func parentRecreated(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 2, 0)
	z := newZK(c.addrs(), 0)
	var last int64
	for i := range 6 {
		c.must(z.ensure("/parent", "", znode.ModePersistent))
		path, st, err := z.create("/parent/l-", "", znode.ModeEphemeralSequential)
		c.must(err)
		if st.Czxid <= last {
			t.Errorf("grant %d of %s has token %x after %x", i, path, st.Czxid, last)
		}
		last = st.Czxid
		c.must(z.delete(path))
		c.must(z.delete("/parent"))
		if i%2 == 0 {
			leader := c.leader()
			c.must(leader.Kill())
			c.leader(c.others(leader.id)...)
			c.must(leader.Start())
			c.must(z.connect(patience, nil))
		}
	}
	_ = z.close()
	l.finish()
}

// Answers are lost on their way: what the client does again with its session is done once.
func repliesLost(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 3, c.vias()...)
	for _, id := range c.ids() {
		c.set(fault{lose: 0.05}, link{id, client})
	}
	spend(3 * time.Second)
	c.heal(false)
	l.finish()
}

// A session goes to another server while requests of it are under way on the first: they are done before, or refused, and never
// after what it does on the second.
func moves(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 3, 2)
	z := newZK(c.addrs(), 0)
	c.must(z.ensure("/moving", "", znode.ModePersistent))
	for i := range 15 {
		for k := range 20 { // many in flight, no answer is read
			q := wire.SetDataRequest{Path: "/moving", Data: fmt.Appendf(nil, "old %d.%d", i, k), Version: -1}
			z.xid++
			z.conn.Stage(z.xid, wire.OpSetData, q.Append)
		}
		_ = z.conn.Flush()
		old := z.conn
		z.conn = nil // it stays open
		c.must(z.connect(patience, nil))
		want := fmt.Sprintf("new %d", i)
		if _, err := z.set("/moving", want, -1); err != nil {
			if !errors.Is(err, errUnknown) {
				t.Error(err)
			}
			_ = old.Close()
			c.must(z.connect(patience, nil))
			continue
		}
		spend(30 * time.Millisecond)
		if err := z.sync(); err == nil {
			if got, _, err := z.get("/moving"); err == nil && got != want {
				t.Errorf("after the move the session reads %q, it wrote %q", got, want)
			}
		}
		_ = old.Close()
		if z.conn == nil {
			c.must(z.connect(patience, nil))
		}
	}
	_ = z.close()
	l.finish()
}

// A client that has seen more than a server must not be served by it: it would go back in time.
func ahead(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 2, 1)
	for _, m := range c.members {
		z := newZK([]string{m.Addr()}, 0)
		z.seen = 1 << 50
		if err := z.try(); err == nil {
			t.Errorf("server %d serves a client that is ahead of it", m.id)
		}
	}
	// a follower that lags: it must not serve one who has just written elsewhere
	f := c.followers()[0]
	c.part([]int{f.id}, c.others(f.id))
	z := newZK(c.addrs(c.others(f.id)...), 0)
	c.must(z.ensure("/ahead", "", znode.ModePersistent))
	z.addrs = c.addrs(f.id)
	if err := z.try(); err == nil {
		if _, found, err := z.exists("/ahead"); err == nil && !found {
			t.Error("the session does not see what it wrote")
		}
	}
	c.heal(true)
	l.finish()
}

// A thousand sessions with ephemeral nodes end at once; others do not notice, and nothing is left.
func massExpiry(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 2, 1)
	const sessions, each = 1000, 2
	z := newZK(c.addrs(), 0)
	c.must(z.ensure("/mass", "", znode.ModePersistent))
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for i := part; i < sessions; i += 8 {
				s := newZK(c.addrs(), i)
				s.timeout, s.patience = 4000, 10*time.Second
				for k := range each {
					if err := s.ensure(fmt.Sprintf("/mass/s%d-%d", i, k), "", znode.ModeEphemeral); err != nil {
						t.Error(err)
					}
				}
				s.drop()
			}
		})
	}
	all.Wait()
	before := c.watch.epochs()
	left := 0
	if !zktest.Within(2*patience, func() bool {
		if z.conn == nil && z.try() != nil {
			return false
		}
		names, err := z.children("/mass")
		left = len(names)
		return err == nil && left == 0
	}) {
		t.Errorf("%d ephemeral nodes are left of ended sessions", left)
	}
	l.progress(patience)
	c.fewEpochs(before, "sessions that end depose no leader")
	_ = z.close()
	l.finish()
}

// Watches of stock clients over a cut: after the reconnection (setWatches) every change that was missed is told.
func watches(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 2, 1)
	writer := newZK(c.addrs(), 0)
	conn := stock(t, c.vias(), 8*time.Second)
	const nodes = 50
	var events [nodes]<-chan gozk.Event
	c.must(writer.ensure("/watched", "", znode.ModePersistent))
	for i := range nodes {
		path := fmt.Sprintf("/watched/n%d", i)
		c.must(writer.ensure(path, "0", znode.ModePersistent))
	}
	if _, err := conn.Sync("/watched"); err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		var err error
		_, _, events[i], err = conn.GetW(fmt.Sprintf("/watched/n%d", i))
		c.must(err)
	}
	for _, id := range c.ids() { // the client is cut off from all, in the middle of the changes
		c.cut(both(client, id)...)
	}
	for i := range nodes {
		if writer.conn == nil {
			c.must(writer.connect(patience, nil))
		}
		if _, err := writer.set(fmt.Sprintf("/watched/n%d", i), "1", -1); err != nil && !errors.Is(err, errUnknown) {
			t.Error(err)
		}
	}
	c.heal(true)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for i := range nodes {
		select {
		case e := <-events[i]:
			if e.Type != gozk.EventNodeDataChanged {
				t.Errorf("node %d: %v (%v)", i, e.Type, e.Err)
			}
		case <-deadline.C:
			t.Fatalf("the change of node %d was never told", i)
		}
	}
	_ = writer.close()
	l.finish()
}
