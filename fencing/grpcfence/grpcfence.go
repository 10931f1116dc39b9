package grpcfence

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/paddock-zk/paddock/fencing"
)

// Metadata keys.
const (
	KeyToken   = "paddock-token"   // request: the token as text, signed or plain
	KeyRefused = "paddock-refused" // trailer: a word of fencing.Reason
)

// Server admits calls under one guard. Set Guard (or GuardFor) and Gate.
type Server struct {
	Guard *fencing.Guard
	// GuardFor, if set, chooses the guard of a method, for resources under different locks. nil: the method is not guarded.
	GuardFor func(ctx context.Context, fullMethod string) *fencing.Guard
	// Gate makes this process the guard of the resource. Its Grace is how long calls of an older grant may go on.
	Gate *fencing.Gate
	// OpOf, if set, says what a method does: OpRead never raises, OpSeal announces a grant. nil: OpCheck for all.
	OpOf func(fullMethod string) fencing.Op
}

type presentedKey struct{}

// Presented is the token of the call as it was sent, for handlers whose storage checks again. ok is false outside of a Server.
func Presented(ctx context.Context) (text string, ok bool) {
	text, ok = ctx.Value(presentedKey{}).(string)
	return text, ok
}

func (s *Server) guard(ctx context.Context, method string) *fencing.Guard {
	if s.GuardFor != nil {
		return s.GuardFor(ctx, method)
	}
	return s.Guard
}

func (s *Server) op(method string) fencing.Op {
	if s.OpOf == nil {
		return fencing.OpCheck
	}
	return s.OpOf(method)
}

// errNoGate fails closed: a server that was put together without a Gate admits nothing.
var errNoGate = status.Error(codes.Internal, "grpcfence: this server has a guard and no Gate: set Server.Gate")

func tokenOf(ctx context.Context) (string, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if texts := md.Get(KeyToken); len(texts) == 1 {
		return texts[0], nil
	}
	return "", status.Error(codes.Unauthenticated, "grpcfence: this method is guarded: send one token in the metadata key "+KeyToken)
}

// Unary is a grpc.UnaryServerInterceptor.
func (s *Server) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	guard := s.guard(ctx, info.FullMethod)
	if guard == nil {
		return handler(ctx, req)
	}
	if s.Gate == nil {
		return nil, errNoGate
	}
	text, err := tokenOf(ctx)
	if err != nil {
		return nil, err
	}
	entry, leave, err := s.Gate.Enter(ctx, guard, text, s.op(info.FullMethod))
	if err != nil {
		_ = grpc.SetTrailer(ctx, metadata.Pairs(KeyRefused, fencing.ReasonOf(err).String()))
		return nil, Status(err)
	}
	defer leave()
	return handler(context.WithValue(entry.Context(), presentedKey{}, text), req)
}

// Status is the gRPC status of a refusal; handlers use it for the refusal of their storage.
func Status(err error) error {
	code := codes.Unavailable
	switch fencing.ReasonOf(err) {
	case fencing.ReasonNone:
		return nil
	case fencing.ReasonStale, fencing.ReasonUnknownLineage, fencing.ReasonNoWatermark, fencing.ReasonImplausible, fencing.ReasonNotSealed, fencing.ReasonEnrolled:
		code = codes.FailedPrecondition
	case fencing.ReasonMalformed:
		code = codes.InvalidArgument
	case fencing.ReasonUnverified:
		code = codes.Unauthenticated
	case fencing.ReasonWrongScope:
		code = codes.PermissionDenied
	}
	return status.Error(code, err.Error())
}

// Refused is a server's refusal as the client sees it; errors.Is knows it by the sentinels of fencing, and status.FromError by its status.
type Refused struct {
	Reason string // a word of fencing.Reason
	Err    error  // the status
}

func (e *Refused) Error() string { return "grpcfence: refused (" + e.Reason + "): " + e.Err.Error() }

// Unwrap is the status error.
func (e *Refused) Unwrap() error { return e.Err }

// GRPCStatus is for status.FromError.
func (e *Refused) GRPCStatus() *status.Status { return status.Convert(e.Err) }

// Is matches the sentinel of fencing that stands for the reason.
func (e *Refused) Is(target error) bool {
	r := fencing.ReasonOf(target)
	return r != fencing.ReasonStorage && r != fencing.ReasonNone && r.String() == e.Reason
}

func refusalOf(err error, trailer metadata.MD) error {
	if reasons := trailer.Get(KeyRefused); err != nil && len(reasons) == 1 {
		return &Refused{Reason: reasons[0], Err: err}
	}
	return err
}

// UnaryClient sends the token of a grant with every call and turns refusals into *Refused. token gives the text; its error ends the call.
func UnaryClient(token func() (string, error)) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		text, err := token()
		if err != nil {
			return err
		}
		var trailer metadata.MD
		err = invoker(metadata.AppendToOutgoingContext(ctx, KeyToken, text), method, req, reply, cc, append(opts, grpc.Trailer(&trailer))...)
		return refusalOf(err, trailer)
	}
}

// StreamClient sends the token of a grant when a stream opens; a stream ends with the refusal once a newer grant was seen.
func StreamClient(token func() (string, error)) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		text, err := token()
		if err != nil {
			return nil, err
		}
		s, err := streamer(metadata.AppendToOutgoingContext(ctx, KeyToken, text), desc, cc, method, opts...)
		if err != nil {
			return nil, err
		}
		return refusingStream{s}, nil
	}
}

type refusingStream struct{ grpc.ClientStream }

func (s refusingStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err != nil {
		return refusalOf(err, s.Trailer())
	}
	return nil
}
