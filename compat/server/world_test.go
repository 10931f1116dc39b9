package server_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/server/servertest"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// clock is the tests' time: it moves only when told.
type clock struct{ mono, wall atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.mono.Store(1_000_000_000)
	c.wall.Store(1_000_000)
	return c
}

func (c *clock) advance(d time.Duration) {
	c.mono.Add(int64(d))
	c.wall.Add(d.Milliseconds())
}

// world is one history and its servers, with a listener on loopback for each.
type world struct {
	tb      testing.TB
	clock   *clock
	history *servertest.History
	nodes   []*node
}

type node struct {
	*server.Server
	l      *listener.Listener
	member *servertest.Member
	addr   string
}

// newWorld starts n servers. tune may change the options of each.
func newWorld(tb testing.TB, n int, tune func(*server.Options)) *world {
	w := &world{tb: tb, clock: newClock()}
	w.history = servertest.NewHistory(w.clock.wall.Load)
	for i := range n {
		w.join(zab.PeerID(i+1), tune)
	}
	tb.Cleanup(w.stop)
	return w
}

func (w *world) join(id zab.PeerID, tune func(*server.Options)) {
	acl, err := auth.New(auth.Config{})
	if err != nil {
		w.tb.Fatal(err)
	}
	m := w.history.Join(id)
	o := server.Options{
		ID: id, Boot: uint64(id) * 1000, Orderer: m, State: znode.NewState(znode.Options{}), Auth: acl,
		Clock:    server.Clock{Mono: w.clock.mono.Load, Wall: w.clock.wall.Load},
		Rand:     rand.NewChaCha8([32]byte{byte(id)}),
		Sessions: server.SessionOptions{TickMs: 500, Limits: session.Limits{MinMs: 1000, MaxMs: 10000}},
		Features: server.Features{Flags: znode.FlagExtendedTypes, Standalone: true},
	}
	if tune != nil {
		tune(&o)
	}
	s := server.New(o)
	nd := &node{Server: s, member: m}
	nd.l = listener.New(s, listener.Options{AdmitFrame: s.AdmitFrame, SessionlessTimeout: time.Minute})
	sock, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.tb.Fatal(err)
	}
	nd.addr = sock.Addr().String()
	go nd.l.Serve(sock)
	m.Start(s)
	w.nodes = append(w.nodes, nd)
}

func (w *world) stop() {
	w.history.Release()
	for _, n := range w.nodes {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		if err := n.l.Shutdown(ctx); err != nil {
			w.tb.Errorf("shutdown: %v", err)
		}
		cancel()
	}
	w.history.Stop()
	for _, n := range w.nodes {
		n.Stop()
	}
}

// raw is one raw client connection.
type raw struct {
	tb testing.TB
	nc net.Conn
}

func (w *world) dial(i int) *raw { return w.dialFor(w.tb, i) }

func (w *world) dialFor(tb testing.TB, i int) *raw {
	tb.Helper()
	nc, err := net.Dial("tcp", w.nodes[i].addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { nc.Close() })
	return &raw{tb, nc}
}

func (r *raw) send(payloads ...[]byte) {
	r.tb.Helper()
	var b []byte
	for _, p := range payloads {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	if _, err := r.nc.Write(b); err != nil {
		r.tb.Logf("write: %v", err)
	}
}

// soon is how long a test waits for what comes in a moment. Only what never comes is a failure, whatever else the machine does.
const soon = time.Minute

var errQuiet = errors.New("nothing comes")

// next reads one frame; io.EOF when the server closed, errQuiet after the patience.
func (r *raw) next(patience time.Duration) ([]byte, error) {
	r.nc.SetReadDeadline(time.Now().Add(patience))
	var n [4]byte
	if _, err := io.ReadFull(r.nc, n[:]); err != nil {
		var ne net.Error
		if errors.As(err, &ne) && ne.Timeout() {
			return nil, errQuiet
		}
		return nil, io.EOF
	}
	f := make([]byte, binary.BigEndian.Uint32(n[:]))
	if _, err := io.ReadFull(r.nc, f); err != nil {
		return nil, io.EOF
	}
	return f, nil
}
