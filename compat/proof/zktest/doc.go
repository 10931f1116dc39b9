// Package zktest starts the servers that tests talk to: the real Apache ZooKeeper, which is the authority, and Paddock's
// own binary, both behind one interface, so that one test judges both.
//
//	server := zktest.Start(t, zktest.ZooKeeper, zktest.Config{Extra: []string{"extendedTypesEnabled=true"}})
//	conn := dial(server.Addr())
//	... write ...
//	must(server.Kill())    // kill -9
//	must(server.Restart()) // the same folder, the same ports; returns when it serves
//
// [Each] runs a test once for each kind. [StartEnsemble] starts N servers that form one ensemble.
//
// # What a test may rely on
//
//   - Ports are free ones below the kernel's ephemeral range, so that no outgoing connection takes them while a server is down.
//   - A server is stopped when its test ends, whatever the outcome, and dies with the test process if that is killed.
//     When the test failed, the end of the server's log is in the test's output. A Paddock that panicked, or was built with the race
//     detector and reports a race, fails its test.
//   - Stop, Kill, Pause, Continue and Restart return errors rather than end the test, so that they may be called from any goroutine.
//     A Server's methods may be called from several goroutines, but two of them that start or stop it at once make no sense.
//   - Start and Restart return when the server completes a client's handshake, which on an ensemble needs an elected leader. A server
//     of an ensemble that is started alone waits in vain for that: use [Server.Launch], which does not wait.
//
// # Missing peers
//
// A test that needs something that is not part of the repository (a JVM, the ZooKeeper jars, kazoo, a database) says so with [Require].
// Where it is missing the test is skipped with a line that starts with "SKIPPED PEER MISSING:"; in CI (the environment's CI is "true")
// the test fails instead, because a suite that silently does not run proves nothing. `.ci/peers.sh` installs all of them on Debian.
//
// A test that takes long and is run only when it is asked for says so with [LeftOut]. `go test` shows nothing that a passing package prints, so
// what was left out of one `go test` is summed up in a line on the terminal when it ends, if there is a terminal; packages whose results came from
// the cache are not in it. `.ci/run` sets PADDOCK_LEFT_OUT and prints the same in its own summary.
//
// # Environment
//
//	PADDOCK_PEERS          folder that .ci/peers.sh installs to (default: the user's cache folder + /paddock)
//	PADDOCK_ZOOKEEPER_DIR  folder with ZooKeeper's jars (default: $PADDOCK_PEERS/zookeeper-3.9.5)
//	PADDOCK_BINARY         a paddock binary to test instead of one built from this tree (say, built with -race)
//	PADDOCK_TEST_SERVERS   comma-separated kinds for [Each]: "zookeeper", "paddock" (default: both)
//	PADDOCK_LEFT_OUT       a folder to write down what is left out, instead of the line on the terminal
//	PADDOCK_SLOW           "1" runs also the proofs of the suites themselves that take minutes
//	PADDOCK_KEEP           "1" keeps the servers' folders and prints where they are
package zktest
