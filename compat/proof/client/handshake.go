package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// ErrRefused is a handshake that the server answered with a timeout of 0: the session is unknown, has ended, or the password is
// not its own.
var ErrRefused = errors.New("client: the session was refused")

// ReadOnlyByte is the last byte of a ConnectRequest, which clients older than 3.4 and some current ones leave out.
type ReadOnlyByte int8

// The forms of a ConnectRequest's end.
const (
	NotReadOnly   ReadOnlyByte = iota // the byte is there and false, as today's Java client sends it
	ReadOnlyOK                        // the byte is there and true: a read-only server will do
	NoReadOnlyBit                     // the byte is absent
)

// Hello is a ConnectRequest. The zero value asks for a new session, with the shortest timeout that the server grants.
type Hello struct {
	Protocol int32      // 0
	LastZxid int64      // the last zxid that the client has seen
	Timeout  int32      // ms
	Session  session.ID // 0 for a new session
	Password []byte     // nil is null on the wire
	ReadOnly ReadOnlyByte
}

// Welcome is a ConnectResponse.
type Welcome struct {
	Protocol    int32
	Timeout     int32 // ms, as granted; 0 = refused
	Session     session.ID
	Password    []byte
	HasReadOnly bool // the reply has the byte that says so
	ReadOnly    bool // the server is in read-only mode
}

// Append appends the ConnectRequest without its length.
func (h Hello) Append(dst []byte) []byte {
	q := wire.ConnectRequest{
		Protocol: h.Protocol, LastZxid: zxid.ID(h.LastZxid), Timeout: h.Timeout, Session: h.Session, Password: h.Password,
		ReadOnly: h.ReadOnly == ReadOnlyOK, Short: h.ReadOnly == NoReadOnlyBit,
	}
	return q.Append(dst)
}

// StageHello stages a ConnectRequest; requests staged behind it go out in the same write.
func (c *Conn) StageHello(h Hello) { c.StageFrame(h.Append(nil)) }

// ReadWelcome reads the answer to a ConnectRequest. Its password is a copy. A refusal is a Welcome with Timeout 0, not an error.
func (c *Conn) ReadWelcome() (Welcome, error) {
	b, err := c.Next()
	if err != nil {
		return Welcome{}, fmt.Errorf("client: waiting for the answer to the connect request: %w", err)
	}
	return ParseWelcome(b)
}

// ParseWelcome reads a ConnectResponse. It is stricter than wire.ConnectResponse, which repairs a password of another length: bytes
// behind it are refused, since the C client takes a fixed number of them.
func ParseWelcome(b []byte) (Welcome, error) {
	if len(b) < 20 {
		return Welcome{}, fmt.Errorf("client: a connect response of %d bytes: %w", len(b), io.ErrUnexpectedEOF)
	}
	w := Welcome{
		Protocol: int32(binary.BigEndian.Uint32(b)),
		Timeout:  int32(binary.BigEndian.Uint32(b[4:])),
		Session:  session.ID(binary.BigEndian.Uint64(b[8:])),
	}
	n := int(int32(binary.BigEndian.Uint32(b[16:])))
	if n = max(n, 0); n > len(b)-20 {
		return Welcome{}, fmt.Errorf("client: a connect response whose password of %d bytes does not fit: %w", n, io.ErrUnexpectedEOF)
	}
	w.Password = append([]byte(nil), b[20:20+n]...)
	switch rest := b[20+n:]; len(rest) {
	case 0:
	case 1:
		w.HasReadOnly, w.ReadOnly = true, rest[0] != 0
	default:
		return Welcome{}, fmt.Errorf("client: a connect response with %d bytes too many", len(rest)-1)
	}
	return w, nil
}

// Handshake sends a ConnectRequest and reads its answer; a refusal is ErrRefused.
func (c *Conn) Handshake(h Hello, within time.Duration) (Welcome, error) {
	c.StageHello(h)
	if err := c.Flush(); err != nil {
		return Welcome{}, err
	}
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		return Welcome{}, err
	}
	w, err := c.ReadWelcome()
	if err != nil {
		return w, err
	}
	if w.Timeout <= 0 {
		return w, fmt.Errorf("%w (session %v)", ErrRefused, h.Session)
	}
	return w, c.SetReadDeadline(time.Time{})
}
