// Package pgfence keeps fencing watermarks in PostgreSQL, in the transaction of the write that they protect.
//
// # Use
//
// Create the table once (Schema), enrol the scope once, and make the check the first statement of every writing transaction:
//
//	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
//		if _, err := guard.CheckText(ctx, pgfence.In(tx), token); err != nil {
//			return err // the lock is lost: stop
//		}
//		_, err := tx.Exec(ctx, "UPDATE job SET state = $1", state)
//		return err
//	})
//
// Where all statements are known beforehand, Writing sends the check and them in one round trip, which is faster than an unguarded transaction:
//
//	batch := &pgx.Batch{}
//	batch.Queue("UPDATE job SET state = $1", state)
//	_, err := guard.CheckText(ctx, pgfence.Writing(pool, batch), token)
//
// InSQL does the same as In for database/sql with a PostgreSQL driver that numbers its parameters $1, $2 (pgx/stdlib, lib/pq).
//
// # Why it is atomic
//
// A write under the sealed token locks the watermark's row in share mode until its transaction ends, so writers of one grant run side by side. A raise locks
// the row for update: it waits for the older writers to end, and every later one waits for it and then finds the row changed (READ COMMITTED evaluates the
// condition again on the newest version of the row). Under REPEATABLE READ or SERIALIZABLE the later one gets SQLSTATE 40001: redo the whole
// transaction, check included.
//
// A raise runs at READ COMMITTED only and is refused above it: it may wait for an older write, and a snapshot that was taken before would hide that write from the
// reads that follow. A token that is sealed already may be checked at every level. It is refused, too, while synchronous_commit is off.
//
// # Who waits for whom
//
// Beside the row, every check takes an advisory lock of the transaction (the first eight bytes of the scope), shared, and a raise takes it alone. Advisory locks
// queue: a seal waits for the transactions that run, and for none that begins later. A holder that is stopped in its transaction is ended by PostgreSQL
// after IdleLimit (one minute, unless the session has its own idle_in_transaction_session_timeout). A statement that runs for long is not idle: set statement_timeout, or
// transaction_timeout from PostgreSQL 17 on, and lock_timeout where a wait has to end. Holders names the transactions that a seal waits for, and End ends one.
//
// CheckRead works in read-only transactions and on replicas. There it locks nothing: at REPEATABLE READ the check and the reads are of one moment, at READ COMMITTED
// each is of its own.
//
// # Limits
//
// A replica that is promoted after asynchronous replication may have lost the newest watermark together with the newest data: after such a failover enrol anew with a token
// granted after it. Rows must not be deleted. Programs built with an older version of this package take the row alone: they are safe beside newer ones,
// and may hold a seal up as long as they overlap without a gap.
//
// # Testing
//
// The tests start a private PostgreSQL (pgtest) on a Unix socket and run fencingtest against it, through pgx and through database/sql.
package pgfence
