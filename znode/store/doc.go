// Package store is the durable home of the applied state: a Badger database whose commit timestamps are zxids, and checkpoints.
//
// # What it is for
//
// The transaction log is the truth; this package only makes starting fast and old log dispensable. Nothing in it is ever the only
// copy, and nothing in it is synced before it is used for something. A start is: [Store.Load] the state, replay the log after the
// zxid that Load returns. If Load says [ErrRebuild]: [LoadCheckpoint] the newest good checkpoint into the state, replay the log, and
// write everything anew with [Store.Rebuild].
//
//	<dir>/badger/                 the database
//	<dir>/checkpoints/<zxid>.img  exact images; the newest three are kept
//	<dir>/incoming/<id>.part      an image on its way from a peer (see [Receiver])
//
// Load may return a zxid that the log does not reach back to (a database that was lost and begun anew, or one older than an image that
// was installed): compare it with the log's base, and take the rebuild then, too.
//
// An image from a peer is installed in this order: [Receiver.Finish] (a durable checkpoint), the pointer in the log (durable), LoadCheckpoint
// into the state, Rebuild. A crash after the second step is the case above.
//
// # The contract
//
//   - [Store.Collect] takes what has changed from the state (call it where Apply is called: it is short and touches no disk);
//     [Store.Commit] writes it, off that path. Batches are committed in the order they were collected.
//   - A batch is atomic: its records are written at its zxid, then one commit record at the same zxid. Readers read at the zxid of the
//     newest commit record, so that a batch without one is invisible. What a crash leaves of such a batch is found when the store is
//     opened and neutralized by the next batches (see leftovers).
//   - Reads at a zxid are exact snapshots: a checkpoint runs beside commits without pausing them. Versions that a running checkpoint
//     needs are kept until it ends.
//   - A disk that is nearly full is refused with [ErrNoSpace] before anything is written, since Badger writes through memory maps and
//     a full disk would kill the process there. The batch stays whole and can be committed later.
//   - Damage is found by checksums of blocks, by the digest and the counts that the state checks, and reported as [ErrRebuild] (database)
//     or [*ImageError] with file and offset (checkpoint).
//
// Badger cuts its write-ahead files silently where they are damaged. Then either the newest commit record is an older one, and the log makes
// up for the rest, or records are missing under it, and the digest says so.
//
// # Memory
//
// One million nodes cost the state about 230 bytes each; Badger is configured to add little to that: two small memtables, no caches, no
// bloom filters (nothing is ever looked up), two compactors. Tables are mapped, so pages that Load or Checkpoint have touched count as
// resident until they are given back; [Store.Trim] does so and Load and Checkpoint call it.
//
// # Concurrency
//
// Collect needs the state alone. Commit, Rebuild and Trim exclude each other; Checkpoint runs beside them, one at a time.
//
// # Debugging and testing
//
// [ReadImage] and [VerifyImage] read a checkpoint offline. The tests kill a child process in the middle of commits, flip bytes of images
// and tables, and compare checkpoints taken under writes with the state at their zxid.
package store
