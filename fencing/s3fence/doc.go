// Package s3fence guards objects in an S3-compatible store.
//
// # Use
//
//	bucket, err := s3fence.Open(ctx, client, "bucket", "job/")   // probes that the store keeps conditional writes
//	_, err = guard.CheckText(ctx, bucket.Writing(func(tx *s3fence.Tx) error {
//		return tx.Put("state.json", data)
//	}), token)
//	data, err := bucket.Get(ctx, "state.json")
//
// # Why it is atomic
//
// Data objects are never overwritten: each write makes a new object under a name with the token and a random part. One manifest object holds the watermark
// and says which object is current for each key; it is replaced only if it has not changed since it was read (If-Match with its ETag; If-None-Match: * for the first). So the
// watermark and what readers see change in one step, or not at all; whoever was overtaken reads again and is judged again. The manifest carries a random nonce, so that its
// ETag never repeats, and the nonces of the changes before it: whoever lost the reply to its own change finds there whether it took effect. So the function of a write runs again only
// when what it did before can never take effect. Where nobody can tell any more the error is [ErrUnknownOutcome]: look before you write again.
//
// # Limits
//
// Not every server that accepts the conditions keeps them: versitygw 1.8.0 with --sidecar, which stores ETags beside the objects, passes the probe, loses concurrent
// updates and fails fencingtest; with extended attributes it passes. Run the suite against the store that you use.
//
// Readers go through the manifest ([Bucket.Get]); who reads or writes the data objects by other ways is not guarded. A store that ignores the conditions would
// lose updates silently: Open probes for it and refuses. Replaced and abandoned data objects stay until the holder's [Bucket.Sweep]; the manifest is
// never deleted, never expired by a life-cycle rule, and not replicated asynchronously to where writers go. One manifest takes one write at a time: a few
// dozen a second.
//
// # Testing
//
// The tests run fencingtest against versitygw, an S3 server that keeps objects as files (go install github.com/versity/versitygw/cmd/versitygw@v1.8.0), and
// also against the in-memory stand-in gofakes3. Neither is Amazon S3 itself, which the tests have not seen.
package s3fence
