// Package redisfence keeps fencing watermarks in Redis, in the script that does the write. Best effort: read Limits.
//
// # Use
//
//	store, err := redisfence.Open(client, "job")                 // keys carry {job}, so all are in one hash slot
//	_, err = guard.CheckText(ctx, store.Writing(redisfence.Command{"SET", "{job}:state", state}), token)
//
// # Why it is atomic
//
// A Lua script runs alone. It compares the watermark with the one that was judged, as a string of fixed width, and only if it is that very one stores the new mark and
// runs the commands. No number ever enters Lua, whose numbers are doubles and lose the low bits of a zxid. A token that is sealed already costs one round trip;
// one that raises costs two, and is judged again when somebody was faster.
//
// # Limits
//
// Redis acknowledges before it has replicated, and by default before it has synced: a failover or a power cut can lose the newest watermark, also with
// WAIT. An evicted or expired watermark fails closed (nothing is admitted until it is enrolled again), a rolled-back one does not: then an older holder is
// let in until the next seal. [Store.Warnings] names settings that make this likely. Where the data must not be corrupted, keep it in storage that is consistent.
// A script whose command fails half-way is not undone: commands before it stay.
//
// # Testing
//
// The tests start a private redis-server on a Unix socket and run fencingtest against it.
package redisfence
