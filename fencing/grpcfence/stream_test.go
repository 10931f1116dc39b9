package grpcfence

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

// startStream serves one streaming method.
func startStream(t *testing.T, fence *Server, handle func(ss grpc.ServerStream) error) (open func(fencing.Token) grpc.ClientStream) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.ChainStreamInterceptor(
		func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = errors.New("recovered: " + v.(string))
				}
			}()
			return h(srv, ss)
		}, fence.Stream))
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "s", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{StreamName: "Go", ServerStreams: true, ClientStreams: true,
		Handler: func(_ any, ss grpc.ServerStream) error { return handle(ss) }}}}, nil)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return func(tok fencing.Token) grpc.ClientStream {
		c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithStreamInterceptor(StreamClient(func() (string, error) { return tok.String(), nil })))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		ss, err := c.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/s/Go")
		if err != nil {
			t.Fatal(err)
		}
		if err := ss.SendMsg(wrapperspb.String("go")); err != nil && !errors.Is(err, io.EOF) { // EOF: it has ended already
			t.Fatal(err)
		}
		return ss
	}
}

// A stream of an older grant ends, whether its handler waits for its context or for a client that does not read, and the newer seal is admitted then.
func TestStreamOfAnOlderGrantEnds(t *testing.T) {
	for what, wait := range map[string]func(ss grpc.ServerStream) error{
		"for its context": func(ss grpc.ServerStream) error { <-ss.Context().Done(); return ss.Context().Err() },
		"for a client that does not read": func(ss grpc.ServerStream) error {
			for piece := wrapperspb.String(string(make([]byte, 1<<20))); ; {
				if err := ss.SendMsg(piece); err != nil {
					return err
				}
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			w, begun := fencingtest.NewWorld(), make(chan struct{})
			fence := &Server{Guard: w.Guard(), Gate: &fencing.Gate{Marks: &fencing.Memory{}, Grace: 10 * time.Millisecond}}
			if err := fence.Guard.Enrol(t.Context(), fence.Gate.Marks, w.Token(10)); err != nil {
				t.Fatal(err)
			}
			open := startStream(t, fence, func(ss grpc.ServerStream) error {
				if err := ss.RecvMsg(new(wrapperspb.StringValue)); err != nil {
					return err
				}
				close(begun)
				return wait(ss)
			})
			ss := open(w.Token(10))
			<-begun
			_, leave, err := fence.Gate.Enter(context.Background(), fence.Guard, w.Token(20).String(), fencing.OpSeal)
			if err != nil {
				t.Fatal(err)
			}
			leave()
			for err == nil {
				err = ss.RecvMsg(new(wrapperspb.StringValue))
			}
			if what == "for its context" && !errors.Is(err, fencing.ErrStaleToken) {
				t.Logf("the client is told: %v", err) // the handler's own answer may come first
			}
		})
	}
}

// What a handler panics with comes to who recovers around the interceptor, as without it.
func TestPanicOfAStream(t *testing.T) {
	w := fencingtest.NewWorld()
	fence := &Server{Guard: w.Guard(), Gate: &fencing.Gate{Marks: &fencing.Memory{}}}
	open := startStream(t, fence, func(grpc.ServerStream) error { panic("of the handler") })
	if err := open(w.Token(10)).RecvMsg(new(wrapperspb.StringValue)); err == nil || !strings.Contains(err.Error(), "recovered: of the handler") {
		t.Errorf("got %v", err)
	}
}
