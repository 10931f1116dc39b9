// Package paseto signs and verifies fencing tokens as PASETO v4.public (Ed25519).
//
// # The parts
//
//   - [Signer] turns a fencing.Token into a signed text. It lives where grants are decided: in the ensemble.
//   - [KeySet] is the list of public keys with their ids, not-before times and status. [SignedKeySet] signs it with an offline root key; the JSON of [KeySet.Document]
//     is what /zookeeper/keys serves.
//   - [Verifier] implements fencing.Verifier for a storage: put it into fencing.Policy and every token must be signed. It pins the root key, refuses
//     older key sets (a thief must not bring a revoked key back), and remembers verified texts, so that verifying one again is a look-up.
//
// # The contract
//
// A token is accepted only if its text is canonical, its footer names a key of the set that is not revoked, its signature is right, and cluster and
// audience are the expected ones. Lineage, scope and order are the guard's business, after the signature: nothing forged reaches a watermark.
// A signed token says "this grant was held at that point of the history"; it never proves "held now", and its times only refuse (H34). It is a bearer
// credential of one grant: whoever has its text has the grant until the next holder's seal. Send it over TLS.
//
// # Concurrency, debugging, testing
//
// Signer and KeySet are immutable; Verifier locks itself. Every refusal is *fencing.Unverified (or Malformed, WrongScope) with its cause.
// FuzzVerify and the tests mutilate tokens in every bit and see them refused and the watermark untouched.
package paseto
