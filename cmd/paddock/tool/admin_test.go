package tool

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
)

// An order goes through the admin socket of the server that was named, and of no other: a server on another machine may have its data folder
// under the same name as one that is here.
func TestOrderFindsItsServer(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "order") // not t.TempDir, which may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	serve := func(name, instance string) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /paddock/status", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				t.Errorf("%s: credentials for a report", name)
			}
			_ = json.NewEncoder(w).Encode(adminapi.NodeStatus{Instance: instance, AdminSocket: adminapi.SocketPath(dir)})
		})
		mux.HandleFunc("POST /paddock/transfer", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, name+" "+r.Header.Get("Authorization"))
		})
		return mux
	}
	l, err := adminapi.ListenSocket(dir)
	if err != nil {
		t.Fatal(err)
	}
	local := &http.Server{Handler: serve("socket", "one")}
	go func() { _ = local.Serve(l) }()
	t.Cleanup(func() { local.Close() })
	for instance, want := range map[string]string{"one": "socket ", "two": "tcp digest super:secret", "": "tcp digest super:secret"} {
		s := httptest.NewServer(serve("tcp", instance))
		r, err := Admin{Addr: s.Listener.Addr().String(), Auths: []string{"digest:super:secret"}}.Order(t.Context(), http.MethodPost, "/paddock/transfer")
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(r.Body); string(b) != want {
			t.Errorf("instance %q: answered by %q, want %q", instance, b, want)
		}
		r.Body.Close()
		s.Close()
	}
	if r, err := (Admin{Addr: "unix:" + adminapi.SocketPath(dir)}).Order(t.Context(), http.MethodPost, "/paddock/transfer"); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("by its path: %v, %v", r, err)
	}
}
