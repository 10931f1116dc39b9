package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/paseto"
)

// proven fails the test unless the grant's token is signed where the server can sign, verifies under the keys that the server shows, and says what
// the grant says. Every story goes through it with every grant.
func proven(t testing.TB, g *Grant) {
	t.Helper()
	if !g.s.known().signs {
		if g.Signed() != "" {
			t.Errorf("a stock ZooKeeper signed %q", g.Signed())
		}
		return
	}
	got, err := verifierOf(t, g.s.conn).Verify(g.Signed())
	if err != nil {
		t.Errorf("the signed token of %s: %v", g.Path(), err)
		return
	}
	want := g.Token()
	if got.Cluster != want.Cluster || got.Incarnation != want.Incarnation || got.Scope != want.Scope || got.Mode != want.Mode || got.Fence != want.Fence || got.Sub != want.Sub {
		t.Errorf("signed is %+v, granted is %+v", got, want)
	}
	if got.Audit.Node != base(g.Path()) || got.Audit.Session != g.life.id {
		t.Errorf("signed for node %q of session %#x, granted is %s", got.Audit.Node, got.Audit.Session, g.Path())
	}
}

// verifierOf believes the keys that a server shows.
func verifierOf(t testing.TB, conn *zk.Conn) *paseto.Verifier {
	t.Helper()
	doc, _, err := conn.Get("/zookeeper/keys")
	if err != nil {
		t.Fatal(err)
	}
	var keys paseto.KeySet
	if err := json.Unmarshal(doc, &keys); err != nil {
		t.Fatal(err)
	}
	v, err := paseto.NewVerifier(paseto.Config{Cluster: keys.Cluster, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestGrantThatTheServerDenies: the client believes that it holds, the server says that it does not (its queue saw a node that the client's naming does
// not): no grant with an unsigned token comes of it.
func TestGrantThatTheServerDenies(t *testing.T) {
	r := rig{t, zktest.StartPaddock(t, zktest.Config{}).Addr(), fencing.Lineage{}}
	c := r.client(t)
	ctx := ctxFor(t)
	g, err := c.NewLock("/denied").Lock(ctx)
	g = take(t, g, err)
	waiter, err := c.conn.Create("/denied/_c_00000000-0000-0000-0000-000000000000-lock-", nil, zk.FlagEphemeral|zk.FlagSequence, zk.WorldACL(zk.PermAll))
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{waiter, "/denied/never-there-0000000007"} {
		claimed := &Grant{s: c.Session, life: g.life, node: node, lost: make(chan struct{}), released: make(chan struct{})}
		if err := claimed.fetchSigned(ctx); !errors.Is(err, errVanished) || claimed.signed != "" {
			t.Errorf("%s does not hold, and the client was told %v and has %q", node, err, claimed.signed)
		}
	}
	if err := g.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	zktest.Eventually(t, zktest.Patience, "the waiter holds", func() bool {
		_, _, err := c.conn.Get("/zookeeper/token" + waiter)
		return err == nil
	})
}

// TestRestoreBehindALivingSession: the ensemble is restored from a backup while a program keeps its Session. Its next token says so (H7, H11).
func TestRestoreBehindALivingSession(t *testing.T) {
	before := zktest.StartPaddock(t, zktest.Config{Admin: true})
	c := rig{t: t, addr: before.Addr()}.client(t)
	ctx := ctxFor(t)
	g, err := c.NewLock("/restored").Lock(ctx)
	old := take(t, g, err)
	if err := old.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	image, data := filepath.Join(dir, "backup.img"), filepath.Join(dir, "data")
	paddock(t, "snapshot", "save", "--admin", before.AdminAddr(), image)
	if err := before.Stop(); err != nil {
		t.Fatal(err)
	}
	paddock(t, "snapshot", "restore", "--data-dir", data, "--last-zxid", fmt.Sprintf("%#x", old.Token().Fence+1000), image)
	after := zktest.StartPaddock(t, zktest.Config{Dir: dir, Extra: []string{"dataDir=" + data}})
	c.p.moveTo(after.Addr())
	g, err = c.NewLock("/restored").Lock(ctx)
	g = take(t, g, err) // what is signed says what the token says
	if now := g.Token(); now.Incarnation == old.Token().Incarnation || now.Cluster != old.Token().Cluster || now.Fence <= old.Token().Fence || now.Incarnation != c.Lineage().Incarnation {
		t.Fatalf("before %+v, after %+v", old.Token(), now)
	}
}

func paddock(t testing.TB, args ...string) {
	t.Helper()
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput(); err != nil {
		t.Fatalf("paddock %v: %v\n%s", args, err, out)
	}
}
