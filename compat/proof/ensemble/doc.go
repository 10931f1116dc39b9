// Package ensemble runs whole ensembles of real Paddock processes under faults, and judges what real clients saw.
//
// It holds tests and their harness, nothing that a program imports. It shows, on processes, sockets and disks, what the simulator
// (zab/zabtest, compat/server/servertest) shows on fakes: docs/faults.md lists every fault with where it is tested.
//
//	go test ./compat/proof/ensemble                              # a handful of faults, half a minute
//	go test ./compat/proof/ensemble -faults=all                  # all of them, some minutes
//	go test ./compat/proof/ensemble -run TestEnsembleFaults/07   # one
//	go test ./compat/proof/ensemble -run TestEnsembleMeasure -v -measure   # figures
//
// # How a fault is injected
//
// Servers dial each other through the [network] of the test: each server line names a port of the test process, and the test passes the
// bytes on to where the server listens (paddock.peerAddr). The hello of a peer link says who dials, so each direction of each pair is known and
// can be cut, delayed, slowed, damaged or torn by itself. TestEnsembleKernelDrops uses network namespaces and nft instead, where the kernel drops
// the packets; it needs root. Processes are killed, stopped and continued; files of a stopped server are damaged; disks are
// small tmpfs mounts. Gossip is forged by the test itself, which has the key (TestEnsembleGossip).
//
// # What is judged
//
// Each row runs under load: clients with raw connections that write registers with expected versions, read them behind a sync,
// create sequential nodes, hold an ephemeral node, and take a lock in turns. After the fault the network is healed and every server
// is brought back (the liveness phase: everything must come back without an operator). Then: the histories of the registers are
// linearizable (porcupine); sequential names are unique, in real-time order, and every acknowledged one is there; no session went
// backwards in zxids, none ended that kept its connection trying, and its ephemeral node lives exactly as long as it; lock tokens (czxid) are
// unique and grow from grant to grant; no epoch had two leaders; all servers have equal digests at the same zxid.
//
// # Debugging
//
// A failed row prints the end of every server's log. PADDOCK_KEEP=1 keeps the folders, PADDOCK_BINARY runs another build.
package ensemble
