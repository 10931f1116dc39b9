package pgfence_test

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/pgfence"
)

func ExampleIn() {
	update := func(ctx context.Context, pool *pgxpool.Pool, guard *fencing.Guard, token string) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := guard.CheckText(ctx, pgfence.In(tx), token); err != nil {
				return err // errors.Is(err, fencing.ErrStaleToken): the lock is lost, stop
			}
			_, err := tx.Exec(ctx, `UPDATE job SET state = 'done'`)
			return err
		})
	}
	_ = update
}

func ExampleWriting() {
	update := func(ctx context.Context, pool *pgxpool.Pool, guard *fencing.Guard, token string) error {
		batch := &pgx.Batch{}
		batch.Queue(`UPDATE job SET state = $1`, "done")
		batch.Queue(`INSERT INTO log VALUES ($1)`, "done")
		_, err := guard.CheckText(ctx, pgfence.Writing(pool, batch), token)
		return err
	}
	_ = update
}
