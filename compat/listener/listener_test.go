package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// echo answers every frame with itself; a frame that begins with '!' is an order.
type echo struct {
	mu     sync.Mutex
	l      *Listener
	conns  []*echoConn
	opened chan *echoConn
}

type echoConn struct {
	c      *Conn
	held   bool
	closed chan error
}

func (h *echo) Accepted(c *Conn) Receiver {
	e := &echoConn{c: c, closed: make(chan error, 1)}
	h.mu.Lock()
	h.conns = append(h.conns, e)
	h.mu.Unlock()
	if h.opened != nil {
		h.opened <- e
	}
	return e
}

func (h *echo) Word(w string) (int, bool) {
	switch w {
	case "ruok":
		return 0, true
	case "stmk":
		return 8, true
	}
	return 0, false
}

func (h *echo) Command(_ *Conn, w string, args []byte) []byte {
	if w == "ruok" {
		return []byte("imok")
	}
	return append([]byte("mask "), args...)
}

func (e *echoConn) Receive(in *Frames) Verdict {
	for {
		f, ok := in.Next()
		if !ok {
			return Continue
		}
		e.c.Established()
		switch string(f) {
		case "!pause":
			if !e.held {
				e.held = true
				go e.c.Resume()
				return Pause
			}
		case "!close":
			return Close
		}
		e.send(f)
	}
}

func (e *echoConn) send(f []byte) {
	b := binary.BigEndian.AppendUint32(e.c.Begin(), uint32(len(f)))
	e.c.End(append(b, f...))
}

func (e *echoConn) Closed(reason error) { e.closed <- reason }

type loop struct {
	t    *testing.T
	h    *echo
	l    *Listener
	addr string
}

func start(t *testing.T, o Options) *loop {
	t.Helper()
	h := &echo{opened: make(chan *echoConn, 1000)}
	l := New(h, o)
	h.l = l
	s, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go l.Serve(s)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		if err := l.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return &loop{t: t, h: h, l: l, addr: s.Addr().String()}
}

// soon is how long a test waits for what comes in a moment. Only what never comes is a failure, whatever else the machine does.
const soon = time.Minute

func (s *loop) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(soon))
	s.t.Cleanup(func() { c.Close() })
	return c
}

func frame(parts ...string) (b []byte) {
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

func expect(t *testing.T, c net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes %q, %v; want %q", n, got[:n], err, want)
	}
}

func expectEnd(t *testing.T, c net.Conn) {
	t.Helper()
	rest, err := io.ReadAll(c)
	if len(rest) > 0 {
		t.Fatalf("read %q where the end was due", rest)
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		t.Fatal("the connection stays open")
	}
}

func TestFramesArriveInOrder(t *testing.T) {
	s := start(t, Options{})
	c := s.dial()
	b := frame("one", "", "three")
	c.Write(b[:9])
	c.Write(b[9:])
	expect(t, c, b)
	big := frame(string(bytes.Repeat([]byte("x"), 300_000)), "after")
	go c.Write(big)
	expect(t, c, big)
}

func TestPauseHoldsTheRestBack(t *testing.T) {
	s := start(t, Options{})
	c := s.dial()
	c.Write(frame("!pause", "a", "b"))
	expect(t, c, frame("a", "b"))
}

func TestLengthsOutOfRangeClose(t *testing.T) {
	for _, n := range []uint32{0x100000, 0xffffffff, 0x80000000} {
		s := start(t, Options{})
		c := s.dial()
		c.Write(binary.BigEndian.AppendUint32(frame("good"), n))
		expect(t, c, frame("good"))
		expectEnd(t, c)
		if err := <-(<-s.h.opened).closed; !errors.Is(err, ErrFrameLength) {
			t.Errorf("length %#x: reason %v", n, err)
		}
	}
}

func TestFourLetterWords(t *testing.T) {
	s := start(t, Options{})
	c := s.dial()
	c.Write([]byte("ru"))
	c.Write([]byte("ok"))
	expect(t, c, []byte("imok"))
	expectEnd(t, c)
	c = s.dial()
	c.Write([]byte("stmk1234"))
	c.Write([]byte("5678"))
	expect(t, c, []byte("mask 12345678"))
	expectEnd(t, c)
	c = s.dial()
	c.Write([]byte("blah"))
	expectEnd(t, c)
}

func TestCloseSendsWhatIsThereAndIgnoresTheRest(t *testing.T) {
	s := start(t, Options{})
	c := s.dial()
	c.Write(frame("last", "!close", "ignored"))
	expect(t, c, frame("last"))
	expectEnd(t, c)
	c.Close()
	<-(<-s.h.opened).closed
}

// What a client has not read yet when its connection is closed is sent to the end, and only then the end is.
func TestCloseWaitsForASlowReader(t *testing.T) {
	s := start(t, Options{MaxFrame: 16 << 20, MaxPending: 64 << 20})
	c := s.dial()
	large := frame(string(bytes.Repeat([]byte("x"), 12<<20))) // more than the sockets of both sides hold
	c.Write(append(large, frame("!close")...))
	s.until(func() bool { return s.l.Stats().BytesReceived >= uint64(len(large)) })
	c.SetReadDeadline(time.Now().Add(time.Minute))
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes of %d came before the end, %v", len(got), len(large), err)
	}
}

func TestLimits(t *testing.T) {
	s := start(t, Options{MaxPerIP: 2})
	a, b := s.dial(), s.dial()
	for _, c := range []net.Conn{a, b} {
		c.Write(frame("hi"))
		expect(t, c, frame("hi"))
	}
	expectEnd(t, s.dial())
	a.Close()
	s.until(func() bool { return s.l.Stats().Conns == 1 })
	c := s.dial()
	c.Write(frame("hi"))
	expect(t, c, frame("hi"))
	if st := s.l.Stats(); st.Rejected != 1 || st.Accepted != 3 {
		t.Errorf("stats %+v", st)
	}
}

// until polls a condition of another goroutine.
func (s *loop) until(cond func() bool) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(soon)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			s.t.Fatal("condition did not come true")
		}
	}
}

func TestSessionlessConnectionIsClosed(t *testing.T) {
	for timeout := 30 * time.Millisecond; ; timeout *= 4 { // a machine on which the good one was too slow gets more time
		s := start(t, Options{SessionlessTimeout: timeout})
		quiet, partial, good := s.dial(), s.dial(), s.dial()
		partial.Write([]byte{0, 0})
		good.Write(frame("x"))
		if _, err := io.ReadFull(good, make([]byte, len(frame("x")))); err != nil && timeout < soon {
			continue
		}
		expectEnd(t, quiet)
		expectEnd(t, partial)
		good.Write(frame("y"))
		expect(t, good, frame("y"))
		return
	}
}

// A client that does not read is dropped. Flush does not wait for it, in the clear and over TLS, where a goroutine writes: each Flush
// below runs while that goroutine is stuck, and Shutdown ends it.
func TestSlowReaderIsDropped(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "TLS": {TLS: &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}}} {
		t.Run(name, func(t *testing.T) {
			o.MaxPending = 1 << 20
			e := unread(t, o)
			event := make([]byte, 10_000)
			for {
				e.send(event)
				e.c.Flush()
				select {
				case err := <-e.closed:
					if !errors.Is(err, ErrSlowReader) {
						t.Fatalf("reason %v", err)
					}
					return
				default:
				}
			}
		})
	}
}

// A connection that is closed while its client does not read ends: the writer is not stuck for ever, and whoever closes does not wait for it.
func TestCloseEndsAWriterThatIsStuck(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "TLS": {TLS: &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}}} {
		t.Run(name, func(t *testing.T) {
			o.MaxPending = 1 << 30
			e := unread(t, o)
			for e.c.Pending() < 8<<20 { // more than both sockets hold
				e.send(make([]byte, 100_000))
				e.c.Flush()
			}
			e.c.CloseAfterFlush()
			e.c.Close(errTest)
			select {
			case err := <-e.closed:
				if !errors.Is(err, errTest) {
					t.Errorf("reason %v", err)
				}
			case <-time.After(soon):
				t.Fatal("the connection does not end")
			}
		})
	}
}

// unread is a connection whose client has got one answer and reads no more.
func unread(t *testing.T, o Options) *echoConn {
	t.Helper()
	s := start(t, o)
	c := s.dial()
	if o.TLS != nil {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	c.Write(frame("x"))
	expect(t, c, frame("x"))
	return <-s.h.opened
}

func TestSlowReaderLosesNothingBelowTheBound(t *testing.T) {
	s := start(t, Options{HighWater: 64 << 10})
	c := s.dial()
	payload := frame(string(bytes.Repeat([]byte("abc"), 5000)))
	const n = 2000
	go func() {
		for range n {
			c.Write(payload)
		}
	}()
	for range n {
		expect(t, c, payload)
	}
}

func TestPipe(t *testing.T) {
	s := start(t, Options{})
	a, b := net.Pipe()
	s.l.Adopt(b)
	a.SetDeadline(time.Now().Add(soon))
	b1 := frame("one", string(bytes.Repeat([]byte("y"), 70)), "three")
	go a.Write(b1)
	expect(t, a, b1)
	a.Write(frame("!close"))
	expectEnd(t, a)
}

func TestManyWritersKeepFramesWhole(t *testing.T) {
	s := start(t, Options{})
	c := s.dial()
	c.Write(frame("x"))
	expect(t, c, frame("x"))
	e := <-s.h.opened
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 500 {
				e.send(bytes.Repeat([]byte{byte(i)}, 100+i))
				e.c.Flush()
			}
		})
	}
	for range 4000 {
		var n [4]byte
		if _, err := io.ReadFull(c, n[:]); err != nil {
			t.Fatal(err)
		}
		f := make([]byte, binary.BigEndian.Uint32(n[:]))
		io.ReadFull(c, f)
		if len(f) != 100+int(f[0]) || bytes.Count(f, f[:1]) != len(f) {
			t.Fatalf("torn frame of %d bytes", len(f))
		}
	}
	wg.Wait()
}

func TestPortUnification(t *testing.T) {
	cert := testCertificate(t)
	s := start(t, Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, PortUnification: true})
	plain := s.dial()
	plain.Write(frame("plain"))
	expect(t, plain, frame("plain"))
	c := tls.Client(s.dial(), &tls.Config{InsecureSkipVerify: true})
	b := frame("secret", string(bytes.Repeat([]byte("z"), 50_000)))
	go c.Write(b)
	expect(t, c, b)
	e := <-s.h.opened
	if e.c.TLS() == nil {
		e = <-s.h.opened
	}
	if e.c.TLS() == nil {
		t.Error("no TLS state")
	}
	c.Write(frame("!close"))
	expectEnd(t, c)
}

// BenchmarkIdle measures what an idle connection costs, the client's end of the socket included.
func BenchmarkIdle(b *testing.B) {
	const n = 4000
	h := &echo{}
	l := New(h, Options{})
	s, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go l.Serve(s)
	defer l.Shutdown(context.Background())
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		conns := make([]net.Conn, n)
		for i := range conns {
			c, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			conns[i] = c
			c.Write(frame("hello, I am a client"))
			io.ReadFull(c, make([]byte, 24))
		}
		for range 4 {
			runtime.GC()
		}
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/n, "heapB/conn")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/n, "stackB/conn")
		for _, c := range conns {
			c.Close()
		}
	}
}

// BenchmarkEcho is the round trip of one small frame through loopback, client included.
func BenchmarkEcho(b *testing.B) {
	h := &echo{}
	l := New(h, Options{})
	s, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go l.Serve(s)
	defer l.Shutdown(context.Background())
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	f := frame("a small request of some bytes")
	in := make([]byte, len(f))
	b.ReportAllocs()
	for b.Loop() {
		c.Write(f)
		io.ReadFull(c, in)
	}
	c.Close()
}
