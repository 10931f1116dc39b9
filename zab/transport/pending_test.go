package transport

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// within fails if something does not end; a busy machine may take its time.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s: not within a minute", what)
	}
}

// lateListener accepts one connection in the middle of Transport.Close: after it has begun, and before anybody looks whether it has.
type lateListener struct {
	net.Listener
	closing chan struct{}
	conn    net.Conn
}

func (l *lateListener) Accept() (net.Conn, error) {
	<-l.closing
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l *lateListener) Close() error { return nil }

// walked tells when Close has come to the connections.
type walked struct {
	net.Conn
	tell func()
}

func (w *walked) Close() error { w.tell(); return nil }

// A link that is accepted while Close runs must not keep it from ending: its other side lives on, and says nothing more.
func TestLinkThatIsAcceptedDuringCloseEnds(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	closing := make(chan struct{})
	two := serverTwo(t, &lateListener{closing: closing, conn: near}, Config{})
	two.mu.Lock()
	two.in[&walked{tell: sync.OnceFunc(func() { close(closing) })}] = 0
	two.mu.Unlock()
	go func() {
		_, _, _ = greet(far, bufio.NewReaderSize(far, 256), Identity{ID: 1}, "", 2, laneControl, credential{})
	}()
	within(t, "Close returns", two.Close)
}

// Whoever is dialled may accept and say nothing; Close does not wait until the handshake is given up.
func TestCloseDoesNotWaitForAHandshake(t *testing.T) {
	l := listen(t)
	one := serverOne(t, l.Addr().String())
	for range 2 { // both lanes
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := readFrame(bufio.NewReaderSize(c, 256), 1<<12); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	one.Close()
	if took := time.Since(begin); took >= maxHandshake-time.Second {
		t.Errorf("Close took %v", took)
	}
}

// Strangers that connect and say nothing are bounded in number, and keep nobody out: the oldest of them goes.
func TestStrangersAreBounded(t *testing.T) {
	l := listen(t)
	var log syncBuffer
	arrived := make(chan zab.Message, 1)
	two := serverTwo(t, l, Config{Deliver: func(m zab.Message) { arrived <- m }, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	var strangers []net.Conn
	connect := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for range maxPending + 20 {
		strangers = append(strangers, connect())
	}
	for i, c := range strangers[:20] {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := c.Read(make([]byte, 1)); err != io.EOF && !strings.Contains(fmt.Sprint(err), "reset") {
			t.Fatalf("stranger %d of %d: %v", i, len(strangers), err)
		}
	}
	c := connect()
	if _, _, err := greet(c, bufio.NewReaderSize(c, 256), Identity{ID: 1}, "", 2, laneControl, credential{}); err != nil {
		t.Fatalf("a server of the ensemble is kept out: %v", err)
	}
	m := zab.Message{Type: zab.MsgResign, From: 1, To: 2, Epoch: 1}
	if err := writeFrame(c, zab.AppendMessage(nil, &m)); err != nil {
		t.Fatal(err)
	}
	within(t, "a message arrives", func() { <-arrived })
	two.Close()
	if n := strings.Count(log.String(), "too many connections"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, log.String())
	}
}

// What the dialler says right behind its proof, without waiting for the other side's, may be in the small reader of the handshake already; it must not get lost.
func TestFirstMessagesRightBehindTheHandshake(t *testing.T) {
	l := listen(t)
	arrived := make(chan zab.Message, 3)
	serverTwo(t, l, Config{Deliver: func(m zab.Message) { arrived <- m }})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	hasty := &hasty{Conn: c}
	for i := range 3 {
		m := zab.Message{Type: zab.MsgAnswer, From: 1, To: 2, Epoch: 1, Ctx: uint64(i), Data: make([]byte, 100*i)}
		b := zab.AppendMessage(beginFrame(nil), &m)
		endFrame(b, 0)
		hasty.behind = append(hasty.behind, b...)
	}
	if _, _, err := greet(hasty, bufio.NewReaderSize(c, 256), Identity{ID: 1}, "", 2, laneControl, credential{}); err != nil {
		t.Fatal(err)
	}
	within(t, "all messages arrive", func() {
		for i := range 3 {
			if m := <-arrived; m.Ctx != uint64(i) || len(m.Data) != 100*i {
				t.Errorf("message %d: %v", i, m)
			}
		}
	})
}

// hasty sends the proof of the dialler in one piece with what is to follow it.
type hasty struct {
	net.Conn
	writes int
	behind []byte
}

func (h *hasty) Write(b []byte) (int, error) {
	if h.writes++; h.writes == 2 {
		b = slices.Concat(b, h.behind)
	}
	return h.Conn.Write(b)
}

// The same warning comes again after a while, with the number of those that were held back; a flood of different ones is bounded too.
func TestWarningsAreHeldBack(t *testing.T) {
	var log bytes.Buffer
	w := warnings{logger: slog.New(slog.NewTextHandler(&log, nil)), logged: map[string]*warned{}}
	said := func() string {
		defer log.Reset()
		return log.String()
	}
	now := time.Unix(1000, 0)
	w.warn(now, "a", "refused")
	if s := said(); strings.Count(s, "refused") != 1 || strings.Contains(s, "held_back") {
		t.Errorf("the first one: %q", s)
	}
	for range 5 {
		w.warn(now.Add(repeatAfter-1), "a", "refused")
	}
	if s := said(); s != "" {
		t.Errorf("too early: %q", s)
	}
	w.warn(now.Add(repeatAfter), "a", "refused")
	if s := said(); strings.Count(s, "refused") != 1 || !strings.Contains(s, "held_back=5") {
		t.Errorf("after a while: %q", s)
	}
	now = now.Add(10 * repeatAfter)
	for i := range 1000 {
		w.warn(now, fmt.Sprint(i), "refused")
	}
	if n := strings.Count(said(), "refused"); n != maxWarnings {
		t.Errorf("%d different ones at once", n)
	}
	w.warn(now.Add(repeatAfter), "b", "refused")
	if s := said(); !strings.Contains(s, fmt.Sprint("held_back=", 1000-maxWarnings)) {
		t.Errorf("after the flood: %q", s)
	}
}

// syncBuffer is a buffer that several goroutines log into.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
