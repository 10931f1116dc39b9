// Package fencing lets storage refuse the writes of a lock holder that no longer holds the lock.
//
// A lock holder may be paused at any line (garbage collection, SIGSTOP, a suspended laptop, a stalled disk) for longer than its
// session lives. When it wakes up it still believes that it holds the lock, and no lock service can take that belief back in time.
// Only the storage can: it remembers the highest number that it has seen and refuses a write that comes with a lower one.
//
// # The parts
//
//   - [Token] is that number with its context: cluster, incarnation and scope (which lock), mode, and the ordered value (Fence, Sub).
//     It has a text form (one length, sorts in the order of the grants), a binary form and a JSON form (strings only).
//   - [Guard] is the rule book of one protected resource. [Guard.Seal] raises the watermark, [Guard.Check] judges a write.
//   - [Watermarks] is where the highest number is remembered: one method, to be run in the same atomic step as the write. [Memory] keeps
//     it in memory; the folders beside this package keep it in PostgreSQL, SQLite, Redis, Badger, S3 and files.
//   - [Gate] makes a process that is the only way to a resource (a proxy, an RPC server) behave like storage that can check.
//   - [Issuer] decides, from the facts about a lock node, whether its owner is the holder now: the server side of signed tokens.
//   - [Verifier] turns a signed text into a token; package fencing/paseto has one.
//
// # The five rules for a holder and its storage
//
//  1. Take the lock, take the token, then Seal every resource before reading anything from it.
//  2. Send the token with every write; the storage checks it in the same atomic step as the write.
//  3. Lower than the watermark: refused. Equal: the same grant. Higher: the watermark is raised.
//  4. A refusal means that the lock is lost: stop, drop what was cached, never try again with the same token.
//  5. A watermark is never deleted, never expires, and lives and dies with the data that it protects.
//
// # Concurrency
//
// Token, Mark, ID and Lineage are values. Guard is immutable after [NewGuard] (its counters are atomic) and safe from any goroutine;
// Memory and Gate lock themselves. Nothing here starts a goroutine or reads a clock, but for the timer of a
// Gate that ends older requests.
//
// # Debugging and testing
//
// Every refusal is a typed error that says what was presented and what was seen, is counted in [Guard.Stats], and is handed to
// Policy.Audit: each one is a corruption that did not happen, or a bug. Implementers of Watermarks run the suite in fencing/fencingtest.
// The argument why all this holds, with its assumptions, is in docs/fencing.md.
package fencing
