package lock

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
)

func storySlots(t *testing.T, r rig) {
	ctx := ctxFor(t)
	a, b := r.client(t), r.client(t)
	sem, err := a.NewSemaphore("/sem", 2)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := b.NewSemaphore("/sem", 2)
	g0, err := sem.Acquire(ctx)
	take(t, g0, err)
	g1, err := other.Acquire(ctx)
	take(t, g1, err)
	if Slot(g0) == Slot(g1) || g0.Token().Scope == g1.Token().Scope {
		t.Fatalf("both hold slot %s", Slot(g0))
	}
	third := make(chan *Grant, 1)
	go func() {
		if g, err := other.Acquire(ctx); err == nil {
			third <- g
		}
	}()
	zktest.Eventually(t, zktest.Patience, "the third queues", func() bool { return len(children(t, a, "/sem/queue")) == 1 })
	// Curator asks a holder to give back by writing to its node; that does not cost a waiter its place.
	if _, err := a.conn.Set("/sem/queue/"+children(t, a, "/sem/queue")[0], []byte("__REVOKE__"), -1); err != nil {
		t.Fatal(err)
	}
	if err := g0.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	g2 := <-third
	proven(t, g2)
	if Slot(g2) != Slot(g0) || g2.Token().Compare(g0.Token()) <= 0 {
		t.Fatalf("slot %s with %s after slot %s with %s", Slot(g2), g2.Token(), Slot(g0), g0.Token())
	}
	if tok, err := b.TokenOf(ctx, g2.Path()); err != nil || tok != g2.Token() {
		t.Fatalf("the issuing rule gives %v, %v; the grant has %v", tok, err, g2.Token())
	}
	if n := children(t, a, "/sem/queue"); len(n) != 0 {
		t.Fatalf("the queue still has %v", n)
	}
}

func storySlotLostReply(t *testing.T, r rig) {
	ctx := ctxFor(t)
	c := r.client(t)
	sem, _ := c.NewSemaphore("/semlost", 1)
	c.p.loseNextReplyTo(opMulti)
	g, err := sem.Acquire(ctx)
	g = take(t, g, err)
	st, err := c.stat(ctx, "/semlost/fence/slot-0")
	if err != nil || st.Mzxid != g.Token().Fence {
		t.Fatalf("fence node at %v (%v), token %v", st, err, g.Token())
	}
}

// storySlotLateUnlock: the slot's node has the same name for every holder; who unlocks after having lost it must not throw the next holder out.
func storySlotLateUnlock(t *testing.T, r rig) {
	ctx := ctxFor(t)
	late, next := r.brief(t), r.clientFor(t, 20*time.Second)
	mine, _ := late.NewSemaphore("/semlate", 1)
	g, err := mine.Acquire(ctx)
	g = take(t, g, err)
	late.p.blackhole(true)
	theirs, _ := next.NewSemaphore("/semlate", 1)
	g2, err := theirs.Acquire(ctx)
	g2 = take(t, g2, err)
	late.p.blackhole(false)
	if err := g.Unlock(ctx); err != nil {
		t.Fatalf("the unlock of a lost slot: %v", err)
	}
	st, err := next.stat(ctx, g2.Path())
	if err != nil || st.Czxid != g2.Token().Fence || !g2.Held() {
		t.Fatalf("the late unlock removed the slot of the next holder: %v, %v, held %v", st, err, g2.Held())
	}
	if err := g2.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	// Somebody has written the fence node by hand: the slot is still given back.
	g3, err := theirs.Acquire(ctx)
	g3 = take(t, g3, err)
	if _, err := next.conn.Set("/semlate/fence/slot-0", nil, -1); err != nil {
		t.Fatal(err)
	}
	if err := g3.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	if n := children(t, next, "/semlate/slots"); len(n) != 0 {
		t.Fatalf("left behind: %v", n)
	}
}

// storySlotSwapped: while the holder is away for a moment somebody deletes its slot, and another takes it. The node is there again, but it is not ours.
func storySlotSwapped(t *testing.T, r rig) {
	ctx := ctxFor(t)
	away, other := r.clientFor(t, 20*time.Second), r.client(t)
	mine, _ := away.NewSemaphore("/semswap", 1)
	g, err := mine.Acquire(ctx)
	g = take(t, g, err)
	away.p.blackhole(true)
	if err := other.conn.Delete(g.Path(), -1); err != nil {
		t.Fatal(err)
	}
	theirs, _ := other.NewSemaphore("/semswap", 1)
	g2, err := theirs.Acquire(ctx)
	take(t, g2, err)
	away.p.blackhole(false)
	mustLose(t, g)
	if !g2.Held() {
		t.Fatal("the new holder lost its slot")
	}
}

func storyElection(t *testing.T, r rig) {
	ctx := ctxFor(t)
	a, b := r.client(t), r.client(t)
	g, err := a.NewElection("/elect", "a").Campaign(ctx)
	g = take(t, g, err)
	if who, err := b.NewElection("/elect", "b").Leader(ctx); who != "a" || err != nil {
		t.Fatalf("leader %q, %v", who, err)
	}
	next := make(chan *Grant, 1)
	go func() {
		if g, err := b.NewElection("/elect", "b").Campaign(ctx); err == nil {
			next <- g
		}
	}()
	zktest.Eventually(t, zktest.Patience, "the candidate queues", func() bool { return len(children(t, a, "/elect")) == 2 })
	if err := g.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	proven(t, <-next)
	if who, err := a.NewElection("/elect", "a").Leader(ctx); who != "b" || err != nil {
		t.Fatalf("leader %q, %v", who, err)
	}
}

func storyReconnect(t *testing.T, r rig) {
	ctx := ctxFor(t)
	c := r.clientFor(t, 10*time.Second)
	g, err := c.NewLock("/reconnect").Lock(ctx)
	g = take(t, g, err)
	for range 3 {
		c.p.cut()
		if _, err := c.attached(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := c.stat(ctx, g.Path()); err != nil || st.Czxid != g.Token().Fence {
		t.Fatalf("the node after reconnects: %v, %v", st, err)
	}
	if !g.Held() {
		t.Fatal("the lock was lost by a reconnect within the session")
	}
}

func storyLostBeforeExpiry(t *testing.T, r rig) {
	ctx := ctxFor(t)
	c, witness := r.client(t), r.client(t)
	g, err := c.NewLock("/expiry").Lock(ctx)
	g = take(t, g, err)
	next := make(chan *Grant, 1)
	go func() {
		if g, err := witness.NewLock("/expiry").Lock(ctx); err == nil {
			next <- g
		}
	}()
	c.p.blackhole(true)
	mustLose(t, g)
	if ok, _, err := witness.conn.Exists(g.Path()); err != nil || !ok {
		t.Fatalf("Lost was closed after the server had expired the session (exists %v, %v)", ok, err)
	}
	g2 := <-next
	proven(t, g2)
	if g2.Token().Compare(g.Token()) <= 0 {
		t.Fatalf("token %s after %s", g2.Token(), g.Token())
	}
	c.p.blackhole(false)
	if g.Held() {
		t.Fatal("a lost grant came back")
	}
	// The same Session, under its next server session, queues again.
	if err := g2.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	g3, err := c.NewLock("/expiry").Lock(ctx)
	if g3 = take(t, g3, err); g3.Token().Compare(g2.Token()) <= 0 {
		t.Fatalf("token %s after %s", g3.Token(), g2.Token())
	}
}

func storyExpiredWaiter(t *testing.T, r rig) {
	ctx := ctxFor(t)
	holder, waiter := r.client(t), r.brief(t)
	g, err := holder.NewLock("/expwait").Lock(ctx)
	g = take(t, g, err)
	got := make(chan *Grant, 1)
	go func() {
		if g, err := waiter.NewLock("/expwait").Lock(ctx); err == nil {
			got <- g
		}
	}()
	zktest.Eventually(t, zktest.Patience, "the waiter queues", func() bool { return len(children(t, holder, "/expwait")) == 2 })
	old, _ := waiter.attached(ctx)
	waiter.p.blackhole(true)
	zktest.Eventually(t, zktest.Patience, "the waiter's session expires", func() bool { return len(children(t, holder, "/expwait")) == 1 })
	waiter.p.blackhole(false)
	zktest.Eventually(t, zktest.Patience, "the waiter queues again", func() bool { return len(children(t, holder, "/expwait")) == 2 })
	if err := g.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	g2 := <-got
	proven(t, g2)
	st, err := holder.stat(ctx, g2.Path())
	if err != nil || st.EphemeralOwner == old.id || st.EphemeralOwner != g2.Token().Audit.Session || st.Czxid != g2.Token().Fence {
		t.Fatalf("granted %v; node %v, %v; the old session was %#x", g2.Token(), st, err, old.id)
	}
}

// storyClose: a session that is closed ends its waiters with ErrClosed, and its grants are lost.
func storyClose(t *testing.T, r rig) {
	ctx := ctxFor(t)
	a, b := r.client(t), r.client(t)
	g, err := a.NewLock("/close").Lock(ctx)
	g = take(t, g, err)
	waits := make(chan error, 2)
	go func() { _, err := b.NewLock("/close").Lock(ctx); waits <- err }()
	zktest.Eventually(t, zktest.Patience, "the waiter queues", func() bool { return len(children(t, a, "/close")) == 2 })
	b.Session.Close()
	if err := <-waits; !errors.Is(err, ErrClosed) {
		t.Fatalf("a waiter of a closed session: %v", err)
	}
	if _, err := b.NewLock("/close").Lock(ctx); !errors.Is(err, ErrClosed) {
		t.Fatalf("a lock of a closed session: %v", err)
	}
	a.Session.Close()
	mustLose(t, g)
	if err := g.Unlock(ctx); !errors.Is(err, ErrClosed) {
		t.Fatalf("unlock in a closed session: %v", err)
	}
}

func storyDeletedNode(t *testing.T, r rig) {
	ctx := ctxFor(t)
	c, admin := r.client(t), r.client(t)
	g, err := c.NewLock("/deleted").Lock(ctx)
	g = take(t, g, err)
	if _, err := admin.conn.Set(g.Path(), []byte("__REVOKE__"), -1); err != nil {
		t.Fatal(err)
	}
	if err := admin.conn.Delete(g.Path(), -1); err != nil {
		t.Fatal(err)
	}
	mustLose(t, g)
}

func storyDeletedWaiter(t *testing.T, r rig) {
	ctx := ctxFor(t)
	a, b := r.client(t), r.client(t)
	g, err := a.NewLock("/delwait").Lock(ctx)
	g = take(t, g, err)
	got := make(chan *Grant, 1)
	go func() {
		if g, err := b.NewLock("/delwait").Lock(ctx); err == nil {
			got <- g
		}
	}()
	var victim string
	zktest.Eventually(t, zktest.Patience, "the waiter queues", func() bool {
		for _, n := range children(t, a, "/delwait") {
			if "/delwait/"+n != g.Path() {
				victim = "/delwait/" + n
			}
		}
		return victim != ""
	})
	if err := errors.Join(a.conn.Delete(victim, -1), g.Unlock(ctx)); err != nil {
		t.Fatal(err)
	}
	if g2 := <-got; g2.Path() == victim || g2.Token().Compare(g.Token()) <= 0 {
		t.Fatalf("granted %s", g2.Path())
	}
}

func storyParentReborn(t *testing.T, r rig) {
	ctx := ctxFor(t)
	c := r.client(t)
	var last *Grant
	for i := range 3 {
		g, err := c.NewLock("/reborn").Lock(ctx)
		g = take(t, g, err)
		if last != nil && g.Token().Compare(last.Token()) <= 0 {
			t.Fatalf("round %d: %s after %s", i, g.Token(), last.Token())
		}
		if n := fencing.ParseNodeName(base(g.Path())); n.Seq != 0 {
			t.Fatalf("the sequence goes on at %d: the parent was not created anew, so this shows nothing", n.Seq)
		}
		last = g
		if err := errors.Join(g.Unlock(ctx), c.conn.Delete("/reborn", -1)); err != nil {
			t.Fatal(err)
		}
	}
}

func storyTokenOf(t *testing.T, r rig) {
	ctx := ctxFor(t)
	a, b := r.client(t), r.client(t)
	lockA, lockB := zk.NewLock(a.conn, "/foreign", zk.WorldACL(zk.PermAll)), make(chan error, 1)
	if err := lockA.Lock(); err != nil {
		t.Fatal(err)
	}
	go func() { lockB <- zk.NewLock(b.conn, "/foreign", zk.WorldACL(zk.PermAll)).Lock() }()
	var held, waits string
	zktest.Eventually(t, zktest.Patience, "both queue", func() bool {
		for _, n := range children(t, a, "/foreign") {
			if fencing.ParseNodeName(n).Seq == 0 {
				held = "/foreign/" + n
			} else {
				waits = "/foreign/" + n
			}
		}
		return waits != ""
	})
	tok, err := a.TokenOf(ctx, held)
	if st, _ := a.stat(ctx, held); err != nil || tok.Fence != st.Czxid {
		t.Fatalf("the holder: %v, %v", tok, err)
	}
	if _, err := b.TokenOf(ctx, held); !errors.Is(err, ErrNotOwner) {
		t.Fatalf("another session's node: %v", err)
	}
	if _, err := b.TokenOf(ctx, waits); !errors.Is(err, fencing.ErrNotHolder) {
		t.Fatalf("a waiter: %v", err)
	}
	if err := lockA.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-lockB; err != nil {
		t.Fatal(err)
	}
	// Two nodes of one multi share their czxid.
	if _, err := a.conn.Create("/multi", nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
		t.Fatal(err)
	}
	create := &zk.CreateRequest{Path: "/multi/lock-", Acl: zk.WorldACL(zk.PermAll), Flags: zk.FlagEphemeral | zk.FlagSequence}
	res, err := a.conn.Multi(create, create)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.TokenOf(ctx, res[0].String); !errors.Is(err, fencing.ErrAmbiguousGrant) {
		t.Fatalf("a node of a multi: %v", err)
	}
}

func storyForeign(t *testing.T, r rig) {
	ctx := ctxFor(t)
	a, b := r.client(t), r.client(t)
	foreign := zk.NewLock(a.conn, "/mixed", zk.WorldACL(zk.PermAll))
	if err := foreign.Lock(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.NewLock("/mixed").TryLock(ctx); !errors.Is(err, ErrNotAcquired) {
		t.Fatalf("beside go-zookeeper's lock: %v", err)
	}
	got := make(chan *Grant, 1)
	go func() {
		if g, err := b.NewLock("/mixed").Lock(ctx); err == nil {
			got <- g
		}
	}()
	zktest.Eventually(t, zktest.Patience, "both queue", func() bool { return len(children(t, a, "/mixed")) == 2 })
	if err := foreign.Unlock(); err != nil {
		t.Fatal(err)
	}
	if g := <-got; fencing.ParseNodeName(base(g.Path())).Role != fencing.RoleWriter {
		t.Fatalf("granted %s", g.Path())
	}
}

const kazooScript = `
import sys
from kazoo.client import KazooClient
zk = KazooClient(hosts=sys.argv[1]); zk.start(timeout=20)
lock = zk.Lock("/kazoo", "python")
lock.acquire(); print("held", flush=True)
sys.stdin.readline(); lock.release(); print("released", flush=True)
sys.stdin.readline(); print("again", lock.acquire(blocking=False), flush=True)
sys.stdin.readline(); lock.acquire(); print("held", flush=True)
zk.stop()
`

func storyKazoo(t *testing.T, r rig) {
	path, err := zktest.FindKazoo()
	if err != nil {
		zktest.Missing(t, "kazoo", err)
	}
	ctx := ctxFor(t)
	c := r.client(t)
	c.cfg.Naming = Kazoo
	python := exec.CommandContext(ctx, "python3", "-c", kazooScript, r.addr)
	python.Env = append(os.Environ(), "PYTHONPATH="+path)
	in, _ := python.StdinPipe()
	out, _ := python.StdoutPipe()
	if err := python.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = python.Wait() }()
	lines := bufio.NewScanner(out)
	hear := func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("python said %q, want %q", lines.Text(), want)
		}
	}
	say := func() { _, _ = io.WriteString(in, "\n") }
	hear("held")
	if _, err := c.NewLock("/kazoo").TryLock(ctx); !errors.Is(err, ErrNotAcquired) {
		t.Fatalf("beside kazoo: %v", err)
	}
	got := make(chan *Grant, 1)
	go func() {
		if g, err := c.NewLock("/kazoo").Lock(ctx); err == nil {
			got <- g
		}
	}()
	zktest.Eventually(t, zktest.Patience, "both queue", func() bool { return len(children(t, c, "/kazoo")) == 2 })
	say()
	hear("released")
	g := <-got
	say()
	hear("again False")
	say()
	zktest.Eventually(t, zktest.Patience, "python queues", func() bool { return len(children(t, c, "/kazoo")) == 2 })
	if err := g.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	hear("held")
}
