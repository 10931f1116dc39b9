// Package client speaks ZooKeeper's client protocol as bytes on one connection, with nothing hidden.
//
// It is the tool of the load generator and of the cross-check, not a client for applications: it keeps no session alive by
// itself, reconnects never, pairs no reply with its request and reads no clock. What it gives is control: the caller decides what
// is staged, when it goes out, and what is done with every single frame that comes back.
//
// # Contract
//
// A request is staged (Stage, StageFrame, StageRaw) and goes out with Flush, in one write for all that is staged: pipelining is
// the normal case. Next returns one frame; its bytes belong to the connection and are overwritten by the following Next.
// Buffered says whether another whole frame is already here, so that a closed loop can be written as "drain what is here, stage
// as much again, Flush, then block": one write and one read for a whole batch, and no goroutine for each request.
//
// # Concurrency
//
// Like a net.Conn: one goroutine may stage and flush while another one reads. Two writers, or two readers, may not.
//
// # Debugging and testing
//
// A frame that does not parse is returned as an error that names the xid and what was missing; the connection stays usable, since
// framing is separate from reading. The tests talk to a listener in the same process that answers with fixed bytes.
package client
