package node

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

var quiet = slog.New(slog.DiscardHandler)

// started starts a server on dir, at a port of its own, and stops it when it is active.
func started(t *testing.T, dir string) error { return startedAt(t, dir, zktest.FreeAddr("127.0.0.1")) }

func startedAt(t *testing.T, dir, addr string) error {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := ParseConfig("", fmt.Sprintf("dataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n", dir, port), nil, -1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := start(t.Context(), cfg, Program{}, quiet)
	if err != nil {
		return err
	}
	if !zktest.Within(20*time.Second, func() bool { return n.peer.Soft().Active }) { // then its log holds the first record of a leader
		t.Error("the server never became active")
	}
	return n.stop()
}

// A first start that ended between the log and the identity, by a kill, is continued by the next.
func TestFirstStartCutShort(t *testing.T) {
	dir := t.TempDir()
	id := folder.NewIdentity(1)
	l, err := txnlog.Open(txnlog.OS{}, filepath.Join(dir, "log"), id.LogOptions(quiet))
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
	if err := os.Remove(filepath.Join(dir, folder.IdentityFile)); err != nil {
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
	if err := folder.Create(t.Context(), dir, folder.NewIdentity(1), st, zab.Ensemble{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := started(t, dir); err != nil {
			t.Fatal(err)
		}
	}
}

// A part that does not end, because a disk does not answer, does not hold up the end of the process.
func TestStopDoesNotWaitForEver(t *testing.T) {
	over := make(chan time.Time, 1)
	over <- time.Time{}
	never := make(chan error)
	if err := (&node{logger: quiet}).stopUntil(over, func() error { return <-never }); err != nil {
		t.Error(err)
	}
	close(never)
}
