package grpcfence

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

// kv is a key-value server: messages are "key=value" strings, so no generated code is needed.
type kv struct {
	g       *fencing.Guard
	marks   fencing.Memory
	addr    string
	stream  bool // write through the streaming method
	mu      sync.Mutex
	data    map[string]string
	between map[string]func() error
}

func (s *kv) put(text string) error {
	s.mu.Lock()
	between := s.between[text]
	s.mu.Unlock()
	if between != nil {
		if err := between(); err != nil {
			return status.Error(codes.Aborted, err.Error())
		}
	}
	key, value, _ := strings.Cut(text, "=")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data[key] = value
	return nil
}

func (s *kv) desc() *grpc.ServiceDesc {
	unary := func(name string) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, dec func(any) error, i grpc.UnaryServerInterceptor) (any, error) {
			in := new(wrapperspb.StringValue)
			if err := dec(in); err != nil {
				return nil, err
			}
			return i(ctx, in, &grpc.UnaryServerInfo{FullMethod: "/kv/" + name}, func(context.Context, any) (any, error) {
				if name == "Seal" {
					return in, nil
				}
				return in, s.put(in.Value)
			})
		}}
	}
	return &grpc.ServiceDesc{ServiceName: "kv", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{unary("Put"), unary("Seal")},
		Streams: []grpc.StreamDesc{{StreamName: "PutAll", ServerStreams: true, ClientStreams: true, Handler: s.putAll}}}
}

func (s *kv) putAll(_ any, ss grpc.ServerStream) error {
	for {
		in := new(wrapperspb.StringValue)
		if err := ss.RecvMsg(in); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.put(in.Value); err != nil {
			return err
		}
		if err := ss.SendMsg(in); err != nil {
			return err
		}
	}
}

func start(t *testing.T, g *fencing.Guard, stream bool) *kv {
	t.Helper()
	s := &kv{g: g, stream: stream, data: map[string]string{}, between: map[string]func() error{}}
	fence := &Server{Guard: g, Gate: &fencing.Gate{Marks: &s.marks}, OpOf: func(m string) fencing.Op {
		if m == "/kv/Seal" {
			return fencing.OpSeal
		}
		return fencing.OpCheck
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(fence.Unary), grpc.StreamInterceptor(fence.Stream))
	server.RegisterService(s.desc(), nil)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	s.addr = l.Addr().String()
	return s
}

func (s *kv) dial(t fencing.Token) (*grpc.ClientConn, error) {
	token := func() (string, error) { b, err := t.MarshalText(); return string(b), err }
	return grpc.NewClient(s.addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(UnaryClient(token)), grpc.WithStreamInterceptor(StreamClient(token)))
}

func (s *kv) call(ctx context.Context, t fencing.Token, method, text string) error {
	c, err := s.dial(t)
	if err != nil {
		return err
	}
	defer c.Close()
	in, out := wrapperspb.String(text), new(wrapperspb.StringValue)
	if !s.stream || method == "Seal" {
		return c.Invoke(ctx, "/kv/"+method, in, out)
	}
	ss, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/kv/PutAll")
	if err != nil {
		return err
	}
	if err := ss.SendMsg(in); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return ss.RecvMsg(out)
}

func (s *kv) Seal(ctx context.Context, t fencing.Token) error { return s.call(ctx, t, "Seal", "") }

func (s *kv) Enrol(ctx context.Context, floor fencing.Token) error {
	return s.g.Enrol(ctx, &s.marks, floor)
}

func (s *kv) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	var crashed error
	if between != nil {
		s.mu.Lock()
		s.between[key+"="+value] = func() error { crashed = between(); return crashed }
		s.mu.Unlock()
	}
	err := s.call(ctx, t, "Put", key+"="+value)
	if status.Code(err) == codes.Aborted {
		return crashed
	}
	return err
}

func (s *kv) Read(_ context.Context, key string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data[key], nil
}

func (s *kv) LoseWatermark(context.Context) error { s.marks.Forget(s.g.Scope()); return nil }

func TestConformance(t *testing.T) {
	for name, stream := range map[string]bool{"unary": false, "stream": true} {
		t.Run(name, func(t *testing.T) {
			fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store { return start(t, g, stream) })
		})
	}
}

func TestStreamEndsWhenItsGrantDoes(t *testing.T) {
	ctx, w := t.Context(), fencingtest.NewWorld()
	s := start(t, w.Guard(), true)
	if err := s.Enrol(ctx, w.Token(10)); err != nil {
		t.Fatal(err)
	}
	c, err := s.dial(w.Token(10))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ss, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/kv/PutAll")
	if err != nil {
		t.Fatal(err)
	}
	send := func(text string) error {
		if err := ss.SendMsg(wrapperspb.String(text)); err != nil {
			return err
		}
		return ss.RecvMsg(new(wrapperspb.StringValue))
	}
	if err := send("k=1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Seal(ctx, w.Token(20)); err != nil {
		t.Fatal(err)
	}
	err = send("k=2")
	if !errors.Is(err, fencing.ErrStaleToken) || status.Code(err) != codes.FailedPrecondition {
		t.Fatalf("got %v", err)
	}
	if v, _ := s.Read(ctx, "k"); v != "1" {
		t.Fatalf("k is %q", v)
	}
}

func TestCallWithoutToken(t *testing.T) {
	s := start(t, fencingtest.NewWorld().Guard(), false)
	c, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Invoke(t.Context(), "/kv/Put", wrapperspb.String("k=1"), new(wrapperspb.StringValue))
	if status.Code(err) != codes.Unauthenticated {
		t.Fatalf("got %v", err)
	}
}

func TestServerWithoutAGateAdmitsNothing(t *testing.T) {
	s := &Server{Guard: fencingtest.NewWorld().Guard()}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(KeyToken, fencingtest.NewWorld().Token(5).String()))
	_, err := s.Unary(ctx, nil, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) { t.Error("the handler was called"); return nil, nil })
	if status.Code(err) != codes.Internal {
		t.Fatalf("got %v", err)
	}
}
