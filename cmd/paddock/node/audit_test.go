package node

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/audit"
	"github.com/paddock-zk/paddock/compat/auth"
)

// The audit log tells who gave an order and whether it was done. Who was refused is nobody, whatever name he gave.
func TestAuditTellsWhoGaveAnOrder(t *testing.T) {
	who, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := audit.Open(path, who, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for from, code := range map[string]int{"10.0.0.1:5": http.StatusOK, "10.0.0.2:5": http.StatusUnauthorized, "10.0.0.3:5": http.StatusForbidden, "10.0.0.4:5": http.StatusServiceUnavailable, "@": http.StatusOK} {
		r := httptest.NewRequest(http.MethodPost, "/paddock/transfer?to=2", nil)
		r.RemoteAddr = from
		(&node{audit: l}).audited("transferLeadership", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })(httptest.NewRecorder(), r)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"user=super\tip=10.0.0.1\toperation=transferLeadership\tobject=2\tresult=success\n",
		"user=unknown\tip=10.0.0.2\toperation=transferLeadership\tobject=2\tresult=failure\n",
		"user=unknown\tip=10.0.0.3\toperation=transferLeadership\tobject=2\tresult=failure\n",
		"user=super\tip=10.0.0.4\toperation=transferLeadership\tobject=2\tresult=failure\n",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("there is no line %q in\n%s", want, b)
		}
	}
	if n := strings.Count(string(b), "transferLeadership"); n != 5 {
		t.Errorf("%d lines of five orders", n)
	}
}
