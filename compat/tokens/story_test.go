package tokens

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/paseto"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

type silent struct{}

func (silent) Printf(string, ...any) {}

// dial opens a session of an ordinary client.
func dial(t testing.TB, timeout time.Duration, addrs ...string) *zk.Conn {
	t.Helper()
	conn, events, err := zk.Connect(addrs, timeout, zk.WithLogger(silent{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	patience := time.After(zktest.Patience)
	for {
		select {
		case ev := <-events:
			if ev.State == zk.StateHasSession {
				go func() {
					for range events {
					}
				}()
				return conn
			}
		case <-patience:
			t.Fatalf("no session with %v", addrs)
		}
	}
}

// made creates a node that must not be there.
func made(t testing.TB, conn *zk.Conn, path string, flags int32) string {
	t.Helper()
	node, err := conn.Create(path, nil, flags, zk.WorldACL(zk.PermAll))
	if err != nil {
		t.Fatal(path, err)
	}
	return node
}

const queued = zk.FlagEphemeral | zk.FlagSequence

// keySetOf is what a server shows.
func keySetOf(t testing.TB, conn *zk.Conn) (k paseto.KeySet) {
	t.Helper()
	doc, _, err := conn.Get(KeysPath)
	if err == nil {
		err = json.Unmarshal(doc, &k)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func verify(t testing.TB, k paseto.KeySet, text []byte) fencing.Token {
	t.Helper()
	v, err := paseto.NewVerifier(paseto.Config{Cluster: k.Cluster, Keys: k})
	if err != nil {
		t.Fatal(err)
	}
	token, err := v.Verify(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func mustHave(t testing.TB, conn *zk.Conn, node string) fencing.Token {
	t.Helper()
	text, _, err := conn.Get(TokenPrefix + node)
	if err != nil {
		t.Fatal(node, err)
	}
	return verify(t, keySetOf(t, conn), text)
}

func refused(t testing.TB, conn *zk.Conn, node string, want error) {
	t.Helper()
	if text, _, err := conn.Get(TokenPrefix + node); !errors.Is(err, want) || len(text) > 0 {
		t.Errorf("the token of %s: %v %q, want %v", node, err, text, want)
	}
}

// An unmodified client, a real server.
func TestAnyClientReadsItsToken(t *testing.T) {
	server := zktest.StartPaddock(t, zktest.Config{})
	a, b := dial(t, 4*time.Second, server.Addr()), dial(t, 4*time.Second, server.Addr())
	made(t, a, "/l", 0)
	first, second := made(t, a, "/l/lock-", queued), made(t, b, "/l/lock-", queued)
	held := mustHave(t, a, first)
	refused(t, b, first, zk.ErrNoAuth)
	refused(t, b, second, zk.ErrNoAuth)
	refused(t, a, second, zk.ErrNoAuth)
	refused(t, a, "/l/lock-0000000007", zk.ErrNoNode)
	refused(t, a, "/nothing/at/all", zk.ErrNoNode)
	if ok, _, err := a.Exists(TokenPrefix + first); !ok || err != nil {
		t.Errorf("exists: %v %v", ok, err)
	}
	if _, _, err := b.Exists(TokenPrefix + first); !errors.Is(err, zk.ErrNoAuth) {
		t.Errorf("exists for another session: %v", err)
	}
	if names, _, err := a.Children("/zookeeper"); err != nil || !slices.Equal(sorted(names), []string{"config", "quota"}) {
		t.Errorf("the listing shows %v, %v", names, err)
	}
	if names, _, err := a.Children(TokenPrefix); !errors.Is(err, zk.ErrNoNode) {
		t.Errorf("a listing of tokens: %v, %v", names, err)
	}
	notWritten(t, b, first, held)
	if err := a.Delete(first, -1); err != nil {
		t.Fatal(err)
	}
	if next := mustHave(t, b, second); next.Compare(held) <= 0 {
		t.Errorf("%v is not after %v", next, held)
	}
	lineage, _, err := b.Get(LineagePath)
	if l, perr := fencing.ParseLineage(lineage); err != nil || perr != nil || l.Cluster != held.Cluster || l.Incarnation != held.Incarnation {
		t.Errorf("%s, %v, %v", lineage, err, perr)
	}
}

// notWritten: no client makes, changes or deletes a virtual node, or anything below or above of one, by any request; beside them it may write as in ZooKeeper.
func notWritten(t *testing.T, liar *zk.Conn, held string, token fencing.Token) {
	t.Helper()
	forged, open := []byte("forged"), zk.WorldACL(zk.PermAll)
	for _, path := range []string{LineagePath, LineagePath + "/x", KeysPath, KeysPath + "/x", TokenPrefix, TokenPrefix + "/l", TokenPrefix + held} {
		beside := &zk.CreateRequest{Path: "/beside", Acl: open}
		for what, write := range map[string]func() error{
			"create":                 func() error { _, err := liar.Create(path, forged, 0, open); return err },
			"create an ephemeral":    func() error { _, err := liar.Create(path, forged, zk.FlagEphemeral, open); return err },
			"create a container":     func() error { _, err := liar.CreateContainer(path, forged, zk.FlagContainer, open); return err },
			"create a sequence":      func() error { _, err := liar.Create(path+"/", forged, zk.FlagSequence, open); return err },
			"set":                    func() error { _, err := liar.Set(path, forged, -1); return err },
			"delete":                 func() error { return liar.Delete(path, -1) },
			"setACL":                 func() error { _, err := liar.SetACL(path, open, -1); return err },
			"create inside a multi":  func() error { _, err := liar.Multi(beside, &zk.CreateRequest{Path: path, Acl: open}); return err },
			"set inside a multi":     func() error { _, err := liar.Multi(&zk.SetDataRequest{Path: path, Version: -1}, beside); return err },
			"delete inside of multi": func() error { _, err := liar.Multi(beside, &zk.DeleteRequest{Path: path, Version: -1}); return err },
		} {
			if err := write(); !errors.Is(err, zk.ErrNoAuth) {
				t.Errorf("%s %s: %v, want %v", what, path, err, zk.ErrNoAuth)
			}
		}
	}
	if there, _, err := liar.Exists("/beside"); there || err != nil {
		t.Errorf("a part of a refused multi was done: %v, %v", there, err)
	}
	for _, path := range []string{"/zookeeper/tokens", "/zookeeper/keysof"} { // others' names, as in ZooKeeper
		made(t, liar, path, 0)
		if err := liar.Delete(path, -1); err != nil {
			t.Error(path, err)
		}
	}
	if err := liar.Delete(made(t, liar, TokenPrefix, zk.FlagSequence), -1); err != nil {
		t.Error(err)
	}
	refused(t, liar, held, zk.ErrNoAuth)
	if k := keySetOf(t, liar); len(k.Keys) != 1 || k.Cluster != token.Cluster {
		t.Errorf("%+v", k)
	}
}

func sorted(s []string) []string { slices.Sort(s); return s }

// ask makes an HTTP request to the AdminServer.
func ask(t testing.TB, method, url string) []byte {
	t.Helper()
	return askBy(t, http.DefaultClient, method, url)
}

func askBy(t testing.TB, client *http.Client, method, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Rotation and revocation of a running server, over restarts and a kill.
func TestKeysOfARunningServer(t *testing.T) {
	server := zktest.StartPaddock(t, zktest.Config{Admin: true})
	a := dial(t, 20*time.Second, server.Addr())
	node := made(t, a, "/leader", zk.FlagEphemeral)
	old, _, err := a.Get(TokenPrefix + node)
	if err != nil {
		t.Fatal(err)
	}
	grant, founded := verify(t, keySetOf(t, a), old), keySetOf(t, a)
	if err := errors.Join(server.Kill(), server.Start()); err != nil {
		t.Fatal(err)
	}
	zktest.Eventually(t, zktest.Patience, "the client is back", func() bool { _, _, err := a.Get(KeysPath); return err == nil })
	if k := keySetOf(t, a); k.Serial != founded.Serial || len(k.Keys) != 1 || k.Keys[0].ID != founded.Keys[0].ID {
		t.Errorf("after kill -9 the keys are %+v, before %+v", k, founded)
	}
	if again := mustHave(t, a, node); again != grant {
		t.Errorf("after kill -9 the grant is %v, before %v", again, grant)
	}
	operator, rotate := zktest.Operator(server), "http://admin/paddock/keys/rotate"
	var k paseto.KeySet
	if err := json.Unmarshal(askBy(t, operator, "POST", rotate), &k); err != nil || len(k.Keys) != 2 || k.Keys[0].Status != paseto.Retired {
		t.Fatalf("rotated: %+v, %v", k, err)
	}
	if verify(t, keySetOf(t, a), old) != grant || mustHave(t, a, node) != grant {
		t.Error("rotation changed the grant")
	}
	if err := json.Unmarshal(askBy(t, operator, "POST", rotate+"?revoke=true"), &k); err != nil || len(k.Keys) != 3 || k.Keys[0].Status != paseto.Revoked || k.Keys[1].Status != paseto.Revoked {
		t.Fatalf("revoked: %+v, %v", k, err)
	}
	v, err := paseto.NewVerifier(paseto.Config{Cluster: k.Cluster, Keys: keySetOf(t, a)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(string(old)); !errors.Is(err, fencing.ErrUnverified) {
		t.Errorf("a token by a revoked key: %v", err)
	}
	if mustHave(t, a, node) != grant {
		t.Error("revocation changed the grant")
	}
}

// image saves a backup and loads it.
func image(t testing.TB, server zktest.Server) (file string, st *znode.State) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "backup.img")
	paddock(t, "snapshot", "save", "--admin", server.AdminAddr(), file)
	st = znode.NewState(znode.Options{})
	if _, err := store.LoadCheckpoint(file, nil, st); err != nil {
		t.Fatal(err)
	}
	return file, st
}

func paddock(t testing.TB, args ...string) string {
	t.Helper()
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("paddock %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// The seeds are known from a backup, which only the operator makes; nothing that a client or a look at the AdminServer is told has them.
func TestNothingPrivateIsReadable(t *testing.T) {
	server := zktest.StartPaddock(t, zktest.Config{Admin: true})
	conn := dial(t, 10*time.Second, server.Addr())
	admin := "http://" + server.AdminAddr()
	askBy(t, zktest.Operator(server), "POST", "http://admin/paddock/keys/rotate")
	node := made(t, conn, "/leader", zk.FlagEphemeral)
	_, st := image(t, server)
	keys, err := stored(st)
	if err != nil || len(keys) != 2 {
		t.Fatal(len(keys), err)
	}
	var heard bytes.Buffer
	names := []string{keyPrefix, numbered(keyPrefix, 0), numbered(keyPrefix, 1), numbered(retiredPrefix, 0)}
	for _, name := range names {
		for _, path := range []string{"/" + name, "/zookeeper/" + name, "/zookeeper/keys/" + name, "/zookeeper/token/" + name, "/zookeeper/token/zookeeper/" + name} {
			path = strings.TrimSuffix(path, "/")
			if b, _, err := conn.Get(path); err == nil {
				t.Errorf("%s is readable: %q", path, b)
			}
			if names, _, err := conn.Children(path); err == nil {
				t.Errorf("%s has a listing: %q", path, names)
			}
		}
	}
	for _, path := range []string{KeysPath, LineagePath, TokenPrefix + node, "/zookeeper/config"} {
		b, _, err := conn.Get(path)
		if err != nil {
			t.Error(path, err)
		}
		heard.Write(b)
	}
	for _, word := range []string{"conf", "cons", "crst", "dump", "envi", "mntr", "srvr", "stat", "wchs", "wchc", "wchp", "dirs", "gtmk", "hash"} {
		text, _ := zktest.FourLetters(server.Addr(), word)
		heard.WriteString(text)
		heard.Write(ask(t, "GET", admin+"/commands/"+word))
	}
	for _, page := range []string{"/paddock/keys", "/paddock/status", "/metrics", "/commands", "/commands/configuration", "/commands/system_properties"} {
		heard.Write(ask(t, "GET", admin+page))
	}
	heard.WriteString(server.Log())
	for i, k := range keys {
		for _, form := range []string{string(k.Seed), hex.EncodeToString(k.Seed), base64.StdEncoding.EncodeToString(k.Seed), base64.RawURLEncoding.EncodeToString(k.Seed)} {
			if strings.Contains(heard.String(), form) {
				t.Errorf("the seed of key %d was told", i)
			}
		}
	}
}

// A restored backup is another incarnation: tokens of the old one are refused, whatever the storage has seen, and the new ones are above all old ones
// once the operator has stated the succession.
func TestRestoredBackup(t *testing.T) {
	before := zktest.StartPaddock(t, zktest.Config{Admin: true})
	a := dial(t, 10*time.Second, before.Addr())
	made(t, a, "/l", 0)
	file, _ := image(t, before)
	node := made(t, a, "/l/lock-", queued) // after the backup: the restored server knows nothing of it
	late := mustHave(t, a, node)
	lateText, _, _ := a.Get(TokenPrefix + node)
	var z zk.Stat
	if _, st, err := a.Exists(node); err == nil {
		z = *st
	}
	if err := before.Stop(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	paddock(t, "snapshot", "restore", "--data-dir", filepath.Join(dir, "data"), "--last-zxid", "0x"+strings.TrimLeft(hex.EncodeToString(be(z.Czxid)), "0"), file)
	after := zktest.StartPaddock(t, zktest.Config{Dir: dir, Extra: []string{"dataDir=" + filepath.Join(dir, "data")}})
	b := dial(t, 10*time.Second, after.Addr())
	fresh := mustHave(t, b, made(t, b, "/l/lock-", queued))
	if fresh.Cluster != late.Cluster || fresh.Incarnation == late.Incarnation || fresh.Scope != late.Scope || fresh.Fence <= late.Fence {
		t.Fatalf("before %+v, after %+v", late, fresh)
	}
	keys := keySetOf(t, b)
	verifier, err := paseto.NewVerifier(paseto.Config{Cluster: keys.Cluster, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	lineage := fencing.Lineage{Cluster: fresh.Cluster, Incarnation: fresh.Incarnation}
	guard, err := fencing.NewGuard(fencing.Policy{Lineage: lineage, Scope: fresh.Scope, Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	marks := &fencing.Memory{}
	freshText, _, _ := b.Get(TokenPrefix + fresh.Audit.Path + "/" + fresh.Audit.Node)
	if err := guard.Enrol(t.Context(), marks, fencing.Token{}); err != nil {
		t.Fatal(err)
	}
	if _, err := guard.SealText(t.Context(), marks, string(lateText)); !errors.Is(err, fencing.ErrUnknownLineage) {
		t.Errorf("the old incarnation, at a resource that has seen nothing: %v", err)
	}
	if _, err := guard.SealText(t.Context(), marks, string(freshText)); err != nil {
		t.Error(err)
	}
	if _, err := guard.CheckText(t.Context(), marks, string(lateText)); !errors.Is(err, fencing.ErrUnknownLineage) {
		t.Errorf("the old incarnation: %v", err)
	}
}

func be(z int64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(z >> (56 - 8*i))
	}
	return b
}

// Some thousands of grants of one lock by eight sessions at once: no fence twice, and never one below that of a grant that had ended before.
func TestGrantsOfARealServer(t *testing.T) {
	server := zktest.StartPaddock(t, zktest.Config{})
	root := dial(t, 20*time.Second, server.Addr())
	made(t, root, "/l", 0)
	keys := keySetOf(t, root)
	verifier, err := paseto.NewVerifier(paseto.Config{Cluster: keys.Cluster, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var last fencing.Token
	var wg sync.WaitGroup
	granted := 0
	for range 8 {
		conn := dial(t, 20*time.Second, server.Addr())
		wg.Go(func() {
			for range 400 {
				lock := zk.NewLock(conn, "/l", zk.WorldACL(zk.PermAll))
				if err := lock.Lock(); err != nil {
					t.Error(err)
					return
				}
				names, _, err := conn.Children("/l")
				own := "/l/" + slices.MinFunc(names, func(a, b string) int { return strings.Compare(a[len(a)-10:], b[len(b)-10:]) })
				text, _, gerr := conn.Get(TokenPrefix + own)
				token, verr := verifier.Verify(string(text))
				if err := errors.Join(err, gerr, verr); err != nil {
					t.Error(own, err)
					return
				}
				mu.Lock()
				if granted++; token.Fence <= last.Fence {
					t.Errorf("%v is not after %v", token.Order(), last.Order())
				}
				last = token
				mu.Unlock()
				if err := lock.Unlock(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if granted != 3200 {
		t.Errorf("%d grants", granted)
	}
}
