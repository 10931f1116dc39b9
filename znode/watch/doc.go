// Package watch is the table of watches of one server: who wants to hear of which path. It is local, never replicated, and dies with
// the connections.
//
// # Contract
//
// A registration is a pair (path, watcher) with the modes that were asked for; modes on one pair add up (ZooKeeper 3.9.0, ZK-4466).
// ZooKeeper keeps two tables, data and child; here one record holds both:
//
//	mode        data table   child table   used up by firing
//	Data        x                          yes
//	Child                    x             yes
//	Persistent  x            x             no
//	Recursive   x, and for all below       no
//
// Trigger names each watcher at most once for an event, even if it is reached through both tables or several recursive watches.
// A recursive watcher never hears childrenChanged; a deleted node's event uses up both one-shot kinds.
//
// # Concurrency
//
// A Table may be used from any goroutine. To register a watch in one step with a read, call Add while holding the state's read lock;
// Trigger is called by the goroutine that applies, under or after its write lock. The callback of Trigger runs without the table's lock.
//
// # Debugging and testing
//
// Table.ByPath and Table.ByWatcher are the four-letter words wchp and wchc. Stories are in testdata/watch; every story step ends with a
// check of the table's invariants.
package watch
