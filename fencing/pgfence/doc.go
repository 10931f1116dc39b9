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
// # Limits
//
// A replica that is promoted after asynchronous replication may have lost the newest watermark together with the newest data: after such a failover enrol anew with a token
// granted after it. Rows must not be deleted. While an older holder keeps transactions overlapping without a gap, PostgreSQL lets its share locks
// in before a waiting raise: the newer holder's seal waits for the first gap.
//
// # Testing
//
// The tests start a private PostgreSQL (pgtest) on a Unix socket and run fencingtest against it, through pgx and through database/sql.
package pgfence
