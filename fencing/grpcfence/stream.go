package grpcfence

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/paddock-zk/paddock/fencing"
)

// Stream is a grpc.StreamServerInterceptor: every received message is judged.
//
// The handler has a goroutine of its own: when a newer grant has waited long enough the stream ends at once, which also ends a handler that waits for a client that does not
// read. The gate stays shut until the handler has returned.
func (s *Server) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	guard := s.guard(ss.Context(), info.FullMethod)
	if guard == nil {
		return handler(srv, ss)
	}
	if s.Gate == nil {
		return errNoGate
	}
	text, err := tokenOf(ss.Context())
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(context.WithValue(ss.Context(), presentedKey{}, text))
	defer end(nil)
	g := &guardedStream{ServerStream: ss, server: s, guard: guard, text: text, op: s.op(info.FullMethod), ctx: ctx, end: end, stale: make(chan error, 1)}
	ended := make(chan outcome, 1)
	go g.handle(srv, handler, ended)
	select {
	case out := <-ended:
		if out.panicked {
			panic(out.panic)
		}
		return out.err
	case err := <-g.stale:
		return refused(ss, err)
	}
}

// outcome is how a handler ended.
type outcome struct {
	err      error
	panicked bool
	panic    any
}

// guardedStream is used by the one goroutine that receives, as gRPC demands.
type guardedStream struct {
	grpc.ServerStream
	server *Server
	guard  *fencing.Guard
	text   string
	op     fencing.Op
	ctx    context.Context // of the stream, with the token in it
	end    context.CancelCauseFunc
	stale  chan error // a newer grant waits for the message that is being handled
	leave  func()
}

// handle runs the handler; a panic goes on where gRPC has called.
func (g *guardedStream) handle(srv any, handler grpc.StreamHandler, ended chan<- outcome) {
	out := outcome{panicked: true}
	defer func() {
		if out.panicked {
			out.panic = recover()
		}
		g.done()
		ended <- out
	}()
	out.err = handler(srv, g)
	out.panicked = false
}

func (g *guardedStream) Context() context.Context { return g.ctx }

// RecvMsg ends the step of the message before, waits for the next one, and judges it before the handler sees it.
func (g *guardedStream) RecvMsg(m any) error {
	g.done()
	if err := g.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	entry, leave, err := g.server.Gate.Enter(g.ctx, g.guard, g.text, g.op)
	if err != nil {
		return refused(g.ServerStream, err)
	}
	unwatch := context.AfterFunc(entry.Context(), func() {
		if err := context.Cause(entry.Context()); errors.Is(err, fencing.ErrStaleToken) {
			g.end(err)
			select {
			case g.stale <- err:
			default:
			}
		}
	})
	g.leave = func() { unwatch(); leave() }
	return nil
}

func (g *guardedStream) done() {
	if g.leave != nil {
		g.leave()
		g.leave = nil
	}
}

func refused(ss grpc.ServerStream, err error) error {
	ss.SetTrailer(metadata.Pairs(KeyRefused, fencing.ReasonOf(err).String()))
	return Status(err)
}
