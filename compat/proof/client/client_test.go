package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/wire"
)

// frame is a payload behind its length.
func frame(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

func reply(xid int32, zxid int64, code int32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(xid))
	b = binary.BigEndian.AppendUint64(b, uint64(zxid))
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, body...)
}

// serve listens once and plays the server's part.
func serve(t *testing.T, part func(c net.Conn)) *Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		part(c)
	}()
	c, err := Dial(context.Background(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = c.Close(), l.Close(), <-done })
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	return c
}

func TestAllThatIsStagedGoesOutAtOnce(t *testing.T) {
	got := make(chan []byte, 1)
	c := serve(t, func(s net.Conn) {
		b := make([]byte, 1024)
		n, _ := s.Read(b)
		got <- b[:n]
	})
	c.Stage(1, wire.OpPing, nil)
	c.Stage(2, wire.OpSync, func(b []byte) []byte { return append(b, "abc"...) })
	c.End(append(c.Begin(3, 77), 'z'))
	c.StageFrame([]byte("frame"))
	c.StageRaw([]byte("ruok"))
	if c.Staged() == 0 || c.Flush() != nil || c.Staged() != 0 {
		t.Fatal("staging does not count what is staged")
	}
	want := "\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00\x0b" + "\x00\x00\x00\x0b\x00\x00\x00\x02\x00\x00\x00\x09abc" +
		"\x00\x00\x00\x09\x00\x00\x00\x03\x00\x00\x00\x4dz" + "\x00\x00\x00\x05frame" + "ruok"
	if b := <-got; string(b) != want {
		t.Fatalf("sent\n%q, want\n%q", b, want)
	}
}

// Frames come in pieces of any size; a deadline in the middle of one loses nothing; large ones make the buffer grow.
func TestFramesInPieces(t *testing.T) {
	large := bytes.Repeat([]byte("L"), 100_000)
	stream := bytes.Join([][]byte{frame(reply(1, 7, 0, "one")), frame(reply(-1, -1, 0, "event")), frame(reply(2, 8, -101, "")), frame(reply(3, 9, 0, string(large))), frame(reply(4, 9, 0, "four"))}, nil)
	goOn := make(chan struct{})
	c := serve(t, func(s net.Conn) {
		_, _ = s.Write(stream[:9])
		<-goOn
		for rest := stream[9:]; len(rest) > 0; {
			n := min(len(rest), 7001)
			_, _ = s.Write(rest[:n])
			rest = rest[n:]
		}
	})
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := c.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v before the frame was complete", err)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	close(goOn)
	for i, want := range []Reply{{1, 7, 0, []byte("one")}, {-1, -1, 0, []byte("event")}, {2, 8, -101, nil}, {3, 9, 0, large}, {4, 9, 0, []byte("four")}} {
		got, err := c.Read()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if got.Xid != want.Xid || got.Zxid != want.Zxid || got.Err != want.Err || !bytes.Equal(got.Body, want.Body) {
			t.Fatalf("frame %d: got xid %d zxid %d err %d and %d bytes", i, got.Xid, got.Zxid, got.Err, len(got.Body))
		}
	}
	if _, err := c.Read(); !errors.Is(err, io.EOF) {
		t.Fatalf("at the end: %v", err)
	}
}

func TestWhatIsNoFrameIsAnError(t *testing.T) {
	for name, b := range map[string]string{"negative": "\xff\xff\xff\xff", "huge": "\x7f\x00\x00\x00"} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, func(s net.Conn) { _, _ = io.WriteString(s, b) })
			if _, err := c.Next(); !errors.Is(err, ErrFrame) {
				t.Fatalf("got %v", err)
			}
		})
	}
	c := serve(t, func(s net.Conn) { _, _ = io.WriteString(s, "\x00\x00\x00\x09abc") })
	if _, err := c.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("inside a frame: %v", err)
	}
}

func TestHandshakeForms(t *testing.T) {
	for _, tc := range []struct {
		name  string
		hello Hello
		bytes int
	}{
		{"new session", Hello{Timeout: 30000}, 29},
		{"with a password", Hello{Session: 5, Password: make([]byte, 16), ReadOnly: ReadOnlyOK}, 45},
		{"of an old client", Hello{Password: make([]byte, 16), ReadOnly: NoReadOnlyBit}, 44},
	} {
		if b := tc.hello.Append(nil); len(b) != tc.bytes {
			t.Errorf("%s: %d bytes, want %d", tc.name, len(b), tc.bytes)
		}
	}
	long := wire.ConnectResponse{Timeout: 4000, Session: 7, ReadOnly: true}
	short := wire.Refusal(true)
	c := serve(t, func(s net.Conn) {
		_, _ = s.Write(append(frame(long.Append(nil)), frame(short.Append(nil))...))
		_, _ = io.Copy(io.Discard, s)
	})
	if w, err := c.Handshake(Hello{}, time.Minute); err != nil || w.Session != 7 || w.Timeout != 4000 || !w.HasReadOnly || !w.ReadOnly || len(w.Password) != 16 {
		t.Fatalf("got %+v, %v", w, err)
	}
	if w, err := c.Handshake(Hello{}, time.Minute); !errors.Is(err, ErrRefused) || w.HasReadOnly {
		t.Fatalf("a refusal: got %+v, %v", w, err)
	}
}

func TestCallSkipsEvents(t *testing.T) {
	c := serve(t, func(s net.Conn) {
		_, _ = s.Write(append(frame(reply(-1, 3, 0, "event")), frame(reply(9, 4, -110, ""))...))
		_, _ = io.Copy(io.Discard, s)
	})
	r, err := c.Call(9, wire.OpSync, nil, time.Minute)
	if err != nil || r.Xid != 9 || r.Err != -110 {
		t.Fatalf("got %+v, %v", r, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(reply(1, 2, 3, "body"))
	w := wire.ConnectResponse{Timeout: 1}
	f.Add(w.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := ParseReply(b); err == nil && len(r.Body) != len(b)-16 {
			t.Fatalf("%d bytes in, %d bytes of body", len(b), len(r.Body))
		}
		if w, err := ParseWelcome(b); err == nil && len(w.Password) > len(b) {
			t.Fatal("a password longer than the frame")
		}
	})
}

// Reading a reply from what is buffered, and staging a request: what the load generator does for every operation.
func BenchmarkStageAndRead(b *testing.B) {
	one := frame(reply(1, 2, 0, string(make([]byte, 172))))
	c := New(&endless{bytes.Repeat(one, 64)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Read(); err != nil {
			b.Fatal(err)
		}
		c.End(append(c.Begin(1, wire.OpGetData), "0123456789012345678901234"...))
		if c.Staged() > 4000 {
			if err := c.Flush(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// endless is a connection that always has the same bytes to read and takes all that is written.
type endless struct{ b []byte }

func (e *endless) Read(b []byte) (int, error) {
	return copy(b, e.b[:min(len(e.b), len(b)/len(e.b)*len(e.b))]), nil
}
func (e *endless) Write(b []byte) (int, error)      { return len(b), nil }
func (e *endless) Close() error                     { return nil }
func (e *endless) LocalAddr() net.Addr              { return nil }
func (e *endless) RemoteAddr() net.Addr             { return nil }
func (e *endless) SetDeadline(time.Time) error      { return nil }
func (e *endless) SetReadDeadline(time.Time) error  { return nil }
func (e *endless) SetWriteDeadline(time.Time) error { return nil }
