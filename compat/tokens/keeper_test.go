package tokens

import (
	"encoding/json"
	"testing"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

const (
	alice session.ID = 0xa11ce
	bob   session.ID = 0xb0b
	seq              = znode.ModeEphemeralSequential
)

func newLocks(t testing.TB) *world {
	w := newWorld(t)
	w.found(7)
	w.session(alice)
	w.session(bob)
	w.create(alice, "/l", znode.ModePersistent)
	return w
}

func TestOnlyTheHolderIsToldItsToken(t *testing.T) {
	w := newLocks(t)
	first, second := w.create(alice, "/l/lock-", seq), w.create(bob, "/l/lock-", seq)
	held := w.token(alice, first)
	if scope, _ := fencing.ScopeOf(fencing.ID{1}, "/l"); held.Scope != scope || held.Mode != fencing.Exclusive {
		t.Errorf("%+v", held)
	}
	w.denied(bob, first, znode.ErrNoAuth)    // another's
	w.denied(0, first, znode.ErrNoAuth)      // nobody's
	w.denied(bob, second, znode.ErrNoAuth)   // not yet
	w.denied(alice, second, znode.ErrNoAuth) // another's, and not yet
	w.denied(alice, "/l/lock-0000000009", znode.ErrNoNode)
	w.denied(alice, "/l", znode.ErrNoAuth) // persistent: nobody owns it
	if again := w.token(alice, first); again != held {
		t.Errorf("one grant, two tokens: %v %v", held, again)
	}
	w.delete(alice, first)
	w.denied(alice, first, znode.ErrNoNode)
	if next := w.token(bob, second); next.Compare(held) <= 0 {
		t.Errorf("%v is not after %v", next, held)
	}
	w.must(&znode.Txn{Session: bob, Op: znode.Op{Kind: znode.KindCloseSession}})
	w.denied(bob, second, znode.ErrNoNode)
}

func TestReadersWritersSlotsAndSingleNodes(t *testing.T) {
	w := newLocks(t)
	r1, r2 := w.create(alice, "/l/_c_12345678-1234-1234-1234-123456789ab0-__READ__", seq), w.create(bob, "/l/_c_12345678-1234-1234-1234-123456789ab1-__READ__", seq)
	writer, r3 := w.create(bob, "/l/_c_12345678-1234-1234-1234-123456789ab2-__WRIT__", seq), w.create(alice, "/l/_c_12345678-1234-1234-1234-123456789ab3-__READ__", seq)
	if a, b := w.token(alice, r1), w.token(bob, r2); a.Mode != fencing.Shared || b.Mode != fencing.Shared {
		t.Errorf("readers have %v and %v", a, b)
	}
	w.denied(bob, writer, znode.ErrNoAuth)
	w.denied(alice, r3, znode.ErrNoAuth) // readers do not pass a writer that waits
	w.delete(alice, r1)
	w.delete(bob, r2)
	if x := w.token(bob, writer); x.Mode != fencing.Exclusive {
		t.Errorf("the writer has %v", x)
	}
	for _, dir := range []string{"/s", "/s/slots", "/s/fence", "/s/fence/slot-0"} {
		w.create(alice, dir, znode.ModePersistent)
	}
	w.create(alice, "/s/slots/slot-0", znode.ModeEphemeral)
	w.denied(alice, "/s/slots/slot-0", znode.ErrNoAuth) // created without the fence node
	w.delete(alice, "/s/slots/slot-0")
	w.must(&znode.Txn{Session: alice, Op: znode.Op{Kind: znode.KindMulti}, Ops: []znode.Op{
		creating("/s/slots/slot-0", znode.ModeEphemeral), {Kind: znode.KindSetData, Path: "/s/fence/slot-0", Version: -1}}})
	if slot := w.token(alice, "/s/slots/slot-0"); slot.Fence != int64(w.z) {
		t.Errorf("%+v at %v", slot, w.z)
	}
	w.denied(bob, "/s/slots/slot-0", znode.ErrNoAuth)
	w.must(&znode.Txn{Session: bob, Op: znode.Op{Kind: znode.KindSetData, Path: "/s/fence/slot-0", Version: -1}})
	w.denied(alice, "/s/slots/slot-0", znode.ErrNoAuth) // somebody has written the fence node later: its zxid is no longer the grant's
	w.create(bob, "/leader", znode.ModeEphemeral)
	if leader := w.token(bob, "/leader"); leader.Fence != int64(w.z) {
		t.Errorf("%+v at %v", leader, w.z)
	}
	w.denied(bob, w.create(bob, "/l/job-", seq), znode.ErrNoNode) // no recipe that is known
	w.denied(bob, w.create(bob, "/lock-", seq), znode.ErrNoNode)  // the root is no lock
}

// Who holds a lock does not depend on who may list it: behind a parent that nobody may read a node waits for those before it all the same.
func TestHiddenSiblingsCount(t *testing.T) {
	w := newLocks(t)
	hidden := []znode.ACL{{Perms: znode.PermCreate | znode.PermDelete, Scheme: "world", ID: "anyone"}}
	w.must(&znode.Txn{Op: znode.Op{Kind: znode.KindSetACL, Path: "/l", ACL: hidden, Version: -1}})
	first, second := w.create(alice, "/l/lock-", seq), w.create(bob, "/l/lock-", seq)
	w.denied(bob, second, znode.ErrNoAuth)
	w.token(alice, first)
	w.delete(alice, first)
	w.token(bob, second)
}

// Two lock nodes of one multi have one czxid: neither gets a token while both are there, whoever owns the one before (H4).
func TestTwoLockNodesOfOneMulti(t *testing.T) {
	w := newLocks(t)
	r := w.must(&znode.Txn{Session: alice, Op: znode.Op{Kind: znode.KindMulti}, Ops: []znode.Op{creating("/l/lock-", seq), creating("/l/lock-", seq)}})
	one, two := r.Ops[0].Path, r.Ops[1].Path
	w.denied(alice, one, znode.ErrNoAuth)
	w.denied(alice, two, znode.ErrNoAuth)
	w.delete(alice, one)
	w.token(alice, two) // the only one of its zxid that ever had a token
}

// A parent that is deleted and made anew counts its children from 0 again; containers do so by themselves (H5).
func TestParentIsMadeAnew(t *testing.T) {
	w := newLocks(t)
	var last fencing.Token
	for range 3 {
		w.create(alice, "/c", znode.ModeContainer)
		node := w.create(alice, "/c/lock-", seq)
		if node != "/c/lock-0000000000" {
			t.Fatalf("%s: the parent is not new, so this shows nothing", node)
		}
		token := w.token(alice, node)
		if token.Fence <= last.Fence {
			t.Errorf("%v is not after %v", token, last)
		}
		last = token
		w.delete(alice, node)
		w.must(&znode.Txn{Op: znode.Op{Kind: znode.KindDeleteContainer, Path: "/c"}})
		w.denied(alice, node, znode.ErrNoNode)
	}
}

func TestVirtualNodes(t *testing.T) {
	w := newLocks(t)
	for path, want := range map[string][2]bool{
		LineagePath: {true, false}, KeysPath: {true, false}, "/zookeeper/token/l/lock-0": {true, true},
		"/zookeeper/token": {}, "/zookeeper/tokens/l": {}, "/zookeeper/keys/x": {}, "/zookeeper/config": {}, "/zookeeper/quota": {}, "/l": {},
	} {
		if virtual, confirm := w.keep.Has(path); virtual != want[0] || confirm != want[1] {
			t.Errorf("%s: %v %v", path, virtual, confirm)
		}
	}
	b, _, code := w.keep.Read(w.st, 0, nil, LineagePath)
	var l fencing.Lineage
	if code != znode.OK || json.Unmarshal(b, &l) != nil || l != w.keep.lineage() {
		t.Errorf("%v %s", code, b)
	}
	for _, odd := range []string{"", "/", "//", "/l//x", "x", "/l/", "/zookeeper/keys", "/zookeeper/token/l"} {
		if text, _, code := w.ask(alice, odd); code == znode.OK || text != "" {
			t.Errorf("%q has the token %q", odd, text)
		}
	}
}

// BenchmarkToken is what a getData of a token costs the server: alone, and with a hundred that wait.
func BenchmarkToken(b *testing.B) {
	w := newLocks(b)
	node := w.create(alice, "/l/lock-", seq)
	b.Run("alone", func(b *testing.B) { benchAsk(b, w, node) })
	for range 100 {
		w.create(bob, "/l/lock-", seq)
	}
	b.Run("hundred-wait", func(b *testing.B) { benchAsk(b, w, node) })
}

func benchAsk(b *testing.B, w *world, node string) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, code := w.ask(alice, node); code != znode.OK {
			b.Fatal(code)
		}
	}
}
