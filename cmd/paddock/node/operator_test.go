package node

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing/paseto"
	"github.com/paddock-zk/paddock/znode"
)

// TestOperatorWithoutAPort: the owner of the data folder reaches his server through the socket in it, whether or not there is an admin port. A
// rotation of the keys that is asked for twice, since an answer was lost, is done once.
func TestOperatorWithoutAPort(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "port") // not t.TempDir, which may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	_, port, _ := net.SplitHostPort(zktest.FreeAddr("127.0.0.1"))
	cfg, err := ParseConfig("", fmt.Sprintf("dataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n", dir, port), nil, -1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := start(t.Context(), cfg, Program{}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.stop(); err != nil {
			t.Error(err)
		}
	})
	serial := func() (s uint64) {
		n.server.View(func(st *znode.State) {
			if set, err := n.virtual.KeySet(st); err == nil {
				s = set.Serial
			}
		})
		return s
	}
	if !zktest.Within(zktest.Patience, func() bool { return n.peer.Soft().Active && serial() > 0 }) {
		t.Fatal("the server never founded its keys")
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return adminapi.DialSocket(ctx, adminapi.SocketPath(dir))
	}, DisableKeepAlives: true}}
	r, err := client.Get("http://admin/paddock/status")
	if err != nil {
		t.Fatalf("the admin socket is not there: %v", err)
	}
	r.Body.Close()
	before := serial()
	for i, want := range []int{http.StatusOK, http.StatusConflict, http.StatusConflict} {
		r, err := client.Post(fmt.Sprintf("http://admin/paddock/keys/rotate?serial=%d", before), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("said for the %d. time: %s, want %d", i+1, r.Status, want)
		}
	}
	keys := func() (k []paseto.Key) {
		n.server.View(func(st *znode.State) {
			if set, err := n.virtual.KeySet(st); err == nil {
				k = set.Keys
			}
		})
		return k
	}
	if got := len(keys()); got != 2 {
		t.Errorf("%d keys after one rotation, want 2", got)
	}
	w := httptest.NewRecorder()
	n.rotateKeys(w, httptest.NewRequest(http.MethodPost, "/paddock/keys/rotate?serial=x", nil))
	if w.Code != http.StatusBadRequest {
		t.Errorf("serial=x: %d", w.Code)
	}
}
