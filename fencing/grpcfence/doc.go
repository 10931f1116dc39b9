// Package grpcfence carries fencing tokens over gRPC: interceptors for server and client.
//
// # Use
//
//	marks, err := filefence.OpenMarks("/var/lib/proxy/fence") // a folder, which outlives the process
//	fence := &grpcfence.Server{Gate: &fencing.Gate{Marks: marks}, Guard: guard}
//	grpc.NewServer(grpc.UnaryInterceptor(fence.Unary), grpc.StreamInterceptor(fence.Stream))
//
//	grpc.NewClient(addr, grpc.WithUnaryInterceptor(grpcfence.UnaryClient(token)), grpc.WithStreamInterceptor(grpcfence.StreamClient(token)))
//
// # The contract
//
// The token travels in the metadata key paddock-token. Every call is judged as a write unless OpOf says otherwise. A stream outlives a grant, so each message
// that is received is judged again and the stream ends with the refusal; what a message did before stays done. Refusals have the code FailedPrecondition
// (stale, no watermark, unknown lineage, implausible), Unauthenticated (missing, not verified), InvalidArgument (malformed), PermissionDenied (wrong scope) or
// Unavailable (the watermark storage failed), and an ErrorInfo-like reason in the trailer paddock-refused. A call that ends with DeadlineExceeded may have
// taken effect.
//
// # Why it is atomic, and when not
//
// As in httpfence: with a Gate, as long as this process is the only way to the resource and a handler returns only after its effect. For a stream each message is one
// step: it ends when the handler asks for the next message or returns. Calls and messages of an older grant that go on while a newer one waits have their context cancelled after Gate.Grace,
// and a stream ends then. Otherwise the handler checks in its storage with the text from [Presented].
//
// # Testing
//
// The tests run fencingtest over real connections, once through unary calls and once through a stream.
package grpcfence
