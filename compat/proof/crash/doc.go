// Package crash kills a server in the middle of its work, again and again, and checks what it promised.
//
// Several clients write pipelined, each in one session that outlives the crashes. The server dies of kill -9 at a random moment, is
// started on the same folder, and each client takes its session up again and compares what it finds with a ledger of what it sent
// and what was acknowledged:
//
//   - S2: an acknowledged write is there; one that was in flight is there or not, and stays so.
//   - S3: of the writes in flight a prefix of the sending order is there, no later one without the earlier ones.
//   - A multi is there as a whole or not at all; one that must fail leaves nothing.
//   - A sequential number is given once: after a crash all numbers are above all that were ever given.
//   - S4: the session lives, and exactly its ephemerals are there.
//   - zxids of replies only grow, also across the crash.
//
// The ledger is pure and has tests of its own, in which each kind of lie is planted and must be caught. The test starts whichever
// server zktest knows, so that the real ZooKeeper proves the checker:
//
//	go test ./compat/proof/crash -rounds 200
//	PADDOCK_TEST_SERVERS=paddock go test ./compat/proof/crash -rounds 200 -v
package crash
