// Package sqlitefence keeps fencing watermarks in a SQLite file, in the transaction of the write that they protect.
//
// # Use
//
// Create the table once (Schema), enrol the scope once, and make the check the first statement of every writing transaction:
//
//	tx, err := db.BeginTx(ctx, nil)
//	...
//	if _, err := guard.CheckText(ctx, sqlitefence.In(tx), token); err != nil {
//		return err // the lock is lost: roll back and stop
//	}
//	_, err = tx.ExecContext(ctx, "UPDATE account SET balance = ?", balance)
//	...
//	err = tx.Commit()
//
// The package needs only database/sql; it is tested with modernc.org/sqlite and any other driver will do.
//
// # Why it is atomic
//
// SQLite has one writer at a time. The check begins with a statement that could write, so it takes the write lock of the file before it reads the watermark
// and keeps it until the transaction ends, also when the transaction was not begun with BEGIN IMMEDIATE. A transaction that has read before its check and
// was overtaken gets SQLITE_BUSY_SNAPSHOT: roll back and begin anew.
//
// # Limits
//
// Keep journal_mode WAL with synchronous FULL, or a rollback journal: with synchronous OFF or NORMAL in WAL mode a power cut may take the newest watermark
// together with the newest data. File locks do not work on network file systems. Set a busy timeout, or waiting writers fail at once.
//
// # Testing
//
// The tests run fencingtest against a real file with several connections.
package sqlitefence
