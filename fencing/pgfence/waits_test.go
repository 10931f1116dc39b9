package pgfence

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paddock-zk/paddock/compat/proof/zktest/pgtest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

// Whoever waits here waits for PostgreSQL, which tells in pg_locks that it does.
func TestTransactions(t *testing.T) {
	dsn := pgtest.Start(t)
	for name, test := range map[string]func(*testing.T, pgxStore){
		"a seal waits for nobody that begins later, and those are stale":     sealWaitsForNobodyLater,
		"a holder that a seal waits for is named, and can be ended":          holdersAreNamed,
		"a stopped holder is ended after the idle limit":                     idleLimit,
		"a seal without synchronous commit is refused":                       synchronousCommit,
		"a read is checked in a read-only transaction":                       readOnly,
		"a batch seals where the default of the database is serializable":    batchAtSerializable,
		"a writer that is stale takes no lock that another stale one awaits": staleWritersDoNotDeadlock,
	} {
		t.Run(name, func(t *testing.T) {
			s := pgxStore{g: fencingtest.NewWorld().Guard(), pool: openPool(t, dsn)}
			must(t, s.Enrol(t.Context(), fencing.Token{}))
			must(t, s.Seal(t.Context(), fencingtest.NewWorld().Token(5)))
			test(t, s)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// begin gives a transaction that passed the check of a token.
func begin(t *testing.T, s pgxStore, token fencing.Token) pgx.Tx {
	t.Helper()
	tx, err := s.pool.Begin(t.Context())
	must(t, err)
	t.Cleanup(func() { tx.Rollback(context.WithoutCancel(t.Context())) }) // or a failure here would wait for ever for the pool
	must(t, s.g.Check(t.Context(), In(tx), token))
	return tx
}

// waiting returns when n transactions wait for a lock.
func waiting(t *testing.T, s pgxStore, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for got := -1; got != n; {
		must(t, s.pool.QueryRow(ctx, `SELECT count(*) FROM pg_locks WHERE NOT granted`).Scan(&got))
	}
}

func async(fn func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	return done
}

func sealWaitsForNobodyLater(t *testing.T, s pgxStore) {
	w := fencingtest.NewWorld()
	first := begin(t, s, w.Token(5))
	seal := async(func() error { return s.Seal(t.Context(), w.Token(6)) })
	waiting(t, s, 1)
	var later []<-chan error
	for range 2 {
		later = append(later,
			async(func() error { return s.Write(t.Context(), w.Token(5), "k", "stale", nil) }),
			async(func() error { return batchStore{s}.Write(t.Context(), w.Token(5), "k", "stale", nil) }))
	}
	waiting(t, s, 5)
	must(t, first.Commit(t.Context()))
	must(t, <-seal)
	for _, done := range later {
		if err := <-done; !errors.Is(err, fencing.ErrStaleToken) {
			t.Errorf("a writer that began behind the seal: %v", err)
		}
	}
}

// staleWritersDoNotDeadlock: they waited for the raise with the row itself, as older versions of the package do, and hold it in share mode when they find it changed.
func staleWritersDoNotDeadlock(t *testing.T, s pgxStore) {
	w := fencingtest.NewWorld()
	raise, err := s.pool.Begin(t.Context())
	must(t, err)
	t.Cleanup(func() { raise.Rollback(context.WithoutCancel(t.Context())) })
	_, err = raise.Exec(t.Context(), `UPDATE paddock_fence SET fence = 6`)
	must(t, err)
	var stale []<-chan error
	for range 4 {
		stale = append(stale, async(func() error { return s.Write(t.Context(), w.Token(5), "k", "stale", nil) }))
	}
	waiting(t, s, 4)
	must(t, raise.Commit(t.Context()))
	for _, done := range stale {
		if err := <-done; !errors.Is(err, fencing.ErrStaleToken) {
			t.Errorf("a stale writer: %v", err)
		}
	}
}

func holdersAreNamed(t *testing.T, s pgxStore) {
	w := fencingtest.NewWorld()
	if list, err := Holders(t.Context(), s.pool, s.g.Scope()); len(list) != 0 || err != nil {
		t.Fatalf("nobody holds the scope, and the list is %v, %v", list, err)
	}
	stopped := begin(t, s, w.Token(5))
	seal := async(func() error { return s.Seal(t.Context(), w.Token(6)) })
	waiting(t, s, 1)
	list, err := Holders(t.Context(), s.pool, s.g.Scope())
	must(t, err)
	if len(list) != 1 || list[0].State != "idle in transaction" || list[0].PID != stopped.Conn().PgConn().PID() {
		t.Fatalf("the holders are %+v, and the one that is stopped is %d", list, stopped.Conn().PgConn().PID())
	}
	another := list[0]
	another.Began = another.Began.Add(time.Second)
	if ended, err := End(t.Context(), s.pool, another); ended || err != nil {
		t.Fatalf("the same process in another transaction: ended %v, %v", ended, err)
	}
	if ended, err := End(t.Context(), s.pool, list[0]); !ended || err != nil {
		t.Fatalf("ended %v, %v", ended, err)
	}
	must(t, <-seal)
	if err := stopped.Commit(t.Context()); err == nil {
		t.Fatal("a session that was ended has committed")
	}
}

func idleLimit(t *testing.T, s pgxStore) {
	w := fencingtest.NewWorld()
	for _, c := range []struct {
		own     string
		options []Option
		want    string
	}{
		{"0", nil, "1min"},
		{"0", []Option{IdleLimit(5 * time.Second)}, "5s"},
		{"0", []Option{IdleLimit(0)}, "0"},
		{"7s", nil, "7s"},
	} {
		for _, fence := range []int64{5, 6} { // one that is sealed, and one that raises
			tx, err := s.pool.Begin(t.Context())
			must(t, err)
			_, err = tx.Exec(t.Context(), `SELECT set_config('idle_in_transaction_session_timeout', $1, true)`, c.own)
			must(t, err)
			must(t, s.g.Check(t.Context(), In(tx, c.options...), w.Token(fence)))
			var got string
			must(t, tx.QueryRow(t.Context(), `SHOW idle_in_transaction_session_timeout`).Scan(&got))
			must(t, tx.Rollback(t.Context()))
			if got != c.want {
				t.Errorf("fence %d, the session's own limit %s: %s, want %s", fence, c.own, got, c.want)
			}
		}
	}
}

func synchronousCommit(t *testing.T, s pgxStore) {
	w := fencingtest.NewWorld()
	tx, err := s.pool.Begin(t.Context())
	must(t, err)
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	_, err = tx.Exec(t.Context(), `SET LOCAL synchronous_commit = off`)
	must(t, err)
	must(t, s.g.Check(t.Context(), In(tx), w.Token(5))) // sealed before, durably
	if err := s.g.Seal(t.Context(), In(tx), w.Token(6)); fencing.ReasonOf(err) != fencing.ReasonStorage {
		t.Fatalf("a seal that a crash can take back: %v", err)
	}
	_, err = tx.Exec(t.Context(), `SET LOCAL synchronous_commit = on`)
	must(t, err)
	must(t, s.g.Seal(t.Context(), In(tx), w.Token(6)))
}

func readOnly(t *testing.T, s pgxStore) {
	w := fencingtest.NewWorld()
	check := func(mode pgx.TxAccessMode, token fencing.Token) error {
		return pgx.BeginTxFunc(t.Context(), s.pool, pgx.TxOptions{AccessMode: mode}, func(tx pgx.Tx) error {
			return s.g.CheckRead(t.Context(), In(tx), token)
		})
	}
	for _, mode := range []pgx.TxAccessMode{pgx.ReadOnly, pgx.ReadWrite} {
		must(t, check(mode, w.Token(5)))
		must(t, check(mode, w.Token(6)))
		must(t, check(mode, w.Shared(5)))
		if err := check(mode, w.Token(4)); !errors.Is(err, fencing.ErrStaleToken) {
			t.Errorf("%s: a stale reader: %v", mode, err)
		}
	}
}

func batchAtSerializable(t *testing.T, s pgxStore) {
	w := fencingtest.NewWorld()
	config := s.pool.Config()
	config.ConnConfig.RuntimeParams["default_transaction_isolation"] = "serializable"
	conn, err := pgx.ConnectConfig(t.Context(), config.ConnConfig)
	must(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	must(t, s.g.Seal(t.Context(), Writing(conn, nil), w.Token(6)))
}
