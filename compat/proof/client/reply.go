package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paddock-zk/paddock/compat/wire"
)

// Reply is one frame from the server behind the handshake: the reply header and what follows it.
type Reply struct {
	Xid  int32
	Zxid int64
	Err  int32
	Body []byte // aliases the connection's buffer, until the next read
}

// ParseReply splits a frame. A frame shorter than a reply header is an error.
func ParseReply(frame []byte) (Reply, error) {
	if len(frame) < 16 {
		return Reply{}, fmt.Errorf("client: a reply of %d bytes: %w", len(frame), io.ErrUnexpectedEOF)
	}
	return Reply{
		Xid:  int32(binary.BigEndian.Uint32(frame)),
		Zxid: int64(binary.BigEndian.Uint64(frame[4:])),
		Err:  int32(binary.BigEndian.Uint32(frame[12:])),
		Body: frame[16:],
	}, nil
}

// Read reads the next reply or event.
func (c *Conn) Read() (Reply, error) {
	frame, err := c.Next()
	if err != nil {
		return Reply{}, err
	}
	return ParseReply(frame)
}

// Call sends one request and reads until its reply; events on the way are dropped. It is for preparing and cleaning up, where
// one request at a time is fast enough, and needs a connection with nothing else in flight.
func (c *Conn) Call(xid, op int32, body func(dst []byte) []byte, within time.Duration) (Reply, error) {
	c.Stage(xid, op, body)
	if err := c.Flush(); err != nil {
		return Reply{}, err
	}
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		return Reply{}, err
	}
	for {
		r, err := c.Read()
		if err != nil {
			return r, fmt.Errorf("client: waiting for the reply to request %d (opcode %d): %w", xid, op, err)
		}
		if r.Xid == xid {
			return r, c.SetReadDeadline(time.Time{})
		}
	}
}

// CloseSession ends the session, as a client that leaves for good does, and closes the socket.
func (c *Conn) CloseSession(within time.Duration) error {
	_, err := c.Call(1<<30, wire.OpCloseSession, nil, within)
	return errors.Join(err, c.Close())
}
