// Package badgerfence keeps fencing watermarks in Badger (v4), in the transaction of the write that they protect.
//
// # Use
//
//	err := badgerfence.Update(ctx, db, func(txn *badger.Txn) error {
//		if _, err := guard.CheckText(ctx, badgerfence.In(txn), token); err != nil {
//			return err // the lock is lost: stop
//		}
//		return txn.Set(key, value)
//	})
//
// # Why it is atomic
//
// Badger's transactions are serializable snapshots: the watermark is read inside the writing transaction, so a raise by another transaction that commits
// in between makes this one fail with ErrConflict. Update then runs the function again, check included. The function must not have effects outside
// of its transaction. A transaction without a write of its own is not checked for conflicts: reads that must not be stale go through CheckRead and then
// through a write.
//
// # Limits
//
// Update refuses a database without conflict detection, and one on disk without SyncWrites: an acknowledged watermark must survive a power cut.
// Databases opened in managed mode have no conflict detection and are not for this package. The watermark has no TTL; do not give it one.
//
// # Testing
//
// The tests run fencingtest against a real database in a temporary folder.
package badgerfence
