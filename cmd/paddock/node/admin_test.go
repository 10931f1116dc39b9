package node

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/paddock-zk/paddock/compat/auth"
)

// What is private is given to the super user alone. Where a request comes from proves nothing: a proxy, a tunnel and a web page are local too.
func TestOrdersNeedTheSuperUser(t *testing.T) {
	set, err := auth.New(auth.Config{Digest: auth.Digest{Super: "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="}}) // super:admin
	if err != nil {
		t.Fatal(err)
	}
	h := operatorOnly(set)(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for _, c := range []struct {
		name, from, authorization, origin string
		want                              int
	}{
		{"nobody, on this machine", "127.0.0.1:5", "", "", http.StatusUnauthorized},
		{"nobody, by IPv6", "[::1]:5", "", "", http.StatusUnauthorized},
		{"nobody, from elsewhere", "10.0.0.9:5", "", "", http.StatusUnauthorized},
		{"a scheme without credentials", "127.0.0.1:5", "digest", "", http.StatusUnauthorized},
		{"another user", "127.0.0.1:5", "digest bob:secret", "", http.StatusForbidden},
		{"a wrong password", "127.0.0.1:5", "digest super:wrong", "", http.StatusForbidden},
		{"by address", "127.0.0.1:5", "ip 127.0.0.1", "", http.StatusForbidden},
		{"the super user", "10.0.0.9:5", "digest super:admin", "", http.StatusOK},
		{"a web page with the password", "127.0.0.1:5", "digest super:admin", "http://evil.example", http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodGet, "/paddock/snapshot", nil)
		r.RemoteAddr = c.from
		r.Header.Set("X-Forwarded-For", "127.0.0.1")
		for name, value := range map[string]string{"Authorization": c.authorization, "Origin": c.origin} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		h(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
	}
}
