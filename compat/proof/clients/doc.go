// Package clients holds Paddock to its first promise: the client programs that people run today work unchanged.
//
// Each suite is a program written against a real client library, in that library's language, in a folder of its own:
//
//	python/   kazoo: the client and its recipes
//	java/     the ZooKeeper Java client
//	curator/  Curator's recipes
//	c/        libzookeeper_mt
//	(none)    ZooKeeperMain, the command line client: the story in testdata/clients/zkcli.txt, with the real server's answers
//	(Go)      go-zookeeper/zk: its own test suite, taken from the module cache, and ours over its whole API
//
// A Go test for each suite runs the program against the real ZooKeeper, which proves the suite, and against Paddock:
//
//	go test ./compat/proof/clients -run 'Kazoo|Java|Curator|C|ZkCli|GoZK'
//	PADDOCK_TEST_SERVERS=paddock go test ./compat/proof/clients -run Kazoo -v
//
// # How a program talks to its test
//
// Its first argument is the connect string, its last output the line "DONE". In between it prints one line for each check, which
// becomes a subtest:
//
//	ok NAME
//	FAIL NAME reason, in one line
//
// and may ask for a change of the world, then waits for the line "ready" on its standard input:
//
//	RESTART       the server is stopped (SIGTERM) and started on the same folder
//	KILL          the same with kill -9
//
// so every suite goes through a restart in the middle: sessions and their ephemerals survive it, watches are registered again.
// All other lines are the program's chatter; they are shown when it fails.
//
// The server under a suite runs with extended node types, a super user (super:secret), a container sweep each half second, ticks of 500 ms, and sessions of up to
// a minute. Sessions that no check wants to end live for half a minute: what is under test is that they outlive a restart, and on a busy machine one takes longer
// than a few seconds. A ZooKeeper that starts takes some connections that it never answers (17 of 5,795 in six starts), so the clients give up such a connection
// while their session still lives. Nothing else has a limit that such a machine breaks: what should come is waited for as long as zktest.Patience.
package clients
