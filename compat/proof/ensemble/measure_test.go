package ensemble

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	zkclient "github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

var (
	measureFlag  = flag.Bool("measure", false, "print the figures of TestEnsembleMeasure…, some minutes each")
	measureRuns  = flag.Int("measure.runs", 7, "how often the leader is killed")
	measureNodes = flag.Int("measure.nodes", 1_000_000, "znodes of the restart")
	measureClis  = flag.Int("measure.sessions", 10_000, "sessions over a leader change")
	measureExtra = flag.String("measure.extra", "", "a zoo.cfg line more for the servers with many sessions")
)

func measured(t *testing.T) {
	t.Helper()
	if !*measureFlag {
		zktest.LeftOut(t, "measurements", "go test ./compat/proof/ensemble -run Measure -v -measure")
	}
}

// TestEnsembleMeasureFailover prints how long no write is acknowledged when the leader is killed, and when it hands over.
func TestEnsembleMeasureFailover(t *testing.T) {
	measured(t)
	c := startCluster(t, options{})
	for run := range *measureRuns {
		spend(time.Second)
		old := c.leader()
		l := startLoad(c, 4, 0, c.addrs(c.others(old.id)...)...)
		spend(time.Second)
		before := l.gap()
		c.must(old.Kill())
		spend(1500 * time.Millisecond)
		t.Logf("run %d: %v without an acknowledged write after kill -9 (the longest in the second before: %v)", run, l.gap().Round(time.Millisecond), before.Round(time.Millisecond))
		c.must(old.Start())
		from := c.leader()
		to := c.others(from.id)[0]
		spend(500 * time.Millisecond)
		l.gap()
		c.must(from.transfer(to))
		spend(700 * time.Millisecond)
		t.Logf("run %d: %v without one over a transfer", run, l.gap().Round(time.Millisecond))
		l.halt()
		for _, w := range l.workers {
			_ = w.close()
		}
	}
}

// TestEnsembleMeasurePauses prints how long no write is acknowledged when the leader stops for a second and a half, again and again, and when
// it is killed after that, with three servers and with five.
func TestEnsembleMeasurePauses(t *testing.T) {
	measured(t)
	for _, voters := range []int{3, 5} {
		t.Run(fmt.Sprint(voters), func(t *testing.T) {
			c := startCluster(t, options{voters: voters})
			silence := func(fault, mend func(*member) error) time.Duration {
				spend(time.Second)
				old := c.leader()
				l := startLoad(c, 4, 0, c.addrs(c.others(old.id)...)...)
				spend(500 * time.Millisecond)
				l.gap()
				begin := time.Now()
				c.must(fault(old))
				l.progress(patience)
				gap := l.gap()
				spend(1500*time.Millisecond - time.Since(begin))
				c.must(mend(old))
				l.halt()
				for _, w := range l.workers {
					_ = w.close()
				}
				return gap.Round(time.Millisecond)
			}
			var pauses, kills []time.Duration
			for range *measureRuns {
				pauses = append(pauses, silence(func(m *member) error { return m.Pause() }, func(m *member) error { return m.Continue() }))
			}
			for range *measureRuns {
				kills = append(kills, silence(func(m *member) error { return m.Kill() }, func(m *member) error { return m.Start() }))
			}
			t.Logf("%d servers: without an acknowledged write after SIGSTOP of the leader for 1.5 s: %v; after kill -9: %v", voters, pauses, kills)
		})
	}
}

// member of a crowd: a session that does nothing but live.
type idler struct {
	*zk
	moved, ended int
	patience     time.Duration // for the answer to a ping
}

// live pings until stop and takes its session up again when its server goes.
func (k *idler) live(stop <-chan struct{}, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if k.conn == nil {
			select {
			case <-stop:
				return
			case <-time.After(rand.N(time.Second)): // as the Java client does
			}
			if k.try() != nil {
				if k.expired {
					k.ended++
					return
				}
				continue
			}
			k.moved++
		}
		if _, err := k.conn.Call(wire.XidPing, wire.OpPing, nil, k.patience); err != nil {
			k.drop()
			continue
		}
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// TestEnsembleMeasureSessions holds 10,000 sessions over the death of the leader: none may end.
func TestEnsembleMeasureSessions(t *testing.T) {
	measured(t)
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &room); err != nil || room.Cur < uint64(*measureClis)+1000 {
		t.Fatalf("%d file descriptors are too few (%v)", room.Cur, err)
	}
	c := startCluster(t, options{extra: strings.Fields(*measureExtra)})
	crowd := make([]*idler, *measureClis)
	var opening sync.WaitGroup
	var failed atomic.Int32
	begin := time.Now()
	for part := range 16 {
		opening.Go(func() {
			for i := part; i < len(crowd); i += 16 {
				crowd[i] = &idler{zk: newZK(c.addrs(), i), patience: 20 * time.Second}
				if crowd[i].connect(patience, nil) != nil {
					failed.Add(1)
				}
			}
		})
	}
	opening.Wait()
	t.Logf("%d sessions opened in %v, %d failed", len(crowd), time.Since(begin).Round(time.Millisecond), failed.Load())
	stop := make(chan struct{})
	var living sync.WaitGroup
	for _, k := range crowd {
		living.Go(func() { k.live(stop, 3*time.Second) })
	}
	spend(4 * time.Second)
	old := c.leader()
	c.must(old.Kill())
	spend(5 * time.Second)
	c.must(old.Start())
	spend(2 * sessionTimeout * time.Millisecond)
	close(stop)
	living.Wait()
	moved, ended := 0, 0
	for _, k := range crowd {
		moved += k.moved
		ended += k.ended
		k.drop()
	}
	s, err := c.leader().status()
	t.Logf("%d reconnections, %d sessions ended; the leader counts %d (%v); epochs with a leader: %d", moved, ended, s.Counts.Sessions, err, c.watch.epochs())
	if ended > 0 {
		t.Errorf("%d sessions ended although their clients were there", ended)
	}
}

// fill creates n nodes of 100 bytes in multis.
func fill(t *testing.T, c *cluster, n int) {
	t.Helper()
	const batch = 1000
	var all sync.WaitGroup
	for part := range 2 {
		all.Go(func() {
			z := newZK(c.addrs(), part)
			z.patience = 30 * time.Second
			data := make([]byte, 100)
			for i := part * batch; i < n; i += 2 * batch {
				folder := fmt.Sprintf("/fill/d%d", i/batch)
				if err := z.ensure(folder, "", znode.ModePersistent); err != nil {
					t.Error(err)
					return
				}
				ops := make([]znode.Op, 0, batch)
				for k := range batch {
					ops = append(ops, znode.Op{Kind: znode.KindCreate, Wire: wire.OpCreate, Path: fmt.Sprintf("%s/n%06d", folder, k), Data: data, ACL: anyone()})
				}
				err := errUnknown
				for try := 0; try < 5 && errors.Is(err, errUnknown); try++ {
					if z.conn == nil {
						_ = z.connect(patience, nil)
					}
					var r zkclient.Reply
					r, err = z.call(wire.OpMulti, func(b []byte) []byte { return wire.AppendMulti(b, ops) })
					err = asError(r, err)
				}
			}
			_ = z.close()
		})
	}
	all.Wait()
}

// TestEnsembleMeasureRestart prints how long a server with a million znodes takes to be back, in step with the others.
func TestEnsembleMeasureRestart(t *testing.T) {
	measured(t)
	c := startCluster(t, options{})
	z := newZK(c.addrs(), 0)
	c.must(z.ensure("/fill", "", znode.ModePersistent))
	begin := time.Now()
	fill(t, c, *measureNodes)
	t.Logf("filled in %v", time.Since(begin).Round(time.Millisecond))
	spend(3 * time.Second)
	c.agree()
	f := c.followers()[0]
	for _, how := range []string{"kill -9", "stop"} {
		if how == "stop" {
			c.must(f.Stop())
		} else {
			c.must(f.Kill())
		}
		w := newZK(c.addrs(c.others(f.id)...), 0)
		for i := range 1000 {
			_ = w.ensure(fmt.Sprintf("/fill/%s-%d", how, i), "missed", znode.ModePersistent)
		}
		_ = w.close()
		leader := c.leader()
		begin := time.Now()
		c.must(f.Start())
		served := time.Since(begin)
		ok := zktest.Within(patience, func() bool { return f.digest() == leader.digest() })
		t.Logf("after %s: serves after %v, in step with the leader after %v (%v)", how, served.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), ok)
	}
	rss, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.PID()))
	for _, line := range splitLines(rss) {
		if len(line) > 5 && line[:5] == "VmRSS" {
			t.Log(line)
		}
	}
	m := c.followers()[1]
	c.must(m.Kill())
	begin = time.Now()
	c.rebuild(m)
	ok := zktest.Within(2*patience, func() bool { return m.digest() == c.leader().digest() })
	t.Logf("an emptied server is back after %v (%v), images installed: %d", time.Since(begin).Round(time.Millisecond), ok, images(m, "installed an image"))
	_ = z.close()
}

func splitLines(b []byte) (out []string) {
	from := 0
	for i, ch := range b {
		if ch == '\n' {
			out = append(out, string(b[from:i]))
			from = i + 1
		}
	}
	return out
}

// TestEnsembleReadOnly: a server without a quorum serves reads to clients that accept it, and refuses writes.
func TestEnsembleReadOnly(t *testing.T) {
	c := startCluster(t, options{extra: []string{"readonlymode.enabled=true"}})
	z := newZK(c.addrs(), 0)
	c.must(z.ensure("/ro", "x", znode.ModePersistent))
	_ = z.close()
	last := c.followers()[0]
	zktest.Eventually(t, patience, "the node on every server", func() bool {
		probe := newZK([]string{last.Addr()}, 0)
		defer probe.drop()
		if probe.try() != nil {
			return false
		}
		_, found, err := probe.exists("/ro")
		return found && err == nil
	})
	for _, id := range c.others(last.id) {
		c.must(c.members[id-1].Kill())
	}
	var w zkclient.Welcome
	r := newZK([]string{last.Addr()}, 0)
	zktest.Eventually(t, patience, "a read-only session", func() bool {
		conn, err := zkclient.Dial(t.Context(), last.Addr())
		if err != nil {
			return false
		}
		w, err = conn.Handshake(zkclient.Hello{Timeout: 5000, Password: make([]byte, 16), ReadOnly: zkclient.ReadOnlyOK}, time.Second)
		if err != nil || !w.ReadOnly {
			_ = conn.Close()
			return false
		}
		r.conn = conn
		data, _, err := r.get("/ro")
		if err != nil { // the server begins to be read-only before it has ended the connections of the time before
			_ = conn.Close()
			return false
		}
		if data != "x" {
			t.Errorf("a read in read-only mode: %q", data)
		}
		return true
	})
	if _, err := r.set("/ro", "y", -1); !errors.Is(err, refusal(-119)) {
		t.Errorf("a write in read-only mode: %v", err)
	}
	plain := newZK([]string{last.Addr()}, 0)
	if plain.try() == nil {
		t.Error("a client that does not accept read-only servers was served")
	}
	r.drop()
	c.recover()
	c.must(plain.ensure("/ro2", "", znode.ModePersistent))
	c.agree()
}
