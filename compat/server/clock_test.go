package server_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// lockedLog is a log that several goroutines write.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// clockWorld is one server whose wall clock is set while it runs, and which looks for old TTL nodes with every tick.
type clockWorld struct {
	*world
	t   *testing.T
	log *lockedLog
}

func newClockWorld(t *testing.T) *clockWorld {
	c := &clockWorld{t: t, log: &lockedLog{}}
	c.world = newWorld(t, 1, func(o *server.Options) {
		o.Log = slog.New(slog.NewTextHandler(c.log, nil))
		o.Limits.ContainerCheckMs = 1
	})
	c.clock.wall.Store(1_800_000_000_000)
	c.pass(0)
	return c
}

// pass lets time go by, with all ticks that belong to it.
func (c *clockWorld) pass(d time.Duration) {
	every := c.nodes[0].TickEvery()
	for end := d; ; {
		c.nodes[0].Tick()
		c.history.Settle()
		if end <= 0 {
			return
		}
		step := min(every, end)
		c.clock.advance(step)
		end -= step
	}
}

func (c *clockWorld) set(by time.Duration) { c.clock.wall.Add(by.Milliseconds()) }

// write makes a node that lives for a minute after its last write.
func (c *clockWorld) write(path string) {
	c.t.Helper()
	txn := znode.Txn{Flags: znode.FlagExtendedTypes, Op: znode.Op{Kind: znode.KindCreate, Wire: int32(wire.OpCreateTTL), Path: path, Mode: znode.ModePersistentWithTTL,
		TTL: time.Minute.Milliseconds(), ACL: []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}}}
	if err := c.nodes[0].member.Propose([][]byte{znode.AppendTxn(nil, &txn)}); err != nil {
		c.t.Fatal(err)
	}
	c.history.Settle()
	if !c.there(path) {
		c.t.Fatalf("%s was not created", path)
	}
}

func (c *clockWorld) there(path string) (ok bool) {
	c.nodes[0].View(func(st *znode.State) { _, code := st.Exists(path, nil, 0); ok = code == znode.OK })
	return ok
}

func (c *clockWorld) want(there bool, when string, paths ...string) {
	c.t.Helper()
	for _, p := range paths {
		if c.there(p) != there {
			c.t.Errorf("%s: %s is there: %v", when, p, !there)
		}
	}
}

// A clock that is set while a server runs changes the stamps of what is written meanwhile, and nothing else: TTL nodes live as long as they
// should, whatever the clock says when they are looked at.
func TestAStepOfTheClockEndsNoTTLNodeEarly(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, step := range map[string]time.Duration{"ahead": year, "behind": -year, "an hour ahead": time.Hour, "an hour behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := newClockWorld(t)
			c.write("/before")
			c.pass(10 * time.Second)
			c.set(step)
			c.write("/meanwhile") // before anybody has noticed
			c.pass(3 * time.Second)
			c.want(true, "under the other clock", "/before", "/meanwhile")
			c.set(-step)
			c.write("/after")
			c.pass(40 * time.Second)
			c.want(true, "before its time", "/before", "/meanwhile", "/after")
			c.pass(10 * time.Second)
			c.want(false, "after its time", "/before")
			c.pass(20 * time.Second)
			c.want(false, "after its time", "/after")
			c.want(step > 0, "after its time", "/meanwhile") // a stamp of the future is not old yet
			if n := strings.Count(c.log.String(), "the wall clock was set"); n != 2 {
				t.Errorf("%d warnings of two steps", n)
			}
			if want := "step=" + step.String(); !strings.Contains(c.log.String(), want) {
				t.Errorf("no warning says %s:\n%s", want, c.log)
			}
		})
	}
}

// A clock that is set once and stays: what was written before lives its time too, and so does what is written after.
func TestAClockThatIsSetForGood(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		c := newClockWorld(t)
		c.write("/before")
		c.pass(10 * time.Second)
		c.set(step)
		c.write("/after")
		c.pass(45 * time.Second)
		c.want(true, "before its time", "/before", "/after")
		c.pass(20 * time.Second)
		c.want(false, "after its time", "/after")
		c.want(step < 0, "after its time", "/before") // ahead of a clock that was set back by an hour
		if c.pass(time.Hour); c.there("/before") {
			t.Error("the node never ends")
		}
	}
}

// Clocks that run as they should, a slow correction and a pause of the process are no step.
func TestNoStepOfTheClock(t *testing.T) {
	c := newClockWorld(t)
	for range 100 {
		c.pass(time.Second)
		c.set(100 * time.Millisecond)
	}
	c.clock.advance(time.Hour)
	c.pass(time.Second)
	if strings.Contains(c.log.String(), "the wall clock was set") {
		t.Errorf("a step was seen:\n%s", c.log)
	}
}

// A new leader whose clock is behind what is written says so, with how far.
func TestALeaderBehindTheHistorySaysSo(t *testing.T) {
	c := newClockWorld(t)
	c.write("/a")
	change := func(leads bool) {
		role := zab.Following
		if leads {
			role = zab.Leading
		}
		c.nodes[0].SoftStateChanged(zab.SoftState{Role: role, Leader: 1, Epoch: zxid.NewEpoch(0, 1), Active: leads, Confirmed: leads})
	}
	change(false)
	change(true)
	if strings.Contains(c.log.String(), "is behind the newest entry") {
		t.Errorf("the clocks agree:\n%s", c.log)
	}
	change(false)
	c.set(-time.Hour)
	change(true)
	if !strings.Contains(c.log.String(), "is behind the newest entry") || !strings.Contains(c.log.String(), "behind=1h0m0s") {
		t.Errorf("no warning:\n%s", c.log)
	}
}
