package sqlitefence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/paddock-zk/paddock/fencing"
)

// Schema creates the table of watermarks, in the file that holds the protected data.
const Schema = `CREATE TABLE IF NOT EXISTS paddock_fence (scope TEXT PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID`

// In keeps the watermark in a transaction. Only a transaction will do: outside of one the check and the write would be two steps.
func In(tx *sql.Tx) fencing.Watermarks { return watermarks{tx} }

type watermarks struct{ tx *sql.Tx }

// Raise is the fencing.Watermarks contract.
func (w watermarks) Raise(ctx context.Context, c fencing.Claim) error {
	scope := c.Scope().String()
	// A statement that could write takes the lock first, so that nothing can change between reading the mark and the end of the transaction; it changes no row, so no page is written for it.
	if _, err := w.tx.ExecContext(ctx, `UPDATE paddock_fence SET mark = mark WHERE 0`); err != nil {
		return fmt.Errorf("sqlitefence: take the write lock: %w", err)
	}
	seen, found, err := w.load(ctx, scope)
	if err != nil {
		return err
	}
	next, store, err := c.Judge(seen, found)
	if err != nil || !store {
		return err
	}
	if _, err := w.tx.ExecContext(ctx, `INSERT INTO paddock_fence (scope, mark) VALUES (?, ?) ON CONFLICT (scope) DO UPDATE SET mark = excluded.mark`, scope, next.String()); err != nil {
		return fmt.Errorf("sqlitefence: store the watermark of %s: %w", scope, err)
	}
	return nil
}

func (w watermarks) load(ctx context.Context, scope string) (fencing.Mark, bool, error) {
	var text string
	err := w.tx.QueryRowContext(ctx, `SELECT mark FROM paddock_fence WHERE scope = ?`, scope).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return fencing.Mark{}, false, nil
	}
	if err != nil {
		return fencing.Mark{}, false, fmt.Errorf("sqlitefence: read the watermark of %s: %w", scope, err)
	}
	m, err := fencing.ParseMark(text)
	return m, err == nil, err
}
