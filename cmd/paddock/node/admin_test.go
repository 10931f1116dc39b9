package node

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPrivateVerbsAreLocal(t *testing.T) {
	h := local(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for from, want := range map[string]int{"127.0.0.1:5": 200, "[::1]:5": 200, "10.0.0.9:5": 403, "nonsense": 403} {
		r := httptest.NewRequest(http.MethodGet, "/paddock/snapshot", nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		h(w, r)
		if w.Code != want {
			t.Errorf("from %s: %d, want %d", from, w.Code, want)
		}
	}
}
