package cluster

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// fakeKeys is the key set of an ensemble: each rotation raises its serial.
type fakeKeys struct {
	mu        sync.Mutex
	rotations int
	revoked   bool
}

func (k *fakeKeys) document() string {
	status := "retired"
	if k.revoked {
		status = "revoked"
	}
	return fmt.Sprintf(`{"serial": "%d", "keys": [{"status": "%s"}, {"status": "active"}]}`, 3+k.rotations, status)
}

// server is one server of the ensemble. forgetful loses its answers to rotations, after it has done them.
func (k *fakeKeys) server(t *testing.T, forgetful bool) (addr string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /paddock/keys", func(w http.ResponseWriter, _ *http.Request) {
		k.mu.Lock()
		defer k.mu.Unlock()
		fmt.Fprint(w, k.document())
	})
	mux.HandleFunc("GET /paddock/status", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) })
	mux.HandleFunc("POST /paddock/keys/rotate", func(w http.ResponseWriter, r *http.Request) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if serial := r.URL.Query().Get("serial"); serial != "" && serial != fmt.Sprint(3+k.rotations) {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"error": "the signing keys are not those that the request is about"}`)
			return
		}
		k.rotations, k.revoked = k.rotations+1, r.URL.Query().Get("revoke") == "true"
		if forgetful {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, k.document())
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// TestKeysRotateOnce: a rotation whose answer was lost is not done a second time, by the next server or by who says it again.
func TestKeysRotateOnce(t *testing.T) {
	for _, c := range []struct {
		name, line, says string
		forgetful        []bool
		code, rotations  int
	}{
		{name: "answered", line: "keys rotate", says: `"serial": "4"`, forgetful: []bool{false, false}, rotations: 1},
		{name: "the answer is lost", line: "keys rotate", says: "was lost", forgetful: []bool{true, false}, rotations: 1},
		{name: "the answer is lost, and keys are revoked", line: "keys rotate --revoke --yes", says: "was lost", forgetful: []bool{true, false}, rotations: 1},
		{name: "no answer at all", line: "keys rotate", says: "say it again with --serial 3", forgetful: []bool{true}, code: tool.ExitNoServer, rotations: 1},
		{name: "said again", line: "keys rotate --serial 2", says: "somebody has changed them meanwhile", forgetful: []bool{false}, code: tool.ExitConflict},
		{name: "said for the keys that are there", line: "keys rotate --serial 3", says: `"serial": "4"`, forgetful: []bool{false}, rotations: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &fakeKeys{}
			var admins []string
			for _, f := range c.forgetful {
				admins = append(admins, k.server(t, f))
			}
			out, errs, code := verb(t, append([]string{"--admin", strings.Join(admins, ","), "--timeout", "20s"}, strings.Fields(c.line)...)...)
			k.mu.Lock()
			defer k.mu.Unlock()
			if code != c.code || k.rotations != c.rotations || !strings.Contains(out+errs, c.says) {
				t.Errorf("exit code %d, want %d; rotated %d times, want %d; want %q in\n%s%s", code, c.code, k.rotations, c.rotations, c.says, out, errs)
			}
		})
	}
}
