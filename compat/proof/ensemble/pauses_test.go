package ensemble

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

func pauseRows() []row {
	return []row{
		{26, "leader_paused", true, leaderPaused},
		{26, "leader_paused_longer_than_sessions_live", false, sessionsOutlivePause},
		{27, "follower_paused_past_the_session_timeout", false, followerPaused},
		{31, "all_paused", false, allPaused},
		{32, "leader_with_little_processor", false, throttled},
		{34, "short_stops_of_the_leader", false, shortStops},
		{40, "other_boot_time", false, otherBootTime},
	}
}

func leaderPaused(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	for range 2 {
		spend(300 * time.Millisecond)
		old := c.leader()
		stale := newZK(c.addrs(old.id), 0)
		c.must(stale.connect(patience, nil))
		l.gap()
		c.must(old.Pause())
		l.replaced(old)
		c.must(old.Continue())
		// whatever it answers on waking is judged by the histories; a sync must not succeed on old knowledge
		newest := l.newest()
		if err := stale.sync(); err == nil {
			data, st, err := stale.get("/ens/r0")
			if err == nil && st.Version < newest {
				t.Errorf("a synced read of the leader that woke up: version %d (%s)", st.Version, data)
			}
		}
		c.must(old.WaitReady(patience))
	}
	l.finish()
}

// A client that tries another server within its time keeps its session, although the leader is away for longer than sessions live: the next leader gives each
// a whole timeout. A server that is paused takes connections that nobody answers, so a client must give those up in time.
func sessionsOutlivePause(t *testing.T) {
	const live = 10 * time.Second
	c := startCluster(t, options{})
	crowd := make([]*idler, 12)
	stop := make(chan struct{})
	var living sync.WaitGroup
	for i := range crowd {
		crowd[i] = &idler{zk: newZK(c.addrs(), i), patience: time.Second}
		crowd[i].timeout = int32(live.Milliseconds())
		c.must(crowd[i].connect(patience, nil))
		living.Go(func() { crowd[i].live(stop, time.Second) })
	}
	old := c.leader()
	c.must(old.Pause())
	spend(live * 3 / 2)
	c.must(old.Continue())
	c.must(old.WaitReady(patience))
	spend(live / 2)
	close(stop)
	living.Wait()
	moved := 0
	for i, k := range crowd {
		if k.expired {
			t.Errorf("client %d was there all the time, and its session ended", i)
		}
		moved += k.moved
		k.drop()
	}
	if moved == 0 {
		t.Error("no client had to move")
	}
}

// Clients of a paused server move to another before their timeout; the server finds its place when it wakes.
func followerPaused(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	f := c.followers()[0]
	idle := newZK(c.addrs(f.id), 0)
	idle.timeout = 1000
	c.must(idle.connect(patience, nil))
	c.must(f.Pause())
	spend(2500 * time.Millisecond)
	l.progress(patience)
	c.must(f.Continue())
	c.must(f.WaitReady(patience))
	// the idle client was silent for longer than its timeout: its session has ended, and the server that slept must know
	if idle.sync(); idle.conn != nil {
		if _, _, err := idle.get("/ens/r0"); err == nil {
			t.Error("a session that ended goes on at the server that slept")
		}
	}
	l.finish()
}

// All servers stop for longer than the sessions' timeout, as when the host sleeps: the pause is the servers' own, no session ends.
func allPaused(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	short := newZK(c.addrs(), 0)
	short.timeout = 2000
	c.must(short.connect(patience, nil))
	for _, m := range c.members {
		c.must(m.Pause())
	}
	spend(4 * time.Second)
	for _, m := range c.members {
		c.must(m.Continue())
	}
	zktest.Within(patience, func() bool {
		if short.conn == nil && short.try() != nil {
			return short.expired
		}
		return short.sync() == nil || short.expired
	})
	if short.expired {
		t.Error("the servers slept for 4 s and ended a session with a timeout of 2 s that came back at once")
	}
	_ = short.close()
	l.finish()
}

// A leader that gets a tenth of a processor leads on or hands over; there is no ping-pong, and nothing is lost.
func throttled(t *testing.T) {
	zktest.Require(t, "root")
	group := "/sys/fs/cgroup/cpu/paddock-" + strconv.Itoa(os.Getpid())
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Skipf("no cgroup for the processor here: %v", err)
	}
	t.Cleanup(func() { zktest.Within(patience, func() bool { return os.Remove(group) == nil }) })
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	leader := c.leader()
	c.must(os.WriteFile(filepath.Join(group, "cpu.cfs_quota_us"), []byte("10000"), 0o644))
	c.must(os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(leader.PID())), 0o644))
	spend(4 * time.Second)
	l.progress(patience)
	c.must(os.WriteFile(filepath.Join(group, "cpu.cfs_quota_us"), []byte("-1"), 0o644))
	l.finish()
	t.Logf("epochs with a leader: %d", c.watch.epochs())
	for _, m := range c.members {
		_ = m.Kill()
	}
}

func shortStops(t *testing.T) {
	c := startCluster(t, options{extra: []string{"paddock.electionTimeoutMs=1500"}})
	l := startLoad(c, 4, 2)
	leader := c.leader()
	before := c.watch.epochs()
	for range 8 {
		c.must(leader.Pause())
		spend(time.Duration(50+rand.IntN(350)) * time.Millisecond)
		c.must(leader.Continue())
		spend(100 * time.Millisecond)
	}
	l.progress(patience)
	c.fewEpochs(before, "stops below the election timeout depose no leader")
	l.finish()
}

// A server whose monotonic clock and boot clock are far from the others'.
func otherBootTime(t *testing.T) {
	zktest.Require(t, "root", "unshare")
	prefix := []string{"unshare", "-T", "--monotonic=86400", "--boottime=172800"}
	if out, err := exec.Command(prefix[0], append(prefix[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("no time namespaces here: %s", out)
	}
	c := startCluster(t, options{own: func(id int, config *zktest.Config) {
		if id == 2 {
			config.Prefix = prefix
		}
	}})
	l := startLoad(c, 4, 2)
	spend(500 * time.Millisecond)
	c.must(c.members[1].Stop())
	c.must(c.members[1].Start())
	c.must(c.leader().Kill())
	l.progress(patience)
	l.finish()
}
