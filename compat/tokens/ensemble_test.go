package tokens

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/lock"
	"github.com/paddock-zk/paddock/fencing/paseto"
	"github.com/paddock-zk/paddock/znode"
)

// grants are what several holders of one lock were granted.
type grants struct {
	mu       sync.Mutex
	verifier *paseto.Verifier
	seen     map[int64]bool
	ended    int64 // the highest fence of a grant that its holder gave back
}

// granted judges a new grant: signed, never given before, above all that had ended when it was asked for.
func (a *grants) granted(t *testing.T, g *lock.Grant, endedBefore int64) {
	t.Helper()
	token, err := a.verifier.Verify(g.Signed())
	if err != nil || token.Fence != g.Token().Fence {
		t.Errorf("granted %v, signed %v, %v", g.Token(), token, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen[token.Fence] {
		t.Errorf("%s %v was granted twice", zktest.PromiseBroken, token.Order())
	}
	if a.seen[token.Fence] = true; token.Fence <= endedBefore {
		t.Errorf("%s %v is not after %#x", zktest.PromiseBroken, token.Order(), endedBefore)
	}
}

func (a *grants) count() int { a.mu.Lock(); defer a.mu.Unlock(); return len(a.seen) }

func (a *grants) last() int64 { a.mu.Lock(); defer a.mu.Unlock(); return a.ended }

// hold takes the lock and gives it back, again and again.
func (a *grants) hold(ctx context.Context, t *testing.T, s *lock.Session) {
	for ctx.Err() == nil {
		before := a.last()
		g, err := s.NewLock("/locks/job").Lock(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		a.granted(t, g, before)
		if !g.Held() {
			_ = g.Unlock(ctx)
			continue
		}
		if err := g.Unlock(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		} else if err == nil {
			a.mu.Lock()
			a.ended = max(a.ended, g.Token().Fence)
			a.mu.Unlock()
		}
	}
}

// Three servers; the leader is killed, comes back, and the next one is killed: grants go on, unique and rising, and every server shows the same keys.
func TestTokensOfAnEnsemble(t *testing.T) {
	ensemble := zktest.StartEnsemble(t, zktest.Paddock, 3, zktest.Config{})
	keys := keySetOf(t, dial(t, 10*time.Second, ensemble.Addrs()...))
	verifier, err := paseto.NewVerifier(paseto.Config{Cluster: keys.Cluster, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	all := &grants{verifier: verifier, seen: map[int64]bool{}}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for range 4 {
		s, err := lock.Connect(ctx, lock.Config{Servers: ensemble.Addrs(), Timeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		wg.Go(func() { all.hold(ctx, t, s) })
	}
	for round := range 3 {
		enough := all.count() + 50
		zktest.Eventually(t, zktest.Patience, "fifty grants more", func() bool { return all.count() >= enough })
		var leader zktest.Server
		zktest.Eventually(t, zktest.Patience, "a leader", func() bool { leader = ensemble.Leader(); return leader != nil })
		if err := leader.Kill(); err != nil {
			t.Fatal(err)
		}
		enough = all.count() + 20
		zktest.Eventually(t, zktest.Patience, "grants by the two that are left", func() bool { return all.count() >= enough })
		if err := leader.Start(); err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: %d grants", round, all.count())
	}
	stop()
	wg.Wait()
	for _, addr := range ensemble.Addrs() {
		conn := dial(t, 10*time.Second, addr)
		if _, err := conn.Create(TokenPrefix, nil, 0, zk.WorldACL(zk.PermAll)); !errors.Is(err, zk.ErrNoAuth) {
			t.Errorf("%s lets a client make %s: %v", addr, TokenPrefix, err)
		}
		if k := keySetOf(t, conn); k.Serial != keys.Serial || len(k.Keys) != 1 || k.Keys[0].ID != keys.Keys[0].ID {
			t.Errorf("%s shows %+v, before %+v", addr, k, keys)
		}
	}
}

// holder is a session on one server, spoken by hand: it does not reconnect, and sends what it is told when it is told.
type holder struct {
	*client.Conn
	xid int32
}

func newHolder(t *testing.T, addr string) *holder {
	t.Helper()
	c, err := client.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Handshake(client.Hello{Timeout: 4000, Password: make([]byte, 16)}, zktest.Patience); err != nil {
		t.Fatal(err)
	}
	return &holder{Conn: c}
}

func (h *holder) create(t *testing.T, path string) {
	t.Helper()
	h.xid++
	q := wire.CreateRequest{Path: path, ACL: openToAll(), Flags: int32(znode.ModeEphemeral)}
	r, err := h.Call(h.xid, int32(wire.OpCreate), q.Append, zktest.Patience)
	if err != nil || r.Err != 0 {
		t.Fatal(path, r.Err, err)
	}
}

// send asks for the token of a node and does not wait.
func (h *holder) send(t *testing.T, node string) {
	t.Helper()
	h.xid++
	q := wire.GetDataRequest{Path: TokenPrefix + node}
	h.Stage(h.xid, int32(wire.OpGetData), q.Append)
	if err := h.Flush(); err != nil {
		t.Fatal(err)
	}
}

// sendMulti asks for it inside a multiRead.
func (h *holder) sendMulti(t *testing.T, node string) {
	t.Helper()
	h.xid++
	h.Stage(h.xid, int32(wire.OpMultiRead), func(b []byte) []byte {
		return wire.AppendMultiRead(b, []wire.ReadOp{{Op: wire.OpGetChildren, Path: "/"}, {Op: wire.OpGetData, Path: TokenPrefix + node}})
	})
	if err := h.Flush(); err != nil {
		t.Fatal(err)
	}
}

// told is whether the token came, within a time.
func (h *holder) told(t *testing.T, within time.Duration) bool {
	t.Helper()
	if err := h.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	for {
		r, err := h.Read()
		if err != nil {
			t.Logf("no answer: %v", err)
			return false
		}
		if r.Xid == h.xid {
			t.Logf("answer %d", r.Err)
			return r.Err == 0
		}
	}
}

func leaderOf(t *testing.T, ensemble *zktest.Ensemble) (leader zktest.Server) {
	t.Helper()
	zktest.Eventually(t, zktest.Patience, "a leader and its followers", func() bool {
		leader = ensemble.Leader()
		return leader != nil && len(ensemble.Followers()) == len(ensemble.Servers)-1
	})
	return leader
}

// A leader whose followers are silent cannot know that it still leads: it issues nothing until they are back.
func TestLeaderWithoutQuorumIssuesNothing(t *testing.T) {
	ensemble := zktest.StartEnsemble(t, zktest.Paddock, 3, zktest.Config{})
	leader := leaderOf(t, ensemble)
	h := newHolder(t, leader.Addr())
	h.create(t, "/job")
	if h.send(t, "/job"); !h.told(t, zktest.Patience) {
		t.Fatal("no token from a healthy ensemble")
	}
	if h.sendMulti(t, "/job"); !h.told(t, zktest.Patience) {
		t.Fatal("no token in a multiRead from a healthy ensemble")
	}
	several := newHolder(t, leader.Addr())
	several.create(t, "/several")
	var silent []zktest.Server
	for _, s := range ensemble.Servers {
		if s != leader {
			silent = append(silent, s)
			if err := s.Pause(); err != nil {
				t.Fatal(err)
			}
		}
	}
	several.sendMulti(t, "/several")
	if h.send(t, "/job"); h.told(t, 2*time.Second) {
		t.Error("a leader alone issued a token")
	}
	if several.told(t, 500*time.Millisecond) {
		t.Error("a leader alone issued a token in a multiRead")
	}
	for _, s := range silent {
		if err := s.Continue(); err != nil {
			t.Error(err)
		}
	}
	c := dial(t, 10*time.Second, ensemble.Addrs()...)
	mustHave(t, c, made(t, c, "/after", zk.FlagEphemeral))
}

// The leader is stopped while its client holds the lock; the others elect another, end the session, and grant the lock anew. The question that waited in
// the old leader's socket all the time must not be answered with a token when it wakes up.
func TestPausedLeaderIssuesNothing(t *testing.T) {
	ensemble := zktest.StartEnsemble(t, zktest.Paddock, 3, zktest.Config{})
	old := leaderOf(t, ensemble)
	h := newHolder(t, old.Addr())
	h.create(t, "/job")
	if h.send(t, "/job"); !h.told(t, zktest.Patience) {
		t.Fatal("no token from a healthy ensemble")
	}
	if err := old.Pause(); err != nil {
		t.Fatal(err)
	}
	h.send(t, "/job")
	others := slices.DeleteFunc(ensemble.Addrs(), func(a string) bool { return a == old.Addr() })
	c := dial(t, 10*time.Second, others...)
	zktest.Eventually(t, zktest.Patience, "the lock is free", func() bool {
		_, err := c.Create("/job", nil, zk.FlagEphemeral, zk.WorldACL(zk.PermAll))
		return err == nil
	})
	next := mustHave(t, c, "/job")
	if err := old.Continue(); err != nil {
		t.Fatal(err)
	}
	if h.told(t, 5*time.Second) {
		t.Errorf("the old leader issued a token after %v", next)
	}
	zktest.Eventually(t, zktest.Patience, "the old leader serves again", func() bool { return zktest.Mode(old.Addr()) == "follower" })
	late := dial(t, 10*time.Second, old.Addr())
	if _, _, err := late.Get(TokenPrefix + "/job"); !errors.Is(err, zk.ErrNoAuth) {
		t.Errorf("another session at the old leader: %v", err)
	}
	if again := mustHave(t, c, "/job"); again != next || again.Mode != fencing.Exclusive {
		t.Errorf("%v after %v", again, next)
	}
}
