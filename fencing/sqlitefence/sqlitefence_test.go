package sqlitefence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

const put = `INSERT INTO kv (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v`

type store struct {
	g  *fencing.Guard
	db *sql.DB
}

func open(t testing.TB, g *fencing.Guard, options string) store {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "test.db")+"?_pragma=busy_timeout(15000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"+options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, q := range []string{Schema, `CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT NOT NULL)`} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	return store{g, db}
}

func (s store) tx(ctx context.Context, fn func(tx *sql.Tx) error) error {
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

func (s store) Seal(ctx context.Context, t fencing.Token) error {
	return s.tx(ctx, func(tx *sql.Tx) error { return s.g.Seal(ctx, In(tx), t) })
}

func (s store) Enrol(ctx context.Context, floor fencing.Token) error {
	return s.tx(ctx, func(tx *sql.Tx) error { return s.g.Enrol(ctx, In(tx), floor) })
}

func (s store) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		if err := s.g.Check(ctx, In(tx), t); err != nil {
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

func (s store) SealAndRead(ctx context.Context, t fencing.Token, key string, begun func()) (v string, err error) {
	read := func(tx *sql.Tx) error { return tx.QueryRowContext(ctx, `SELECT v FROM kv WHERE k = ?`, key).Scan(&v) }
	err = s.tx(ctx, func(tx *sql.Tx) error {
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

func (s store) Read(ctx context.Context, key string) (v string, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT v FROM kv WHERE k = ?`, key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

func (s store) LoseWatermark(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM paddock_fence`)
	return err
}

func TestConformance(t *testing.T) {
	for name, options := range map[string]string{"deferred": "", "immediate": "&_txlock=immediate"} {
		t.Run(name, func(t *testing.T) {
			fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store { return open(t, g, options) })
		})
	}
}

func TestTransactionThatReadBeforeItsCheckAndWasOvertakenFails(t *testing.T) {
	ctx, w := t.Context(), fencingtest.NewWorld()
	s := open(t, w.Guard(), "")
	if err := errors.Join(s.Enrol(ctx, fencing.Token{}), s.Seal(ctx, w.Token(10))); err != nil {
		t.Fatal(err)
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM kv`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if err := s.Seal(ctx, w.Token(20)); err != nil {
		t.Fatal(err)
	}
	if err := s.g.Check(ctx, In(tx), w.Token(10)); err == nil {
		t.Fatal("a transaction with an old snapshot passed the check")
	}
}

func TestDamagedWatermarkIsNotGuessed(t *testing.T) {
	ctx, w := t.Context(), fencingtest.NewWorld()
	s := open(t, w.Guard(), "")
	if err := errors.Join(s.Enrol(ctx, fencing.Token{}), s.Seal(ctx, w.Token(10))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec(`UPDATE paddock_fence SET mark = replace(mark, 'a00000000', '900000000')`); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, w.Token(11), "k", "v", nil); !errors.Is(err, fencing.ErrMalformed) {
		t.Fatalf("got %v", err)
	}
}

// BenchmarkWrite compares a transaction of one update with and without the guard.
func BenchmarkWrite(b *testing.B) {
	ctx, w := context.Background(), fencingtest.NewWorld()
	s := open(b, w.Guard(), "&_txlock=immediate")
	if err := errors.Join(s.Enrol(ctx, fencing.Token{}), s.Seal(ctx, w.Token(5))); err != nil {
		b.Fatal(err)
	}
	plain := func(n int) error {
		return s.tx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, put, "k", fmt.Sprint(n))
			return err
		})
	}
	guarded := func(n int) error { return s.Write(ctx, w.Token(5), "k", fmt.Sprint(n), nil) }
	// In turns, so that whatever else the machine does hits both alike.
	var spent [2]time.Duration
	n := 0
	for b.Loop() {
		for i, write := range []func(int) error{plain, guarded} {
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
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "guarded/plain")
}
