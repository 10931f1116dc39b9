// Package listener owns the sockets of clients: accept, frame, buffer, flush. It knows ZooKeeper's framing and nothing of requests.
//
// # What it promises
//
//   - One goroutine for each connection, and an idle connection holds no buffer: the goroutine waits for readability inside
//     syscall.RawConn.Read with an empty stack below it, and takes a pooled buffer only when there is data. A connection that is not
//     a plain socket (TLS, a pipe in a test) waits in Read with 64 bytes. A connection that had nothing to do for half a second moves to a
//     fresh goroutine, whose stack is the smallest there is (idle.go).
//   - All complete frames that the socket had are handed over at once ([Receiver.Receive]), in order, without their length prefix.
//     They alias the buffer: they are valid until Receive returns.
//   - The out buffer is a FIFO that anyone may append to ([Conn.Begin], [Conn.End]) from any goroutine: watch events and replies share
//     it. [Conn.Flush] never blocks: it tries one non-blocking write of all that is there; what the socket does not take is written by a
//     goroutine of that connection, and meanwhile everybody keeps appending. One writer at a time.
//   - A client that does not read costs a bounded amount: above HighWater its requests are not read any more; above MaxPending (events
//     cannot be held back) it is dropped.
//   - The first four bytes are compared with the four-letter words, only then taken as a length. A length below 0 or above MaxFrame closes
//     the socket without a reply. (NIOServerCnxn.readLength)
//   - A connection that does not establish a session within SessionlessTimeout is closed. (NIOServerCnxnFactory.sessionlessCnxnTimeout)
//   - MaxPerIP and MaxConns are checked at accept; above them the socket is closed without a word.
//
// # Concurrency
//
// Receive, Closed and Accepted run on the connection's own goroutine. Begin/End, Flush, Resume, Close and CloseAfterFlush may be called
// from any goroutine. Between Begin and End a small mutex is held: append, and do nothing that waits.
//
// # How to debug and test
//
// Everything that ends a connection ends in Closed(reason) with an error that says what happened. The tests speak through loopback
// sockets and net.Pipe; BenchmarkIdle measures the memory of idle connections.
package listener
