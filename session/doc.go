// Package session is the vocabulary of sessions and the machine that decides which of them are late.
//
// A session belongs to the ensemble, not to a connection. Which sessions exist, with which timeout and password, is replicated state
// (package znode). What is here: the id and how it is made ([ID], [Generator]), the password of imported sessions ([LegacyPassword]),
// the negotiation of the timeout ([Limits]), and the leader's [Tracker].
//
// # Contract of the Tracker
//
// It is pure: it reads no clock. now is monotonic time in ms, passed in, never smaller than before. Sessions lie in buckets of one
// tick, rounded up as ZooKeeper's ExpiryQueue does, so a session lives its timeout and up to one tick more, never less. Advance names
// late sessions in batches; each is named once and is closing from then on. A new leader Adds every session with a full timeout.
// If the server itself was paused, Extend gives the pause back before anyone is named.
//
// # Concurrency
//
// Nothing here is locked: one goroutine owns a Tracker or a Generator.
//
// # Testing
//
// Stories in testdata/session; a randomized test compares the Tracker with a map of deadlines.
package session
