package pgfence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/paddock-zk/paddock/compat/proof/zktest/pgtest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

const put = `INSERT INTO kv (k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v`

// pgxStore and sqlStore are one store through two drivers.
type pgxStore struct {
	g     *fencing.Guard
	pool  *pgxpool.Pool
	level pgx.TxIsoLevel // of SealAndRead; "" is the default of the database
}

func (s pgxStore) tx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, fn)
}

func (s pgxStore) SealAndRead(ctx context.Context, t fencing.Token, key string, begun func()) (v string, err error) {
	read := func(tx pgx.Tx) error { return tx.QueryRow(ctx, `SELECT v FROM kv WHERE k = $1`, key).Scan(&v) }
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: s.level}, func(tx pgx.Tx) error {
		if err := read(tx); err != nil {
			return err
		}
		begun()
		if err := s.g.Seal(ctx, In(tx), t); err != nil {
			return err
		}
		return read(tx)
	})
	return v, err
}

func (s pgxStore) Seal(ctx context.Context, t fencing.Token) error {
	return s.tx(ctx, func(tx pgx.Tx) error { return s.g.Seal(ctx, In(tx), t) })
}

func (s pgxStore) Enrol(ctx context.Context, floor fencing.Token) error {
	return s.tx(ctx, func(tx pgx.Tx) error { return s.g.Enrol(ctx, In(tx), floor) })
}

func (s pgxStore) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		if err := s.g.Check(ctx, In(tx), t); err != nil {
			return err
		}
		if between != nil {
			if err := between(); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, put, key, value)
		return err
	})
}

func (s pgxStore) Read(ctx context.Context, key string) (v string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT v FROM kv WHERE k = $1`, key).Scan(&v)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return v, err
}

func (s pgxStore) LoseWatermark(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM paddock_fence`)
	return err
}

// batchStore writes in one round trip; between has no place in it.
type batchStore struct{ pgxStore }

func (s batchStore) Seal(ctx context.Context, t fencing.Token) error {
	return s.g.Seal(ctx, Writing(s.pool, nil), t)
}

func (s batchStore) Enrol(ctx context.Context, floor fencing.Token) error {
	return s.g.Enrol(ctx, Writing(s.pool, nil), floor)
}

func (s batchStore) Write(ctx context.Context, t fencing.Token, key, value string, _ func() error) error {
	b := &pgx.Batch{}
	b.Queue(put, key, value)
	return s.g.Check(ctx, Writing(s.pool, b), t)
}

type sqlStore struct {
	pgxStore
	db *sql.DB
}

func (s sqlStore) tx(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (s sqlStore) Seal(ctx context.Context, t fencing.Token) error {
	return s.tx(ctx, func(tx *sql.Tx) error { return s.g.Seal(ctx, InSQL(tx), t) })
}

func (s sqlStore) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		if err := s.g.Check(ctx, InSQL(tx), t); err != nil {
			return err
		}
		if between != nil {
			if err := between(); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, put, key, value)
		return err
	})
}

func openPool(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), dsn+" pool_max_conns=12")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	for _, q := range []string{`DROP TABLE IF EXISTS kv, paddock_fence`, Schema, `CREATE TABLE kv (k text PRIMARY KEY, v text NOT NULL)`} {
		if _, err := pool.Exec(context.Background(), q); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

func TestConformance(t *testing.T) {
	dsn := pgtest.Start(t)
	t.Run("pgx", func(t *testing.T) {
		fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store { return pgxStore{g: g, pool: openPool(t, dsn)} })
	})
	for _, level := range []pgx.TxIsoLevel{pgx.RepeatableRead, pgx.Serializable} {
		t.Run("pgx, seals that read at "+string(level), func(t *testing.T) {
			fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store {
				return pgxStore{g: g, pool: openPool(t, dsn), level: level}
			})
		})
	}
	t.Run("pgx in one round trip", func(t *testing.T) {
		fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store {
			return batchStore{pgxStore{g: g, pool: openPool(t, dsn)}}
		})
	})
	t.Run("an error of the batch", func(t *testing.T) { batchError(t, dsn) })
	t.Run("database/sql", func(t *testing.T) {
		fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store {
			pool := openPool(t, dsn)
			db := stdlib.OpenDBFromPool(pool)
			t.Cleanup(func() { db.Close() })
			return sqlStore{pgxStore{g: g, pool: pool}, db}
		})
	})
	t.Run("serializable: a conflict is an error, and the redone transaction is refused", func(t *testing.T) { serializable(t, dsn) })
}

// batchError: a statement that fails undoes the others, and is not mistaken for a refusal, not even when it divides by zero.
func batchError(t *testing.T, dsn string) {
	ctx, w := t.Context(), fencingtest.NewWorld()
	s := batchStore{pgxStore{g: w.Guard(), pool: openPool(t, dsn)}}
	if err := errors.Join(s.Enrol(ctx, fencing.Token{}), s.Seal(ctx, w.Token(5))); err != nil {
		t.Fatal(err)
	}
	b := &pgx.Batch{}
	b.Queue(put, "k", "v")
	b.Queue("SELECT 1/(SELECT count(*) FROM kv WHERE k = 'nobody')")
	err := s.g.Check(ctx, Writing(s.pool, b), w.Token(5))
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || fencing.ReasonOf(err) != fencing.ReasonStorage {
		t.Fatalf("got %v", err)
	}
	if v, err := s.Read(ctx, "k"); v != "" || err != nil {
		t.Fatalf("k is %q, %v", v, err)
	}
}

// serializable: the paused writer's snapshot is older than the seal. It must not slip through.
func serializable(t *testing.T, dsn string) {
	ctx, w := t.Context(), fencingtest.NewWorld()
	s := pgxStore{g: w.Guard(), pool: openPool(t, dsn)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Enrol(ctx, w.Token(1)))
	for _, level := range []pgx.TxIsoLevel{pgx.RepeatableRead, pgx.Serializable} {
		base := map[pgx.TxIsoLevel]int64{pgx.RepeatableRead: 10, pgx.Serializable: 20}[level]
		must(s.Seal(ctx, w.Token(base)))
		tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: level})
		must(err)
		defer tx.Rollback(context.WithoutCancel(ctx)) // or a failure here would wait for ever for the pool
		var one int
		must(tx.QueryRow(ctx, "SELECT count(*) FROM kv").Scan(&one)) // takes the snapshot
		must(s.Seal(ctx, w.Token(base+1)))
		if err := s.g.Check(ctx, In(tx), w.Token(base)); err == nil {
			t.Fatalf("%s: a transaction with an old snapshot passed the check", level)
		} else {
			t.Logf("%s: %v", level, err)
		}
		must(tx.Rollback(ctx))
		if err := s.Write(ctx, w.Token(base), "k", "stale", nil); !errors.Is(err, fencing.ErrStaleToken) {
			t.Fatalf("%s, redone: %v", level, err)
		}
	}
}

// BenchmarkWrite compares a transaction of one update with and without the guard.
func BenchmarkWrite(b *testing.B) {
	dsn := pgtest.Start(b)
	ctx, w := context.Background(), fencingtest.NewWorld()
	s := pgxStore{g: w.Guard(), pool: openPool(b, dsn)}
	if err := errors.Join(s.Enrol(ctx, fencing.Token{}), s.Seal(ctx, w.Token(5))); err != nil {
		b.Fatal(err)
	}
	plain := func(n int) error {
		return s.tx(ctx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, put, "k", fmt.Sprint(n))
			return err
		})
	}
	guarded := func(n int) error { return s.Write(ctx, w.Token(5), "k", fmt.Sprint(n), nil) }
	batch := func(n int) error { return batchStore{s}.Write(ctx, w.Token(5), "k", fmt.Sprint(n), nil) }
	// In turns, so that whatever else the machine does hits both alike.
	var spent [3]time.Duration
	n := 0
	for b.Loop() {
		for i, write := range []func(int) error{plain, guarded, batch} {
			n++
			start := time.Now()
			if err := write(n); err != nil {
				b.Fatal(err)
			}
			spent[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(spent[0].Microseconds())/float64(b.N), "plain-µs")
	b.ReportMetric(float64(spent[1].Microseconds())/float64(b.N), "guarded-µs")
	b.ReportMetric(float64(spent[2].Microseconds())/float64(b.N), "batch-µs")
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "guarded/plain")
	b.ReportMetric(float64(spent[2])/float64(spent[0]), "batch/plain")
}
