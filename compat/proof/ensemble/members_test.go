package ensemble

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gozk "github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/znode"
)

func memberRows() []row {
	return []row{
		{18, "little_bandwidth_for_an_image", false, slowImage},
		{58, "leader_transfer_under_load", true, transfers},
		{59, "reconfig_in_a_partition_and_a_leader_crash", false, reconfigUnderFire},
		{60, "removed_server_is_quiet", false, removedServer},
		{61, "observer_isolated_then_far_behind", false, observerFarBehind},
		{62, "leader_crashes_while_it_ships_an_image", false, crashDuringImage},
		{80, "quiet_restart_of_all_one_by_one", false, rolling},
	}
}

// silent takes the log of the client library.
type silent struct{}

func (silent) Printf(string, ...any) {}

// stock is a session of the client library that most Go programs use.
func stock(t testing.TB, addrs []string, timeout time.Duration) *gozk.Conn {
	t.Helper()
	conn, events, err := gozk.Connect(addrs, timeout, gozk.WithLogger(silent{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case e := <-events:
			if e.State == gozk.StateHasSession {
				go func() {
					for range events {
					}
				}()
				return conn
			}
		case <-deadline.C:
			t.Fatalf("no session after %v", patience)
		}
	}
}

// Leadership goes round, also towards a server that is dead or cut off, while clients write.
func transfers(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	l.gap()
	for range 4 {
		spend(150 * time.Millisecond)
		from := c.leader()
		to := c.members[from.id%3]
		if err := from.transfer(to.id); err != nil {
			t.Logf("%d to %d: %v", from.id, to.id, err)
		}
		l.progress(patience)
	}
	t.Logf("longest time without an acknowledged write over the transfers: %v", l.gap().Round(time.Millisecond))
	from := c.leader()
	dead := c.members[from.id%3]
	c.must(dead.Kill())
	err := from.transfer(dead.id)
	t.Logf("to a dead server: %v", err)
	l.progress(patience)
	c.must(dead.Start())
	from = c.leader()
	c.part([]int{from.id%3 + 1}, c.others(from.id%3+1))
	t.Logf("to a server that is cut off: %v", from.transfer(from.id%3+1))
	l.progress(patience)
	l.finish()
}

var reconfigurable = []string{"reconfigEnabled=true", "skipACL=yes"}

// reconfig goes through a stock client, again if the connection was lost, for that long.
func (c *cluster) reconfig(conn *gozk.Conn, within time.Duration, joining, leaving []string) error {
	var err error
	zktest.Within(within, func() bool {
		_, err = conn.IncrementalReconfig(joining, leaving, -1)
		return err != gozk.ErrConnectionClosed && err != gozk.ErrNoServer && (err == nil || !strings.Contains(err.Error(), "-13") && !strings.Contains(err.Error(), "-14"))
	})
	return err
}

// A server comes, another goes, while links are cut and the leader dies.
func reconfigUnderFire(t *testing.T) {
	c := startCluster(t, options{spare: 1, extra: reconfigurable})
	four := c.members[3]
	l := startLoad(c, 4, 2, c.addrs(1, 2, 3)...)
	conn := stock(t, c.addrs(1, 2, 3), 10*time.Second)
	four.voter = true
	c.must(four.Launch())
	c.must(c.reconfig(conn, patience, []string{c.serverLine(four) + ";" + four.Addr()}, nil))
	c.must(four.WaitReady(patience))
	c.ensembleHas(4, true)
	f := c.followers()[0]
	c.part([]int{f.id}, c.others(f.id))
	go func() {
		spend(100 * time.Millisecond)
		_ = c.leader().Kill()
	}()
	err := c.reconfig(conn, time.Second, nil, []string{"4"})
	t.Logf("removing server 4 while %d is cut off and the leader dies: %v", f.id, err)
	spend(500 * time.Millisecond)
	c.recover(c.members[:3]...)
	if err != nil {
		c.must(c.reconfig(conn, patience, nil, []string{"4"}))
	}
	c.ensembleHas(4, false)
	c.must(four.Kill())
	l.settle(c.members[:3]...)
}

// ensembleHas waits until all servers that belong say so.
func (c *cluster) ensembleHas(id int, want bool) {
	c.t.Helper()
	for _, m := range c.members {
		if m.id == id && !want || m.PID() == 0 {
			continue
		}
		var s status
		var err error
		if !zktest.Within(patience, func() bool {
			s, err = m.status()
			return err == nil && strings.Contains(s.Ensemble, fmt.Sprintf("server.%d=", id)) == want
		}) {
			c.t.Errorf("server %d: is %d a member? want %v; %v, ensemble:\n%s", m.id, id, want, err, s.Ensemble)
		}
	}
}

// A server that was removed while it could not hear of it runs on and looks for a leader: nobody minds.
func removedServer(t *testing.T) {
	c := startCluster(t, options{voters: 4, extra: reconfigurable})
	l := startLoad(c, 4, 2, c.addrs(1, 2, 3)...)
	conn := stock(t, c.addrs(1, 2, 3), 10*time.Second)
	if c.leader().id == 4 {
		c.must(c.leader().transfer(1))
		c.leader(1)
	}
	c.part([]int{4}, []int{1, 2, 3})
	c.must(c.reconfig(conn, patience, nil, []string{"4"}))
	c.ensembleHas(4, false)
	c.heal(true)
	before := c.watch.epochs()
	spend(2 * time.Second)
	l.progress(patience)
	c.fewEpochs(before, "a removed server must not depose the leader")
	late := stock(t, c.addrs(4), 10*time.Second) // as in ZooKeeper it goes on for its clients, without a vote
	if _, err := late.Create("/through-4", nil, gozk.FlagEphemeral, gozk.WorldACL(gozk.PermAll)); err != nil {
		t.Errorf("a write through the removed server: %v", err)
	}
	c.must(c.members[3].Kill())
	l.settle(c.members[:3]...)
}

// flood writes that many megabytes, so that checkpoints are taken and the log's beginning goes.
func flood(t testing.TB, addrs []string, megabytes int) {
	t.Helper()
	z := newZK(addrs, 0)
	if err := z.ensure("/flood", "", znode.ModePersistent); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 50_000)
	for i := range noise {
		noise[i] = byte(i * i >> 4)
	}
	for i := range megabytes * 20 {
		path := fmt.Sprintf("/flood/n%d", i%100)
		if i < 100 {
			if err := z.ensure(path, string(noise), znode.ModePersistent); err != nil {
				t.Fatal(err)
			}
		} else if z.conn != nil || z.connect(patience, nil) == nil {
			_, _ = z.set(path, string(noise), -1)
		}
	}
	if err := z.close(); err != nil {
		t.Fatal(err)
	}
}

// images counts what a server said about images.
func images(m *member, words string) int { return strings.Count(m.Log(), words) }

// farBehind makes a server miss so much that the log does not reach back to it: it is stopped, and checkpoints go by.
func farBehind(c *cluster, m *member) {
	c.must(m.Kill())
	rest := c.addrs(c.others(m.id)...)
	zktest.Eventually(c.t, patience, "the leader's log without its first segment", func() bool {
		flood(c.t, rest, 12)
		first, err := os.ReadDir(filepath.Join(c.leader().Dir(), "log"))
		return err == nil && len(first) > 0 && !strings.HasPrefix(first[0].Name(), "0000000000000001-")
	})
	for _, id := range c.others(m.id) { // what a leader has in memory would do too
		c.must(c.members[id-1].Restart())
	}
}

var tight = []string{"snapCount=200"}

func observerFarBehind(t *testing.T) {
	c := startCluster(t, options{observers: 1, extra: tight})
	l := startLoad(c, 3, 2, c.addrs(1, 2, 3)...)
	o := c.members[3]
	if mode := zktest.Mode(o.Addr()); mode != "observer" {
		t.Errorf("server 4 is a %q", mode)
	}
	c.part([]int{4}, []int{1, 2, 3})
	l.progress(patience)
	c.heal(true)
	c.must(o.WaitReady(patience))
	farBehind(c, o)
	// two of three voters dead: the observer is no help
	c.must(o.Start())
	if images(o, "installed an image") == 0 {
		t.Error("the observer came back without an image")
	}
	f := c.followers()
	c.must(f[0].Kill())
	c.must(c.leader().Kill())
	from := l.acked.Load()
	spend(time.Second)
	if from = l.acked.Load() - from; from > 3 {
		t.Errorf("%d writes acknowledged by one voter and an observer", from)
	}
	l.finish()
}

// An image goes over a link of 1 MB/s while clients write: heartbeats are not held up, and what was sent is not sent again.
func slowImage(t *testing.T) {
	c := startCluster(t, options{extra: tight})
	l := startLoad(c, 3, 2)
	f := c.followers()[0]
	farBehind(c, f)
	before := c.watch.epochs()
	for _, id := range c.others(f.id) {
		c.set(fault{rate: 1 << 20}, link{id, f.id})
	}
	c.must(f.Launch())
	spend(700 * time.Millisecond)
	for _, id := range c.others(f.id) {
		c.reset(link{id, f.id})
	}
	c.must(f.WaitReady(patience))
	if images(f, "installed an image") == 0 {
		t.Error("the follower came back without an image")
	}
	c.fewEpochs(before, "an image under way deposes no leader")
	l.finish()
}

// The leader dies while it ships an image, and so does the next: the follower's state is never half of one.
func crashDuringImage(t *testing.T) {
	c := startCluster(t, options{voters: 3, extra: tight})
	l := startLoad(c, 3, 2)
	f := c.followers()[0]
	farBehind(c, f)
	for _, id := range c.others(f.id) {
		c.set(fault{rate: 2 << 20}, link{id, f.id})
	}
	c.must(f.Launch())
	for range 2 {
		spend(500 * time.Millisecond)
		leader := c.leader(c.others(f.id)...)
		c.must(leader.Kill())
		spend(100 * time.Millisecond)
		c.must(leader.Launch())
	}
	c.must(f.Kill())
	c.must(f.Launch())
	l.finish()
	t.Logf("images: %d begun, %d installed", images(f, "receiving an image"), images(f, "installed an image"))
}

// A rolling upgrade: every server is stopped cleanly and started again, under load.
func rolling(t *testing.T) {
	c, l := startLoaded(t, options{})
	l.gap()
	for _, m := range c.members {
		c.must(m.Stop())
		l.progress(patience)
		c.must(m.Start())
		l.progress(patience)
	}
	t.Logf("longest time without an acknowledged write: %v", l.gap().Round(time.Millisecond))
	l.finish()
	for _, m := range c.members {
		if m.ExitCode() > 0 {
			t.Errorf("server %d ended with %d", m.id, m.ExitCode())
		}
	}
}
