// Package wire is ZooKeeper's client protocol as data: opcodes, special xids, headers, and every request and reply record of 3.9.
//
// # What it is
//
// A record is a struct with two methods: Append(dst) []byte writes it, Decode(r) reads it from a [jute.Reader]. Both directions exist
// for each one: the server decodes requests and appends replies, raw clients (benchmarks, cross-check) do the opposite. Where several
// operations share a shape they share the struct: [ExistsRequest] is [PathWatch].
//
// A client frame after the handshake is a [RequestHeader] and the record that its Op names; a server frame is a [ReplyHeader] and, if
// Err is 0, the record of the reply. The handshake ([ConnectRequest], [ConnectResponse]) has no headers.
//
// [DecodeOp] and [DecodeMulti] read the requests that become transactions straight into [znode.Op].
//
// # Contract
//
//   - Total: a frame of any bytes gives a record or an error that says at which byte and why. The server answers such an error with
//     -5 (marshalling) and keeps the connection, as ZooKeeper does; only a frame without a whole [RequestHeader] ends a connection.
//   - Decoded strings, buffers and vectors alias the frame (see package jute). Keep the frame unchanged while they are in use, or
//     copy ([CloneOp] copies a whole operation into one allocation of bytes).
//   - null and empty differ and are preserved: a nil slice is null. A field that ZooKeeper requires (a path) refuses null with
//     [jute.ErrNull]; nullable strings are []byte here.
//   - Bytes behind a complete request are ignored.
//   - Decoders reuse the slices of the struct they are given (ACL lists, multi parts): decode into a kept struct and nothing is
//     allocated once it has grown.
//
// # Concurrency
//
// Values only; nothing is shared.
//
// # Debugging and testing
//
// [DescribeRequest], [DescribeReply] and [DescribeConnect] render a frame as one line; logs, tests and tools print the same line. testdata/wire holds
// frames recorded from ZooKeeper 3.9.5 with their readings; every test and fuzz target of this package starts from them.
package wire
