// Package bench loads ZooKeeper servers and measures them: Paddock and the real ZooKeeper alike, since it speaks only the protocol.
//
// [Run] prepares a subtree of its own, loads the servers in a closed loop (so many connections, so many requests in flight on each),
// measures after a warm-up, and removes what it made. [Compare] does so to two targets in turn, several times, since on a machine
// that others use too only figures taken side by side mean something.
//
// # What is measured
//
// Latency is from the moment a request is handed to the kernel (with all others of its batch) to the moment its reply is read,
// in HDR histograms with three digits. Connections drain all replies that are there before they refill, so one read and one write
// serve a whole batch and the generator's own cost stays far below any server's: the result says how much CPU a request took on this
// side (Client.MicrosPerOp), and on the server's if its process id is given. A generator that needs a core to itself is the
// bottleneck: then Client.Cores comes near the number of processors, and the result is not the server's.
//
// # Concurrency
//
// One goroutine for each connection that carries load, none for idle sessions. Run may be called several times at once, as each run has its
// own subtree.
//
// # Debugging and testing
//
// Errors that a server answers are counted by code, not hidden: a run that measured refusals shows it. The tests run every workload
// briefly against a real server.
package bench
