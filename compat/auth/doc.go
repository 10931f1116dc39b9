// Package auth turns what a connection can prove into identities that ACLs name.
//
// # What it is
//
// A [Set] is built once from a [Config]. [Set.Accept] says who a new connection is (its address, and its certificate's subject on a TLS
// port); [Set.Authenticate] judges an auth packet; [Set.Permitted] is the rule of enforce.auth; [Set.WhoAmI] is what whoAmI shows.
// The schemes are ZooKeeper's: ip, digest, x509, ensemble, and sasl, which is known but refused: there is no SASL mechanism here.
// world and auth exist in ACLs only; nobody can authenticate as them.
//
// # Contract
//
//   - Pure: no clock, no network, no state that changes after [New]. Identities belong to a connection, not to its session, and
//     the caller keeps them; [Merge] adds without doubling.
//   - digest never fails: any payload, even without a colon, names an identity, as in ZooKeeper. It is a name that only the holder of
//     the password can compute, not a login. Only the super digest is a privilege.
//   - A refusal is one of two kinds: [Refuse] (answer -115, then close) and [Hangup] (close without a word, so that the client tries
//     another server: a wrong ensemble name).
//   - Payloads are secrets: no error and no String shows them.
//
// # Concurrency
//
// A Set is immutable; use it from any goroutine.
//
// # Debugging and testing
//
// [Verdict.Why] says what was wrong in words that may be logged. The x509 names are compared with what Java printed for the same
// certificates.
package auth
