package lock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
)

const (
	opCreate = 1
	opDelete = 2
	opMulti  = 14
)

func testLineage() fencing.Lineage {
	return fencing.Lineage{Cluster: fencing.ID{1}, Incarnation: fencing.ID{2}}
}

// rig is one real server for all stories of a test.
type rig struct {
	t       *testing.T
	addr    string
	lineage fencing.Lineage // told by the operator of a ZooKeeper; zero for Paddock, which tells its own
}

// lineageFor is what the operator must tell for a server of this kind.
func lineageFor(kind zktest.Kind) fencing.Lineage {
	if kind == zktest.Paddock {
		return fencing.Lineage{}
	}
	return testLineage()
}

// client is a session behind its own proxy.
type client struct {
	*Session
	p *proxy
}

// client has a session that a busy machine does not end; brief has one whose end the test waits for.
func (r rig) client(t *testing.T) client { return r.clientFor(t, 10*time.Second) }
func (r rig) brief(t *testing.T) client  { return r.clientFor(t, 4*time.Second) }

func (r rig) clientFor(t *testing.T, timeout time.Duration) client {
	t.Helper()
	p := newProxy(t, r.addr)
	ctx, cancel := context.WithTimeout(t.Context(), zktest.Patience)
	defer cancel()
	s, err := Connect(ctx, Config{Servers: []string{p.addr()}, Timeout: timeout, Lineage: r.lineage})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return client{s, p}
}

func ctxFor(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), zktest.Patience)
	t.Cleanup(cancel)
	return ctx
}

func take(t *testing.T, g *Grant, err error) *Grant {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	proven(t, g)
	return g
}

func children(t *testing.T, c client, path string) []string {
	t.Helper()
	names, _, err := c.conn.Children(path)
	if err != nil && !errors.Is(err, zk.ErrNoNode) {
		t.Fatal(err)
	}
	return names
}

func mustLose(t *testing.T, g *Grant) {
	t.Helper()
	select {
	case <-g.Lost():
	case <-time.After(zktest.Patience):
		t.Fatal("Lost was not closed")
	}
	if g.Held() {
		t.Fatal("Held after Lost")
	}
	if _, err := g.Presented(); !errors.Is(err, ErrLost) {
		t.Fatalf("Presented after Lost: %v", err)
	}
}

// TestStories holds the recipes to their contract, against the real ZooKeeper and against Paddock.
func TestStories(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		zktest.Require(t, string(kind))
		play(t, rig{t, zktest.Start(t, kind, zktest.Config{}).Addr(), lineageFor(kind)})
	})
}

func play(t *testing.T, r rig) {
	for _, story := range []struct {
		name string
		run  func(t *testing.T, r rig)
	}{
		{"grants come in order and tokens rise", storyOrder},
		{"a release wakes one waiter only (no herd)", storyNoHerd},
		{"a waiter asks for no token that it will be refused", storyWaitersAskForNothing},
		{"a lost reply leaves one node (H16)", storyLostReply},
		{"a lost reply to the unlock is no matter", storyLostUnlock},
		{"a waiter whose context ends leaves no node", storyCancel},
		{"try", storyTry},
		{"readers share, writers do not", storyReadWrite},
		{"slots", storySlots},
		{"a lost reply to the grant of a slot", storySlotLostReply},
		{"a late unlock leaves the next holder's slot alone", storySlotLateUnlock},
		{"a slot that another took meanwhile is a lost one (H20)", storySlotSwapped},
		{"a closed session", storyClose},
		{"election", storyElection},
		{"reconnecting keeps the lock (CURATOR-653)", storyReconnect},
		{"Lost before the server expires the session (CURATOR-652, H18)", storyLostBeforeExpiry},
		{"a waiter whose session expired queues again and never takes its old node for its own (CURATOR-644, CURATOR-645, CURATOR-696)", storyExpiredWaiter},
		{"a deleted lock node is a lost lock (CURATOR-264)", storyDeletedNode},
		{"a deleted waiter's node does not grant, the waiter queues again (CURATOR-620)", storyDeletedWaiter},
		{"a parent that is created anew does not repeat tokens (H5, B1)", storyParentReborn},
		{"tokens of nodes that others made: own, held and single only (H4, H15, H17)", storyTokenOf},
		{"queues together with go-zookeeper's lock", storyForeign},
		{"queues together with kazoo's lock", storyKazoo},
	} {
		t.Run(story.name, func(t *testing.T) { story.run(t, r) })
	}
}

func storyOrder(t *testing.T, r rig) {
	ctx := ctxFor(t)
	holder := r.client(t)
	g, err := holder.NewLock("/o/lock").Lock(ctx)
	first := take(t, g, err)
	const waiters = 5
	var mu sync.Mutex
	var order []int
	var tokens []fencing.Token
	var wg sync.WaitGroup
	for i := range waiters {
		c := r.client(t)
		wg.Go(func() {
			g, err := c.NewLock("/o/lock").Lock(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			proven(t, g)
			order, tokens = append(order, i), append(tokens, g.Token())
			mu.Unlock()
			if err := g.Unlock(ctx); err != nil {
				t.Error(err)
			}
		})
		// The next one queues behind this one.
		zktest.Eventually(t, zktest.Patience, "the waiter queues", func() bool { return len(children(t, holder, "/o/lock")) == i+2 })
	}
	if err := first.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	last := first.Token()
	for i := range order {
		if order[i] != i || last.Compare(tokens[i]) >= 0 {
			t.Fatalf("grants came as %v with %v", order, tokens)
		}
		last = tokens[i]
	}
	select {
	case <-first.Lost():
		t.Fatal("an unlocked grant was called lost")
	default:
	}
}

func storyNoHerd(t *testing.T, r rig) {
	ctx := ctxFor(t)
	holder := r.client(t)
	g, err := holder.NewLock("/herd").Lock(ctx)
	first := take(t, g, err)
	var clients []client
	granted := make(chan int, 4)
	for i := range 4 {
		c := r.client(t)
		clients = append(clients, c)
		go func() {
			if g, err := c.NewLock("/herd").Lock(ctx); err == nil {
				granted <- i
				<-ctx.Done()
				_ = g
			}
		}()
		zktest.Eventually(t, zktest.Patience, "the waiter queues", func() bool { return len(children(t, holder, "/herd")) == i+2 })
	}
	quiet := func() (n []int) {
		for _, c := range clients {
			n = append(n, c.p.count())
		}
		return n
	}
	before, still := quiet(), 0
	zktest.Eventually(t, zktest.Patience, "the waiters have set their watches", func() bool {
		now := quiet()
		if still++; fmt.Sprint(now) != fmt.Sprint(before) {
			still = 0
		}
		before = now
		return still > 15
	})
	if err := first.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-granted; got != 0 {
		t.Fatalf("waiter %d was granted first", got)
	}
	after := quiet()
	for i := 1; i < 4; i++ {
		if after[i] != before[i] {
			t.Fatalf("waiter %d made %d requests when it was not its turn", i, after[i]-before[i])
		}
	}
}

func storyLostReply(t *testing.T, r rig) {
	ctx := ctxFor(t)
	c := r.client(t)
	if err := c.ensure(ctx, "/lostreply"); err != nil {
		t.Fatal(err)
	}
	c.p.loseNextReplyTo(opCreate)
	g, err := c.NewLock("/lostreply").Lock(ctx)
	g = take(t, g, err)
	if n := children(t, c, "/lostreply"); len(n) != 1 || !strings.HasSuffix(g.Path(), n[0]) {
		t.Fatalf("nodes %v, ours is %s", n, g.Path())
	}
}

func storyLostUnlock(t *testing.T, r rig) {
	ctx := ctxFor(t)
	c := r.client(t)
	g, err := c.NewLock("/lostunlock").Lock(ctx)
	g = take(t, g, err)
	c.p.loseNextReplyTo(opDelete)
	if err := g.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	if n := children(t, c, "/lostunlock"); len(n) != 0 {
		t.Fatalf("left behind: %v", n)
	}
}

func storyCancel(t *testing.T, r rig) {
	ctx := ctxFor(t)
	a, b := r.client(t), r.client(t)
	g, err := a.NewLock("/cancel").Lock(ctx)
	take(t, g, err)
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if _, err := b.NewLock("/cancel").Lock(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	zktest.Eventually(t, zktest.Patience, "the waiter's node goes", func() bool { return len(children(t, a, "/cancel")) == 1 })
}

func storyTry(t *testing.T, r rig) {
	ctx := ctxFor(t)
	a, b := r.client(t), r.client(t)
	g, err := a.NewLock("/try").TryLock(ctx)
	g = take(t, g, err)
	if _, err := b.NewLock("/try").TryLock(ctx); !errors.Is(err, ErrNotAcquired) {
		t.Fatalf("got %v", err)
	}
	// Overtaken between its look and its node: what it leaves must not make the next try fail.
	late := b.newRequest("/try", fencing.RoleWriter, false, false, nil)
	if _, err := b.attempt(ctx, late, want{role: fencing.RoleWriter, try: true}); !errors.Is(err, ErrNotAcquired) {
		t.Fatalf("got %v", err)
	}
	if n := children(t, a, "/try"); len(n) != 1 {
		t.Fatalf("a try that failed left its node: %v", n)
	}
	if err := g.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	g, err = b.NewLock("/try").TryLock(ctx)
	take(t, g, err)
}

func storyReadWrite(t *testing.T, r rig) {
	ctx := ctxFor(t)
	a, b := r.client(t), r.client(t)
	r1, err := a.NewRWLock("/rw").ReadLock(ctx)
	take(t, r1, err)
	r2, err := b.NewRWLock("/rw").ReadLock(ctx)
	take(t, r2, err)
	if r1.Token().Mode != fencing.Shared {
		t.Fatalf("a reader's token has mode %s", r1.Token().Mode)
	}
	if _, err := b.NewRWLock("/rw").TryWriteLock(ctx); !errors.Is(err, ErrNotAcquired) {
		t.Fatalf("a writer beside readers: %v", err)
	}
	written := make(chan *Grant, 1)
	go func() {
		if g, err := b.NewRWLock("/rw").WriteLock(ctx); err == nil {
			written <- g
		}
	}()
	zktest.Eventually(t, zktest.Patience, "the writer queues", func() bool { return len(children(t, a, "/rw")) == 3 })
	if _, err := a.NewRWLock("/rw").TryReadLock(ctx); !errors.Is(err, ErrNotAcquired) {
		t.Fatalf("a reader passes a waiting writer: %v", err)
	}
	if err := errors.Join(r1.Unlock(ctx), r2.Unlock(ctx)); err != nil {
		t.Fatal(err)
	}
	if w := <-written; w.Token().Mode != fencing.Exclusive || w.Token().Compare(r2.Token()) <= 0 {
		t.Fatalf("the writer's token %s does not follow the readers'", w.Token())
	}
}
