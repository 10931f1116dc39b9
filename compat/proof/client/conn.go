package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/paddock-zk/paddock/compat/wire"
)

// MaxFrame is the longest frame that Next accepts. ZooKeeper sets no limit for its own replies, a client must.
const MaxFrame = 64 << 20

// ErrFrame says that the four bytes where a length was expected cannot be one.
var ErrFrame = errors.New("client: not a frame")

// Conn is one connection to a server. See the package's manual for who may call what at the same time.
type Conn struct {
	nc   net.Conn
	out  []byte // staged, not yet sent
	open int    // where the record that Begin opened starts

	in         []byte // received; in[start:end] is not yet consumed
	start, end int
}

// Dial opens the TCP connection to "host:port" and sends nothing.
func Dial(ctx context.Context, addr string) (*Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("client: connecting to %s: %w", addr, err)
	}
	return New(nc), nil
}

// New speaks over a connection that is already open (TLS, a proxy, a pipe).
func New(nc net.Conn) *Conn { return &Conn{nc: nc} }

// Close closes the socket. The session, if there is one, lives on until its timeout.
func (c *Conn) Close() error { return c.nc.Close() }

// LocalAddr is this end of the connection.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// SetReadDeadline bounds the following calls of Next; the zero time lifts the bound. A Next that runs into it loses nothing:
// what has arrived of a frame stays buffered.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.nc.SetReadDeadline(t) }

// Stage appends one request: the header (xid, opcode) and what body appends to the slice it is given. A nil body stages the
// header alone, as ping and closeSession are.
func (c *Conn) Stage(xid, op int32, body func(dst []byte) []byte) {
	b := c.Begin(xid, op)
	if body != nil {
		b = body(b)
	}
	c.End(b)
}

// Begin opens a request and returns the staging buffer, for a caller that appends the record itself and hands the buffer to End:
// Stage without a closure.
func (c *Conn) Begin(xid, op int32) []byte {
	c.open = c.openFrame()
	return wire.RequestHeader{Xid: xid, Op: op}.Append(c.out)
}

// End takes back the buffer that Begin gave, with the record appended.
func (c *Conn) End(b []byte) {
	c.out = b
	c.closeFrame(c.open)
}

// StageFrame appends payload behind its length: any payload, also one that no server understands.
func (c *Conn) StageFrame(payload []byte) {
	at := c.openFrame()
	c.out = append(c.out, payload...)
	c.closeFrame(at)
}

// StageRaw appends bytes as they are, without a length: broken frames and four-letter words.
func (c *Conn) StageRaw(b []byte) { c.out = append(c.out, b...) }

// Staged is the number of bytes that the next Flush will send.
func (c *Conn) Staged() int { return len(c.out) }

// Flush sends all that is staged in one write.
func (c *Conn) Flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		return fmt.Errorf("client: sending to %s: %w", c.nc.RemoteAddr(), err)
	}
	return nil
}

func (c *Conn) openFrame() int {
	c.out = append(c.out, 0, 0, 0, 0)
	return len(c.out)
}

func (c *Conn) closeFrame(at int) {
	binary.BigEndian.PutUint32(c.out[at-4:at], uint32(len(c.out)-at))
}

// Buffered says whether Next would return without reading from the socket.
func (c *Conn) Buffered() bool {
	n, ok := c.frameLen()
	return ok && (n < 0 || n > MaxFrame || c.end-c.start >= 4+n)
}

// frameLen reads the length of the frame at the front, if its four bytes are here.
func (c *Conn) frameLen() (int, bool) {
	if c.end-c.start < 4 {
		return 0, false
	}
	return int(int32(binary.BigEndian.Uint32(c.in[c.start:]))), true
}

// Next returns the payload of the next frame. It is valid until the following call. At the end of the stream the error is io.EOF,
// or io.ErrUnexpectedEOF inside a frame.
func (c *Conn) Next() ([]byte, error) {
	for {
		if n, ok := c.frameLen(); ok {
			if n < 0 || n > MaxFrame {
				return nil, fmt.Errorf("%w: a length of %d bytes", ErrFrame, n)
			}
			if c.end-c.start >= 4+n {
				frame := c.in[c.start+4 : c.start+4+n : c.start+4+n]
				c.start += 4 + n
				return frame, nil
			}
			c.makeRoom(4 + n)
		} else {
			c.makeRoom(4)
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// makeRoom moves what is left to the front and grows the buffer, so that need bytes fit behind start.
func (c *Conn) makeRoom(need int) {
	if c.start == c.end {
		c.start, c.end = 0, 0
	}
	if c.start+need <= len(c.in) && c.end < len(c.in) {
		return
	}
	if need < minBuffer {
		need = minBuffer
	}
	to := c.in
	if need > len(to) {
		to = make([]byte, need+need/4)
	}
	c.end = copy(to, c.in[c.start:c.end])
	c.start, c.in = 0, to
}

// minBuffer holds some hundred small replies, so that a pipelined burst is taken in with one read.
const minBuffer = 16 << 10

func (c *Conn) fill() error {
	n, err := c.nc.Read(c.in[c.end:])
	c.end += n
	if n > 0 || err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) && c.end > c.start {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ReadAll reads until the server closes, as the answer to a four-letter word is read.
func (c *Conn) ReadAll() ([]byte, error) {
	rest := append([]byte(nil), c.in[c.start:c.end]...)
	c.start, c.end = 0, 0
	more, err := io.ReadAll(c.nc)
	return append(rest, more...), err
}

// CloseWrite tells the server that nothing more will come (half a close), so that its own close can be read as io.EOF.
func (c *Conn) CloseWrite() error {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.nc.Close()
}
