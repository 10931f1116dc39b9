package sqlitefence_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/sqlitefence"
)

// inTx is one transaction; fencing is the first thing that happens in it.
func inTx(ctx context.Context, db *sql.DB, fn func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func ExampleIn() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "job.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	if _, err := db.Exec(sqlitefence.Schema + `; CREATE TABLE job (state TEXT); INSERT INTO job VALUES ('new')`); err != nil {
		panic(err)
	}
	l := fencing.Lineage{Cluster: fencing.ID{1}, Incarnation: fencing.ID{2}}
	scope, _ := fencing.ScopeOf(l.Cluster, "/locks/job")
	guard, _ := fencing.NewGuard(fencing.Policy{Lineage: l, Scope: scope})
	older, _ := fencing.FromCzxid(l, "/locks/job", fencing.Exclusive, 5)
	newer, _ := fencing.FromCzxid(l, "/locks/job", fencing.Exclusive, 9)

	write := func(t fencing.Token, state string) error {
		return inTx(ctx, db, func(tx *sql.Tx) error {
			if _, err := guard.CheckText(ctx, sqlitefence.In(tx), t.String()); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `UPDATE job SET state = ?`, state)
			return err
		})
	}
	fmt.Println(inTx(ctx, db, func(tx *sql.Tx) error { return guard.Enrol(ctx, sqlitefence.In(tx), fencing.Token{}) }))
	fmt.Println(write(older, "by the first holder"))
	fmt.Println(inTx(ctx, db, func(tx *sql.Tx) error { return guard.Seal(ctx, sqlitefence.In(tx), newer) }))
	fmt.Println(errors.Is(write(older, "late"), fencing.ErrStaleToken))
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// true
}
