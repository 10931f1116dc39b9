package pgfence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/paddock-zk/paddock/fencing"
)

// Schema creates the table of watermarks. Run it once, in the database (and the schema on the search path) that holds the protected data.
const Schema = `CREATE TABLE IF NOT EXISTS paddock_fence (
	scope       bytea  PRIMARY KEY CHECK (length(scope) = 16),
	cluster     bytea  NOT NULL CHECK (length(cluster) = 16),
	incarnation bytea  NOT NULL CHECK (length(incarnation) = 16),
	fence       bigint NOT NULL CHECK (fence >= 0),
	sub         bigint NOT NULL CHECK (sub BETWEEN 0 AND 4294967295)
)`

// In keeps the watermark in a pgx transaction. Only a transaction will do: outside of one the check and the write would be two steps.
func In(tx pgx.Tx) fencing.Watermarks { return watermarks{pgxTx{tx}} }

// InSQL keeps the watermark in a database/sql transaction on PostgreSQL.
func InSQL(tx *sql.Tx) fencing.Watermarks { return watermarks{sqlTx{tx}} }

// conn is what both kinds of transaction can do.
type conn interface {
	// row scans the first row of a query; found is false if there is none.
	row(ctx context.Context, query string, args, dest []any) (found bool, err error)
	exec(ctx context.Context, query string, args []any) (rows int64, err error)
}

type watermarks struct{ conn conn }

const (
	sameGrant = `SELECT 1 FROM paddock_fence WHERE scope = $1 AND cluster = $2 AND incarnation = $3 AND fence = $4 AND sub = $5 FOR SHARE`
	lookAt    = `SELECT cluster, incarnation, fence, sub FROM paddock_fence WHERE scope = $1 FOR SHARE`
	lock      = `SELECT cluster, incarnation, fence, sub FROM paddock_fence WHERE scope = $1 FOR UPDATE`
	insert    = `INSERT INTO paddock_fence (scope, cluster, incarnation, fence, sub) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope) DO NOTHING`
	update    = `UPDATE paddock_fence SET cluster = $2, incarnation = $3, fence = $4, sub = $5 WHERE scope = $1`
)

// Raise is the fencing.Watermarks contract: one round trip for a token that is sealed already, at most three for one that raises.
func (w watermarks) Raise(ctx context.Context, c fencing.Claim) error {
	if c.Op() != fencing.OpEnrol && c.Token().Mode == fencing.Exclusive {
		var one int
		same, err := w.conn.row(ctx, sameGrant, markArgs(c.SameGrant()), []any{&one})
		if err != nil {
			return fmt.Errorf("pgfence: look for the grant of %s: %w", c.Scope(), err)
		}
		if same {
			return nil
		}
	}
	// Two tries: between finding no row and inserting it, another transaction may have inserted it.
	for range 2 {
		seen, found, err := w.load(ctx, c)
		if err != nil {
			return err
		}
		next, store, err := c.Judge(seen, found)
		if err != nil || !store {
			return err
		}
		query := update
		if !found {
			query = insert
		}
		rows, err := w.conn.exec(ctx, query, markArgs(next))
		if err != nil {
			return fmt.Errorf("pgfence: store the watermark of %s: %w", c.Scope(), err)
		}
		if rows == 1 {
			return nil
		}
	}
	return fmt.Errorf("pgfence: the watermark of %s appears and disappears: under REPEATABLE READ redo the transaction; otherwise somebody deletes it, which must not be", c.Scope())
}

func (w watermarks) load(ctx context.Context, c fencing.Claim) (m fencing.Mark, found bool, err error) {
	query := lock
	if c.Op() == fencing.OpRead || c.Token().Mode == fencing.Shared {
		query = lookAt // never raises, so readers need not queue
	}
	scope := c.Scope()
	var cluster, incarnation []byte
	var sub int64
	found, err = w.conn.row(ctx, query, []any{scope[:]}, []any{&cluster, &incarnation, &m.Fence, &sub})
	if err != nil {
		return m, false, fmt.Errorf("pgfence: read the watermark of %s: %w", scope, err)
	}
	if !found {
		return m, false, nil
	}
	m.Scope, m.Sub = scope, uint32(sub)
	if copy(m.Cluster[:], cluster) != len(cluster) || copy(m.Incarnation[:], incarnation) != len(incarnation) {
		return m, false, fmt.Errorf("pgfence: the watermark of %s has ids of the wrong length", scope)
	}
	return m, true, nil
}

func markArgs(m fencing.Mark) []any {
	return []any{m.Scope[:], m.Cluster[:], m.Incarnation[:], m.Fence, int64(m.Sub)}
}

type pgxTx struct{ tx pgx.Tx }

func (t pgxTx) row(ctx context.Context, query string, args, dest []any) (bool, error) {
	err := t.tx.QueryRow(ctx, query, args...).Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (t pgxTx) exec(ctx context.Context, query string, args []any) (int64, error) {
	tag, err := t.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

type sqlTx struct{ tx *sql.Tx }

func (t sqlTx) row(ctx context.Context, query string, args, dest []any) (bool, error) {
	err := t.tx.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (t sqlTx) exec(ctx context.Context, query string, args []any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
