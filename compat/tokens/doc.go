// Package tokens serves the virtual nodes of fencing to any unmodified client:
//
//	/zookeeper/lineage                    cluster and incarnation, JSON
//	/zookeeper/keys                       the public keys, JSON (fencing/paseto.KeySet)
//	/zookeeper/token/<path of lock node>  the signed token of the asking session's grant
//
// # What it promises
//
// A token is signed only for the session that owns the lock node, and only if that node holds its lock by the rules of fencing.Issuer at the
// moment of the read, which the server confirms with a quorum first. NoAuth says that the lock is not held by that node and session: another
// session's node, a node that waits, several nodes of one multi. NoNode says that there is no such lock node: missing, or of a recipe that
// the issuer does not know. Virtual nodes are in no listing, so that listings equal ZooKeeper's. No client writes them, or anything below them: create, setData,
// setACL and delete are answered with NoAuth, also for the super user and inside a multi.
//
// Signing keys are private records of the replicated state (znode.KindPutSecret): every server signs alike, no client can read them. The
// first leader founds the first key; rotation adds one, retires the others, and keeps them for verifying.
// Records are written once and never changed: a key that was revoked stays so, whatever else is asked at the same time.
//
// # Concurrency
//
// Has, Read and KeySet are safe from any goroutine under the state's read lock.
package tokens
