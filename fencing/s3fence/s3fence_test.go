package s3fence

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

func connect(t testing.TB, addr string) *minio.Client {
	t.Helper()
	c, err := minio.New(addr, &minio.Options{Creds: credentials.NewStaticV4("access", "secretsecret", ""), Region: "us-east-1", MaxRetries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// startVersity runs a real S3 server over a temporary folder.
func startVersity(t testing.TB) *minio.Client {
	t.Helper()
	bin, err := versityBin()
	if err != nil {
		zktest.Missing(t, "versitygw (go install github.com/versity/versitygw/cmd/versitygw@v1.8.0)", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(bin, "--port", addr, "--access", "access", "--secret", "secretsecret", "--quiet", "posix", filepath.Join(dir, "data"))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	client := connect(t, addr)
	await(t, client, log.Name())
	return client
}

// versityBin finds the server: $PADDOCK_VERSITYGW, bin/ of the peers' folder, or PATH.
func versityBin() (string, error) {
	if path := os.Getenv("PADDOCK_VERSITYGW"); path != "" {
		return exec.LookPath(path)
	}
	if peers, err := zktest.Peers(); err == nil {
		if path, err := exec.LookPath(filepath.Join(peers, "bin", "versitygw")); err == nil {
			return path, nil
		}
	}
	return exec.LookPath("versitygw")
}

func await(t testing.TB, client *minio.Client, log string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := client.ListBuckets(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			text, _ := os.ReadFile(log)
			t.Fatalf("the S3 server does not answer: %v\n%s", err, text)
		}
	}
}

func startFake(t testing.TB) *minio.Client {
	t.Helper()
	server := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
	t.Cleanup(server.Close)
	return connect(t, server.Listener.Addr().String())
}

type store struct {
	g *fencing.Guard
	b *Bucket
}

func (s store) Seal(ctx context.Context, t fencing.Token) error {
	return s.g.Seal(ctx, s.b.Writing(nil), t)
}

func (s store) Enrol(ctx context.Context, floor fencing.Token) error {
	return s.g.Enrol(ctx, s.b.Writing(nil), floor)
}

func (s store) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	return s.g.Check(ctx, s.b.Writing(func(tx *Tx) error {
		if err := tx.Put(key, []byte(value)); err != nil || between == nil {
			return err
		}
		return between()
	}), t)
}

func (s store) Read(ctx context.Context, key string) (string, error) {
	data, err := s.b.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return string(data), err
}

func (s store) LoseWatermark(ctx context.Context) error {
	m, etag, err := s.b.load(ctx)
	if err != nil {
		return err
	}
	_, err = s.b.putIf(ctx, s.b.prefix+"manifest", fmt.Appendf(nil, `{"v":"1","nonce":"lost","marks":{},"objects":{"k":%q}}`, m.Objects["k"]), etag)
	return err
}

func conform(t *testing.T, client *minio.Client) {
	n := 0
	fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store {
		n++
		ctx, bucket := t.Context(), fmt.Sprintf("test-%d", n)
		if err := client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
		b, err := Open(ctx, client, bucket, "job/")
		if err != nil {
			t.Fatal(err)
		}
		return store{g, b}
	})
}

func TestConformanceOnARealServer(t *testing.T) { conform(t, startVersity(t)) }
func TestConformanceOnTheStandIn(t *testing.T)  { conform(t, startFake(t)) }

// fresh opens a bucket that was not there.
func fresh(t *testing.T, client *minio.Client) *Bucket {
	t.Helper()
	if err := client.MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), client, "bucket", "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSweepLeavesWhatIsCurrent(t *testing.T) {
	ctx, w, client := t.Context(), fencingtest.NewWorld(), startFake(t)
	b := fresh(t, client)
	s := store{w.Guard(), b}
	crash := errors.New("crash")
	err := errors.Join(s.Enrol(ctx, fencing.Token{}), s.Write(ctx, w.Token(1), "k", "1", nil), s.Write(ctx, w.Token(1), "k", "2", nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, w.Token(1), "k", "3", func() error { return crash }); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	if n, err := b.Sweep(ctx, w.Token(2)); n != 0 || err == nil {
		t.Fatalf("before the seal: swept %d, %v", n, err)
	}
	if n, err := b.Sweep(ctx, w.Token(1)); n != 2 || err != nil {
		t.Fatalf("swept %d, %v", n, err)
	}
	if v, err := s.Read(ctx, "k"); v != "2" || err != nil {
		t.Fatalf("k is %q, %v", v, err)
	}
	if err := s.Write(ctx, w.Token(2), "k", "4", nil); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Sweep(ctx, w.Token(1)); n != 0 || !errors.Is(err, fencing.ErrStaleToken) {
		t.Fatalf("a stale holder's sweep: %d, %v", n, err)
	}
}

// stopAt calls do before the first request that it is told of: as if the process had been stopped there.
type stopAt struct {
	at   func(*http.Request) bool
	do   func()
	once sync.Once
}

func (s *stopAt) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.at(r) {
		s.once.Do(s.do)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestSweepOfAStoppedHolder: the holder is stopped after it has read the manifest. When it goes on, the objects of the next holder are there and are
// not in the manifest that it knows: they stay.
func TestSweepOfAStoppedHolder(t *testing.T) {
	ctx, w, client := t.Context(), fencingtest.NewWorld(), startFake(t)
	next := store{w.Guard(), fresh(t, client)}
	stop := &stopAt{at: func(r *http.Request) bool { return strings.Contains(r.URL.RawQuery, "list-type") }, do: func() {
		if err := errors.Join(next.Seal(ctx, w.Token(2)), next.Write(ctx, w.Token(2), "k", "newer", nil)); err != nil {
			t.Error(err)
		}
	}}
	slow, err := minio.New(client.EndpointURL().Host, &minio.Options{Creds: credentials.NewStaticV4("access", "secretsecret", ""), Region: "us-east-1", Transport: stop})
	if err != nil {
		t.Fatal(err)
	}
	old, err := Open(ctx, slow, "bucket", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(next.Enrol(ctx, fencing.Token{}), next.Write(ctx, w.Token(1), "k", "garbage", nil), next.Write(ctx, w.Token(1), "k", "older", nil)); err != nil {
		t.Fatal(err)
	}
	if n, err := old.Sweep(ctx, w.Token(1)); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if v, err := next.Read(ctx, "k"); v != "newer" || err != nil {
		t.Fatalf("the late sweep took what the next holder had written: %q, %v", v, err)
	}
}

func TestStoreWithoutConditionsIsRefused(t *testing.T) {
	inner := gofakes3.New(s3mem.New()).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			r.Header.Del("If-Match")
			r.Header.Del("If-None-Match")
		}
		inner.ServeHTTP(w, r)
	}))
	defer server.Close()
	client := connect(t, server.Listener.Addr().String())
	if err := client.MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), client, "bucket", ""); !errors.Is(err, ErrNoConditionalWrites) {
		t.Fatalf("got %v", err)
	}
}
