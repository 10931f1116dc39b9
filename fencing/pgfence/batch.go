package pgfence

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paddock-zk/paddock/fencing"
)

// DB is a *pgx.Conn or *pgxpool.Pool.
type DB interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Writing gives the watermarks for one guarded batch of statements, in a transaction of its own; statements may be nil to seal or enrol. Under a token that is
// sealed already, check and statements go in one round trip. The functions of queued queries are called as usual.
func Writing(db DB, statements *pgx.Batch, options ...Option) fencing.Watermarks {
	return batched{db, statements, options}
}

type batched struct {
	db         DB
	statements *pgx.Batch
	options    []Option
}

// sameOrFail locks the row like sameGrant, and fails (division by zero) when it is not there, so that the statements after it are not run.
const sameOrFail = `SELECT 1/count(*) FROM (` + sameGrant + `) AS same`

// Raise is the fencing.Watermarks contract.
func (w batched) Raise(ctx context.Context, c fencing.Claim) error {
	if w.statements != nil && c.Op() == fencing.OpCheck && c.Token().Mode == fencing.Exclusive {
		done, err := w.oneTrip(ctx, c)
		if done || err != nil {
			return err
		}
	}
	// A seal needs READ COMMITTED, whatever the default of the database is.
	return pgx.BeginTxFunc(ctx, w.db, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		if err := In(tx, w.options...).Raise(ctx, c); err != nil || w.statements == nil {
			return err
		}
		if err := tx.SendBatch(ctx, w.copyAfter()).Close(); err != nil {
			return fmt.Errorf("pgfence: guarded statements: %w", err)
		}
		return nil
	})
}

// oneTrip sends everything at once; done is false when the token is not the sealed one, and then nothing has happened.
func (w batched) oneTrip(ctx context.Context, c fencing.Claim) (done bool, err error) {
	same := &pgx.Batch{}
	same.Queue(sameOrFail, append(markArgs(c.SameGrant()), gateOf(c.Scope()), apply(w.options).idle.Milliseconds())...)
	results := w.db.SendBatch(ctx, w.copyAfter(same.QueuedQueries...))
	_, err = results.Exec()
	var pg *pgconn.PgError
	notSame := errors.As(err, &pg) && pg.Code == "22012"
	if err = errors.Join(err, results.Close()); notSame {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("pgfence: guarded statements: %w", err)
	}
	return true, nil
}

// copyAfter puts the statements into a new batch, since one that was sent belongs to its connection.
func (w batched) copyAfter(first ...*pgx.QueuedQuery) *pgx.Batch {
	b := &pgx.Batch{}
	b.QueuedQueries = append(b.QueuedQueries, first...)
	for _, q := range w.statements.QueuedQueries {
		b.Queue(q.SQL, q.Arguments...).Fn = q.Fn
	}
	return b
}
