package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

var quiet = slog.New(slog.DiscardHandler)

// started starts a server on dir, at a port of its own, and stops it.
func started(t *testing.T, dir string) error { return startedAt(t, dir, zktest.FreeAddr("127.0.0.1")) }

func startedAt(t *testing.T, dir, addr string) error {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := parseConfig("", fmt.Sprintf("dataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n", dir, port), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := start(t.Context(), cfg, program{}, quiet)
	if err != nil {
		return err
	}
	return n.stop()
}

// A first start that ended between the log and the identity, by a kill, is continued by the next.
func TestFirstStartCutShort(t *testing.T) {
	dir := t.TempDir()
	id := newIdentity(1, zab.Ensemble{})
	l, err := txnlog.Open(txnlog.OS{}, filepath.Join(dir, "log"), id.ofLog(quiet))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := started(t, dir); err != nil {
			t.Fatal(err)
		}
	}
	// with a history behind it a log without an identity is no rest of a first start
	if err := os.Remove(filepath.Join(dir, identityFile)); err != nil {
		t.Fatal(err)
	}
	if err := started(t, dir); err == nil || !strings.Contains(err.Error(), "identity of its data folder is missing") {
		t.Errorf("a log with a history was founded over: %v", err)
	}
}

// A start that cannot succeed leaves an empty folder empty.
func TestFailedFirstStartWritesNothing(t *testing.T) {
	sock, err := net.Listen("tcp", zktest.FreeAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	dir := t.TempDir()
	if err := startedAt(t, dir, sock.Addr().String()); err == nil {
		t.Fatal("it serves on a port of somebody else")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// A folder that was made of a state from elsewhere is served.
func TestServesANewFolder(t *testing.T) {
	var r znode.Result
	st := znode.NewState(znode.Options{})
	st.Apply(zxid.New(1, 1), 1, &znode.Txn{Op: znode.Op{Kind: znode.KindCreate, Path: "/a", ACL: []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}}}, &r)
	dir := filepath.Join(t.TempDir(), "new")
	if err := createFolder(t.Context(), dir, newIdentity(1, zab.Ensemble{}), st, zab.Ensemble{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := started(t, dir); err != nil {
			t.Fatal(err)
		}
	}
}

// killed is what ends the making of a folder in the middle.
type killed struct{ step int }

// makeUntil makes a folder and is killed after a step; done is false if it was.
func makeUntil(t *testing.T, dir string, st *znode.State, step int) (done bool) {
	t.Helper()
	defer func() {
		if k := recover(); k != nil && k != (killed{step}) {
			panic(k)
		}
	}()
	f := newFolder{dir: dir, id: newIdentity(1, zab.Ensemble{}), st: st, after: func(i int) {
		if i == step {
			panic(killed{step})
		}
	}}
	if err := f.make(t.Context()); err != nil {
		t.Fatalf("killed after step %d: %v", step, err)
	}
	return true
}

// mayServe is what a server asks of a folder before it starts.
func mayServe(dir string) error {
	_, founded, err := loadIdentity(dir)
	if err == nil {
		err = clearUnfinished(dir, founded)
	}
	if err == nil && !founded {
		err = errors.New("it has no identity")
	}
	return err
}

// The making of a folder may end after any step: a server serves it whole or says what it is, and the same making goes through.
func TestNewFolderCutShort(t *testing.T) {
	var r znode.Result
	st := znode.NewState(znode.Options{})
	st.Apply(zxid.New(1, 1), 1, &znode.Txn{Op: znode.Op{Kind: znode.KindCreate, Path: "/a", ACL: []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}}}, &r)
	whole := 0
	for step, done := 0, false; !done; step++ {
		dir := filepath.Join(t.TempDir(), "new")
		done = makeUntil(t, dir, st, step)
		if f, err := openFolder(dir, "", slog.New(slog.DiscardHandler)); err == nil {
			if whole++; f.state.Digest() != st.Digest() {
				t.Errorf("killed after step %d: the folder holds another state", step)
			}
			if err := f.close(); err != nil {
				t.Fatal(err)
			}
		} else if step > 0 { // after step 0 there is nothing yet
			if err := mayServe(dir); err == nil || !strings.Contains(err.Error(), "cut short") {
				t.Errorf("killed after step %d: a server starts on what is left: %v", step, err)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, unfinished)); os.IsNotExist(err) && step > 0 {
			continue // all is done: nothing is made over it
		}
		makeUntil(t, dir, st, -1)
		f, err := openFolder(dir, "", slog.New(slog.DiscardHandler))
		if err != nil || f.state.Digest() != st.Digest() {
			t.Fatalf("killed after step %d, and made again: %v", step, err)
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
		if err := mayServe(dir); err != nil {
			t.Errorf("killed after step %d, and made again: %v", step, err)
		}
	}
	if whole != 3 { // the identity is in; the place aside is gone; all is done
		t.Errorf("the folder was whole %d times", whole)
	}
}
