// Package txnlog is the durable log of one peer: the history (entries), the promise and the vote (hard state), truncations and the
// pointer to an installed image, in one stream, so that no crash can come between them.
//
// # What is on disk
//
//	<dir>/LOCK                          flock: one server for one directory
//	<dir>/0000000000000001-<zxid>.log   segments, preallocated; running number, then the first zxid in it
//	<dir>/spare.tmp                     the next segment, being preallocated
//	<dir>/mark                          up to where the log has been durable, written lazily (see mark)
//
// A segment is a header (format, cluster, incarnation, peer, a secret, the chain so far) and frames. A frame is one batch and is
// chained to the one before by CRC32C; the checksums are seeded with the header and the offset, so that a block of another place,
// time or server is not believed. The first frame of a segment is an anchor: with it the log can be opened at any segment, so old
// ones can be dropped ([Log.CompactBefore]).
//
// # The contract
//
//   - [Log.Append] returns when the batch is durable: one write, one fdatasync. Nobody may be told of it earlier.
//   - An I/O error is final. The second fsync after a failed one may succeed and mean nothing; the server stops.
//   - A crash keeps a prefix of the batches, and every acknowledged one.
//   - Opening reads and checks everything. A torn tail is cut, with one line in the log that says how many bytes. Every other damage
//     is refused with file, offset and what to do. tail.go says how the two are told apart, and where that ends.
//   - A copy of the directory of a running server is no backup: its files are of different moments, and opening it refuses. Checkpoints are.
//   - A full disk shows while the next segment is preallocated ([Log.Reserve]), a whole segment before an append could meet it.
//
// # Concurrency
//
// One goroutine appends; reads ([zab.Log]) run beside it from any goroutine and never wait for a sync, and [Log.CompactBefore] removes files beside it.
// One more goroutine preallocates (Options.Background).
//
// # Debugging and testing
//
// [Inspect] lists every record with file and offset, and checks a directory without touching it. Package faultfs is a disk that loses
// unsynced sectors, fails the n-th call, fills up and rots; the tests crash at every I/O and flip every byte.
package txnlog
