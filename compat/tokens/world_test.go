package tokens

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/paseto"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// world is a replicated state under the hand of a test, with the virtual nodes on top.
type world struct {
	testing.TB
	st   *znode.State
	keep *Keeper
	z    zxid.ID
	now  time.Time
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, st: znode.NewState(znode.Options{}), z: zxid.New(1, 0), now: time.Unix(1_700_000_000, 0)}
	w.reborn(2)
	return w
}

// reborn is another incarnation of the same ensemble.
func (w *world) reborn(incarnation byte) {
	l := fencing.Lineage{Cluster: fencing.ID{1}, Incarnation: fencing.ID{incarnation}}
	w.keep = NewKeeper(func() fencing.Lineage { return l }, func() time.Time { return w.now }, slog.New(slog.NewTextHandler(w.Output(), nil)))
}

// apply commits a transaction at the next zxid.
func (w *world) apply(t *znode.Txn) (r znode.Result) {
	w.z++
	w.st.Apply(w.z, w.now.UnixMilli(), t, &r)
	return r
}

func (w *world) must(t *znode.Txn) znode.Result {
	w.Helper()
	r := w.apply(t)
	if r.Code != znode.OK {
		w.Fatalf("%+v: %v", t.Op, r.Code)
	}
	return r
}

// found gives the ensemble its first key, the seed of which is n in every byte.
func (w *world) found(n byte) {
	w.Helper()
	t, err := Found(w.st, draw(n), w.now)
	if err != nil || t == nil {
		w.Fatal(t, err)
	}
	w.must(t)
}

func draw(n byte) *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{n}, 32)) }

func (w *world) session(id session.ID) session.ID {
	w.must(&znode.Txn{Session: id, Op: znode.Op{Kind: znode.KindCreateSession, Timeout: 4000, Password: make([]byte, 16)}})
	return id
}

func openToAll() []znode.ACL {
	return []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}
}

func creating(path string, mode znode.Mode) znode.Op {
	return znode.Op{Kind: znode.KindCreate, Path: path, ACL: openToAll(), Mode: mode, Wire: 1, Data: []byte{}}
}

func (w *world) create(who session.ID, path string, mode znode.Mode) string {
	w.Helper()
	op := creating(path, mode)
	if mode == znode.ModeContainer {
		op.Wire = 19
	}
	return w.must(&znode.Txn{Session: who, Op: op}).Path
}

func (w *world) delete(who session.ID, path string) {
	w.Helper()
	w.must(&znode.Txn{Session: who, Op: znode.Op{Kind: znode.KindDelete, Path: path, Version: -1}})
}

// ask reads the token of a node as a client's getData does.
func (w *world) ask(who session.ID, node string) (string, znode.Stat, znode.Code) {
	b, stat, code := w.keep.Read(w.st, who, nil, TokenPrefix+node)
	return string(b), stat, code
}

// token must be given, and verify under the keys that are shown.
func (w *world) token(who session.ID, node string) fencing.Token {
	w.Helper()
	text, stat, code := w.ask(who, node)
	if code != znode.OK {
		w.Fatalf("the token of %s: %v", node, code)
	}
	t, err := w.verifier().Verify(text)
	if err != nil {
		w.Fatal(err)
	}
	if real, _, ok := w.st.Node(node); !ok || stat.Czxid != real.Czxid || stat.EphemeralOwner != int64(who) || int(stat.DataLength) != len(text) {
		w.Errorf("the token's stat is %+v, the node's %+v", stat, real)
	}
	if t.Audit.Session != int64(who) {
		w.Errorf("audit: %+v", t.Audit)
	}
	return t
}

func (w *world) denied(who session.ID, node string, want znode.Code) {
	w.Helper()
	if text, _, code := w.ask(who, node); code != want || text != "" {
		w.Errorf("session %v asks for %s: %v %q, want %v", who, node, code, text, want)
	}
}

func (w *world) keySet() (k paseto.KeySet) {
	w.Helper()
	b, stat, code := w.keep.Read(w.st, 0, nil, KeysPath)
	if code != znode.OK {
		w.Fatal(code)
	}
	if err := json.Unmarshal(b, &k); err != nil {
		w.Fatal(err)
	}
	if uint64(stat.Version) != k.Serial {
		w.Errorf("version %d of serial %d", stat.Version, k.Serial)
	}
	return k
}

func (w *world) verifier() *paseto.Verifier {
	w.Helper()
	k := w.keySet()
	v, err := paseto.NewVerifier(paseto.Config{Cluster: k.Cluster, Keys: k, Now: func() time.Time { return w.now }})
	if err != nil {
		w.Fatal(err)
	}
	return v
}

func (w *world) statuses() (s string) {
	for _, k := range w.keySet().Keys {
		s += fmt.Sprint(k.Status, " ")
	}
	return s
}
