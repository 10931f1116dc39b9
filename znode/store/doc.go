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
//   - [Collect] takes what has changed from the state (call it where Apply is called: it is short and touches no disk);
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
// # The follower
//
// [Follower] is the policy: one owner of the durable state of a running server. It knows the server by two small interfaces, [State]
// (server.Server) and [History] (txnlog.Log), and the database by a third, [Database] ([Store], or storetest.Disk in a simulator).
//
//   - A life begins with [Start] (for a Store: [OpenState]) and [Follow].
//   - [Follower.Step] belongs to each flush interval: it looks at the disks, raises or ends the alarm (SetFlag with znode.FlagNoGrow), writes what
//     has changed, and says whether a checkpoint is due. [Follower.Checkpoint] takes it, beside further steps, and then lets go of the log that
//     the oldest good image does not need ([Follower.Compact]). Time comes in with the step. [Follower.Run] is the one goroutine around both.
//   - [Follower.ImageAt] and [Follower.Install] are for backups and for images of peers, from any goroutine.
//   - A batch once collected is kept until it is committed, and goes first, whoever asked for it and whatever became of him.
//   - A batch is collected in pieces of a few milliseconds, between which clients are served; it is exact at the zxid of its last piece.
//   - The records of an image are summed while it is written, and while one of an earlier life is read again; nothing is compacted behind
//     an image that was not summed. A database that does not add up ends the server ([ErrRebuild]); the next start rebuilds it.
//   - [Follower.Stop] ends when its context does, whatever the disk does: the log has everything.
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
// [VerifyImage] reads and sums a checkpoint offline. The tests kill a child process in the middle of commits, flip bytes of images
// and tables, and compare checkpoints taken under writes with the state at their zxid.
package store
