package docs

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"
	_ "modernc.org/sqlite"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/compat/proof/zktest/pgtest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/badgerfence"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
	"github.com/paddock-zk/paddock/fencing/filefence"
	"github.com/paddock-zk/paddock/fencing/grpcfence"
	"github.com/paddock-zk/paddock/fencing/httpfence"
	"github.com/paddock-zk/paddock/fencing/lock"
	"github.com/paddock-zk/paddock/fencing/pgfence"
	"github.com/paddock-zk/paddock/fencing/redisfence"
	"github.com/paddock-zk/paddock/fencing/s3fence"
	"github.com/paddock-zk/paddock/fencing/sqlitefence"
)

// world has the tokens of two holders.
func world() (guard *fencing.Guard, token, older string) {
	w := fencingtest.NewWorld()
	return w.Guard(), w.Token(20).String(), w.Token(10).String()
}

// admits runs a write of the guide as the newer holder, then as the older one, which must be refused.
func admits(t *testing.T, token, older string, write func(token string) error) {
	t.Helper()
	if err := write(token); err != nil {
		t.Errorf("the holder: %v", err)
	}
	if err := write(older); !errors.Is(err, fencing.ErrStaleToken) {
		t.Errorf("a late write of the holder before: %v", err)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestGuideGuard(t *testing.T) {
	guard := func(shown []byte) (*fencing.Guard, error) {
		lineage, err := fencing.ParseLineage(shown)
		if err != nil {
			return nil, err
		}
		scope, err := fencing.ScopeOf(lineage.Cluster, "/locks/job")
		if err != nil {
			return nil, err
		}
		return fencing.NewGuard(fencing.Policy{Lineage: lineage, Scope: scope})
	}
	_, err := guard([]byte(`{"cluster": "7f8a1c52-0d2e-4b5c-9a61-3f0e8c1d2b4a", "incarnation": "c0ffee00-1111-4222-8333-444455556666"}`))
	must(t, err)
}

func TestGuidePostgreSQL(t *testing.T) {
	ctx := t.Context()
	guard, token, older := world()
	pool, err := pgxpool.New(ctx, pgtest.Start(t))
	must(t, err)
	defer pool.Close()
	err = func() error {
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, pgfence.Schema+`; CREATE TABLE job (state text); INSERT INTO job VALUES ('new')`); err != nil {
				return err
			}
			return guard.Enrol(ctx, pgfence.In(tx), fencing.Token{})
		})
		return err
	}()
	must(t, err)
	var state string
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := guard.SealText(ctx, pgfence.In(tx), token); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT state FROM job`).Scan(&state)
	})
	if err != nil || state != "new" {
		t.Errorf("the seal: %q, %v", state, err)
	}
	admits(t, token, older, func(token string) error {
		err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := guard.CheckText(ctx, pgfence.In(tx), token); err != nil {
				return err // errors.Is(err, fencing.ErrStaleToken): the lock is lost, stop
			}
			_, err := tx.Exec(ctx, `UPDATE job SET state = 'running'`)
			return err
		})
		return err
	})
	admits(t, token, older, func(token string) error {
		batch := &pgx.Batch{}
		batch.Queue(`UPDATE job SET state = $1`, "done")
		_, err = guard.CheckText(ctx, pgfence.Writing(pool, batch), token)
		return err
	})
}

func TestGuideSQLite(t *testing.T) {
	ctx := t.Context()
	guard, token, older := world()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "job.db")+"?_pragma=busy_timeout(15000)")
	must(t, err)
	defer db.Close()
	_, err = db.Exec(sqlitefence.Schema + `; CREATE TABLE job (state TEXT); INSERT INTO job VALUES ('new')`)
	must(t, err)
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	must(t, guard.Enrol(ctx, sqlitefence.In(tx), fencing.Token{}), tx.Commit())
	admits(t, token, older, func(token string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := guard.CheckText(ctx, sqlitefence.In(tx), token); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE job SET state = 'done'`); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// startRedis runs a private server on a Unix socket.
func startRedis(t *testing.T) *redis.Client {
	t.Helper()
	zktest.Require(t, "redis")
	dir, err := os.MkdirTemp("", "rdf") // the path of a socket is short
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	server := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "")
	must(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
	t.Cleanup(func() { client.Close() })
	zktest.Eventually(t, zktest.Patience, "redis-server answers", func() bool { return client.Ping(t.Context()).Err() == nil })
	return client
}

func TestGuideRedis(t *testing.T) {
	ctx, client := t.Context(), startRedis(t)
	guard, token, older := world()
	job, err := redisfence.Open(client, "job")
	must(t, err, guard.Enrol(ctx, job.Writing(), fencing.Token{}))
	admits(t, token, older, func(token string) error {
		store, err := redisfence.Open(client, "job") // every key has {job} in it
		if err != nil {
			return err
		}
		_, err = guard.CheckText(ctx, store.Writing(redisfence.Command{"SET", "{job}:state", "done"}), token)
		return err
	})
}

func TestGuideBadger(t *testing.T) {
	ctx := t.Context()
	guard, token, older := world()
	db, err := badger.Open(badger.DefaultOptions("").WithInMemory(true).WithLogger(nil))
	must(t, err)
	defer db.Close()
	must(t, badgerfence.Update(ctx, db, func(txn *badger.Txn) error { return guard.Enrol(ctx, badgerfence.In(txn), fencing.Token{}) }))
	admits(t, token, older, func(token string) error {
		return badgerfence.Update(ctx, db, func(txn *badger.Txn) error {
			if _, err := guard.CheckText(ctx, badgerfence.In(txn), token); err != nil {
				return err
			}
			return txn.Set([]byte("state"), []byte("done"))
		})
	})
}

func TestGuideS3(t *testing.T) {
	ctx, data := t.Context(), []byte("{}")
	guard, token, older := world()
	server := httptest.NewServer(gofakes3.New(s3mem.New()).Server())
	defer server.Close()
	client, err := minio.New(server.Listener.Addr().String(), &minio.Options{Creds: credentials.NewStaticV4("access", "secretsecret", ""), Region: "us-east-1"})
	must(t, err, client.MakeBucket(ctx, "bucket", minio.MakeBucketOptions{}))
	job, err := s3fence.Open(ctx, client, "bucket", "job/")
	must(t, err, guard.Enrol(ctx, job.Writing(nil), fencing.Token{}))
	admits(t, token, older, func(token string) error {
		bucket, err := s3fence.Open(ctx, client, "bucket", "job/")
		if err != nil {
			return err
		}
		_, err = guard.CheckText(ctx, bucket.Writing(func(tx *s3fence.Tx) error {
			return tx.Put("state.json", data)
		}), token)
		return err
	})
}

func TestGuideFiles(t *testing.T) {
	ctx, folder, data := t.Context(), t.TempDir(), []byte("{}")
	guard, token, older := world()
	job, err := filefence.Open(folder)
	must(t, err, guard.Enrol(ctx, job.Writing(nil), fencing.Token{}))
	admits(t, token, older, func(token string) error {
		dir, err := filefence.Open(folder)
		if err != nil {
			return err
		}
		_, err = guard.CheckText(ctx, dir.Writing(func(w *filefence.Writer) error {
			return w.WriteFile("state.json", data)
		}), token)
		return err
	})
}

// held stands for a grant of fencing/lock.
type held string

func (h held) Presented() (string, error) { return string(h), nil }

// The process that guards the resource is started anew for each of the two writes: it remembers the newer grant.
func TestGuideHTTP(t *testing.T) {
	ctx, folder := t.Context(), t.TempDir()
	guard, token, older := world()
	job, err := filefence.OpenMarks(folder)
	must(t, err, guard.Enrol(ctx, job, fencing.Token{}), job.Close())
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	admits(t, token, older, func(token string) error {
		mux := http.NewServeMux()
		var closer io.Closer
		err := func() error {
			marks, err := filefence.OpenMarks(folder) // for this process alone
			if err != nil {
				return err
			}
			fence := &httpfence.Middleware{Guard: guard, Gate: &fencing.Gate{Marks: marks, Grace: 5 * time.Second}}
			mux.Handle("/job/", fence.Wrap(handler))
			closer = marks
			return nil
		}()
		must(t, err)
		defer closer.Close()
		server := httptest.NewServer(mux)
		defer server.Close()
		grant, url, body := held(token), server.URL+"/job/", strings.NewReader("{}")
		client := &http.Client{Transport: &httpfence.Transport{Token: grant.Presented}}
		if err := httpfence.Seal(ctx, client, url); err != nil {
			return err
		}
		response, err := client.Post(url, "application/json", body)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		return err
	})
}

func TestGuideGRPC(t *testing.T) {
	guard, token, older := world()
	marks, err := filefence.OpenMarks(t.TempDir())
	must(t, err, guard.Enrol(t.Context(), marks, fencing.Token{}))
	defer marks.Close()
	fence := &grpcfence.Server{Guard: guard, Gate: &fencing.Gate{Marks: marks}}
	server := grpc.NewServer(grpc.UnaryInterceptor(fence.Unary), grpc.StreamInterceptor(fence.Stream))
	defer server.Stop()
	admits(t, token, older, func(token string) error {
		_, leave, err := fence.Gate.Enter(t.Context(), guard, token, fencing.OpCheck)
		if err == nil {
			leave()
		}
		return err
	})
}

func TestGuideMemory(t *testing.T) {
	ctx, marks, state := t.Context(), &fencing.Memory{}, ""
	guard, token, older := world()
	must(t, guard.Enrol(ctx, marks, fencing.Token{}))
	admits(t, token, older, func(token string) error {
		_, err := guard.CheckText(ctx, marks.Writing(func() error {
			state = "done"
			return nil
		}), token)
		return err
	})
	if state != "done" {
		t.Errorf("the state is %q", state)
	}
}

// memoryStore is somebody's own storage.
type memoryStore struct {
	g     *fencing.Guard
	marks fencing.Memory
	mu    sync.Mutex
	data  map[string]string
}

func open(_ *testing.T, g *fencing.Guard) fencingtest.Store {
	return &memoryStore{g: g, data: map[string]string{}}
}

func (s *memoryStore) Seal(ctx context.Context, t fencing.Token) error {
	return s.g.Seal(ctx, &s.marks, t)
}

func (s *memoryStore) Enrol(ctx context.Context, floor fencing.Token) error {
	return s.g.Enrol(ctx, &s.marks, floor)
}

func (s *memoryStore) LoseWatermark(context.Context) error {
	s.marks.Forget(s.g.Scope())
	return nil
}

func (s *memoryStore) Read(_ context.Context, key string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data[key], nil
}

func (s *memoryStore) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	return s.g.Check(ctx, s.marks.Writing(func() error {
		if between != nil {
			if err := between(); err != nil {
				return err
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.data[key] = value
		return nil
	}), t)
}

func TestGuideSuite(t *testing.T) {
	fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store { return open(t, g) })
}

func TestGuideLock(t *testing.T) {
	ctx, servers := t.Context(), []string{zktest.StartPaddock(t, zktest.Config{}).Addr()}
	take := func() error {
		session, err := lock.Connect(ctx, lock.Config{Servers: servers, Timeout: 10 * time.Second})
		if err != nil {
			return err
		}
		defer session.Close()
		grant, err := session.NewLock("/locks/job").Lock(ctx)
		if err != nil {
			return err
		}
		defer grant.Unlock(ctx)
		token, err := grant.Presented() // before every write; an error means that the lock is lost
		if !strings.HasPrefix(token, "v4.public.") {
			t.Errorf("the token is %q", token)
		}
		return err
	}
	must(t, take())
}
