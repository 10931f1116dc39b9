package s3fence

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

// lossy stands between a client and the store. It loses one request or one reply when it is told to, and cuts the connection.
type lossy struct {
	inner   http.Handler
	request atomic.Pointer[string] // the next PUT whose path has this in it does not arrive
	reply   atomic.Pointer[string] // the next such PUT arrives, and its reply does not
	between func()                 // runs after a reply was lost
}

func (l *lossy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	lose := func(next *atomic.Pointer[string]) bool {
		what := next.Load()
		return what != nil && r.Method == http.MethodPut && strings.Contains(r.URL.Path, *what) && next.CompareAndSwap(what, nil)
	}
	if lose(&l.request) {
		panic(http.ErrAbortHandler)
	}
	if !lose(&l.reply) {
		l.inner.ServeHTTP(w, r)
		return
	}
	l.inner.ServeHTTP(httptest.NewRecorder(), r)
	if l.between != nil {
		l.between()
	}
	panic(http.ErrAbortHandler)
}

// startLossy gives a bucket through a lossy link, and the same bucket by a link of its own. tries is how often the client library sends a request.
func startLossy(t *testing.T, tries int) (l *lossy, b, straight *Bucket) {
	t.Helper()
	store := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
	t.Cleanup(store.Close)
	straight = fresh(t, connect(t, store.Listener.Addr().String()))
	to, err := url.Parse(store.URL)
	if err != nil {
		t.Fatal(err)
	}
	l = &lossy{inner: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }}}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	client, err := minio.New(server.Listener.Addr().String(), &minio.Options{Creds: credentials.NewStaticV4("access", "secretsecret", ""), Region: "us-east-1", MaxRetries: tries})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = Open(t.Context(), client, "bucket", ""); err != nil {
		t.Fatal(err)
	}
	return l, b, straight
}

// A write is run once, whatever is lost once: a reply, after which the client library may send the request again and be refused by what it did itself; or a request.
func TestOneLostMessageRunsAWriteOnce(t *testing.T) {
	manifest, data := "/manifest", "/data/"
	for _, tries := range []int{1, 10} {
		for _, c := range []struct {
			what           string
			request, reply *string
			overtaken      bool // by another write of the same grant, before the client asks again
		}{
			{"the reply to the manifest", nil, &manifest, false},
			{"the reply to the manifest, and another write follows", nil, &manifest, true},
			{"the manifest itself", &manifest, nil, false},
			{"the reply to the data", nil, &data, false},
		} {
			t.Run(fmt.Sprintf("%s is lost, %d tries", c.what, tries), func(t *testing.T) {
				ctx, w := t.Context(), fencingtest.NewWorld()
				l, b, straight := startLossy(t, tries)
				other := store{w.Guard(), straight}
				if err := errors.Join(other.Enrol(ctx, fencing.Token{}), other.Seal(ctx, w.Token(10))); err != nil {
					t.Fatal(err)
				}
				if c.overtaken {
					l.between = func() {
						if err := other.Write(ctx, w.Token(10), "other", "o", nil); err != nil {
							t.Error(err)
						}
					}
				}
				l.request.Store(c.request)
				l.reply.Store(c.reply)
				runs := 0
				err := w.Guard().Check(ctx, b.Writing(func(tx *Tx) error { runs++; return tx.Put("k", fmt.Appendf(nil, "run %d", runs)) }), w.Token(10))
				if tries == 1 && c.reply == &data { // this client asks once: the upload is unknown to it, and the step did not go on
					if err == nil || runs != 1 {
						t.Fatalf("%d runs, %v", runs, err)
					}
					return
				}
				if err != nil || runs != 1 {
					t.Fatalf("%d runs, %v", runs, err)
				}
				if v, err := other.Read(ctx, "k"); v != "run 1" || err != nil {
					t.Errorf("k is %q, %v", v, err)
				}
				if v, _ := other.Read(ctx, "other"); c.overtaken && v != "o" {
					t.Errorf("the other write is lost: %q", v)
				}
			})
		}
	}
}

// After more changes than a manifest remembers nobody can tell, so that the write is not run again and the error says so.
func TestOutcomeThatNobodyRemembers(t *testing.T) {
	ctx, w := t.Context(), fencingtest.NewWorld()
	l, b, straight := startLossy(t, 1)
	other := store{w.Guard(), straight}
	if err := errors.Join(other.Enrol(ctx, fencing.Token{}), other.Seal(ctx, w.Token(10))); err != nil {
		t.Fatal(err)
	}
	l.between = func() {
		for range mostRecent {
			if err := other.Write(ctx, w.Token(10), "other", "o", nil); err != nil {
				t.Error(err)
			}
		}
	}
	manifest, runs := "/manifest", 0
	l.reply.Store(&manifest)
	err := w.Guard().Check(ctx, b.Writing(func(tx *Tx) error { runs++; return tx.Put("k", []byte("v")) }), w.Token(10))
	if runs != 1 || !errors.Is(err, ErrUnknownOutcome) || fencing.ReasonOf(err) != fencing.ReasonStorage {
		t.Errorf("%d runs, %v", runs, err)
	}
}

func TestFateOfAChange(t *testing.T) {
	m := manifest{}
	m.succeed()
	if m.Recent[0] != "" {
		t.Errorf("the first manifest does not say that it is the first: %q", m.Recent)
	}
	old := manifest{Nonce: "n"} // written by a version that remembers nothing
	next := old
	next.succeed()
	for range 2 * mostRecent {
		m.succeed()
	}
	if len(m.Recent) != mostRecent || m.Nonce != m.Recent[mostRecent-1] {
		t.Errorf("%d changes are remembered, the last of them %q, and the nonce is %q", len(m.Recent), m.Recent[len(m.Recent)-1], m.Nonce)
	}
	last := len(m.Recent) - 1
	for _, c := range []struct {
		what           string
		now            manifest
		change, before string
		want           fate
	}{
		{"the newest", m, m.Nonce, m.Recent[last-1], landed}, {"an older one", m, m.Recent[3], m.Recent[2], landed}, {"not yet", m, "x", m.Nonce, open},
		{"another came", m, "x", m.Recent[last-1], overrun}, {"too long ago", m, "x", "y", unknown}, {"too long ago, the first of all", m, "x", "", unknown},
		{"nothing is there yet", manifest{}, "x", "", open}, {"the manifest is gone", manifest{}, "x", "y", unknown},
		{"after an older version's", next, "x", "n", overrun}, {"an older version's came", old, "x", "y", unknown}, {"an older version's is current", old, "x", "n", open},
	} {
		if got := c.now.fateOf(c.change, c.before); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
}
