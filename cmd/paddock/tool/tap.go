package tool

import (
	"encoding/binary"
	"net"
	"slices"
	"sync"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/wire"
)

// taps holds the tap of the current connection.
type taps struct {
	mu  sync.Mutex
	tap *tapConn
}

// put makes nc the current connection. early hears an error that comes before the answer to the handshake.
func (t *taps) put(nc net.Conn, early func(error)) net.Conn {
	tap := &tapConn{Conn: nc, early: early, waiting: map[int32]chan reply{}, xid: firstXid}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tap = tap
	return tap
}

func (t *taps) now() *tapConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tap
}

// firstXid is far above every xid of go-zookeeper, which counts from 1.
const firstXid = 0x60000000

// tapConn lies between go-zookeeper and the socket. It puts requests of its own between go-zookeeper's (which writes whole frames, one
// Write each) and picks their replies out of the stream; go-zookeeper passes over replies to xids that it did not send. So requests that
// go-zookeeper lacks run in the very same session and order.
type tapConn struct {
	net.Conn
	writing sync.Mutex

	mu      sync.Mutex
	xid     int32
	waiting map[int32]chan reply
	closed  bool

	inbound []byte // a frame that has not arrived whole; only the reading goroutine touches it
	early   func(error)
	greeted bool // the first frame, the answer to the handshake, has passed
}

type reply struct {
	body []byte
	err  error
}

// Write implements net.Conn.
func (t *tapConn) Write(b []byte) (int, error) {
	t.writing.Lock()
	defer t.writing.Unlock()
	return t.Conn.Write(b)
}

// Read implements net.Conn; the frames that pass are inspected.
func (t *tapConn) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	if n > 0 {
		t.inbound = append(t.inbound, b[:n]...)
		t.look()
	}
	if err != nil {
		if !t.greeted {
			t.early(err)
		}
		t.fail()
	}
	return n, err
}

// Close implements net.Conn.
func (t *tapConn) Close() error {
	err := t.Conn.Close()
	t.fail()
	return err
}

// look takes the whole frames from the front of what was read.
func (t *tapConn) look() {
	for len(t.inbound) >= 4 {
		size := int(binary.BigEndian.Uint32(t.inbound))
		if size < 0 || size > client.MaxFrame {
			return // go-zookeeper ends the connection
		}
		if len(t.inbound) < 4+size {
			return
		}
		frame := t.inbound[4 : 4+size]
		if t.greeted {
			t.answer(frame)
		}
		t.greeted = true
		t.inbound = t.inbound[4+size:]
	}
	if len(t.inbound) == 0 {
		t.inbound = nil
	}
}

func (t *tapConn) answer(frame []byte) {
	r, err := client.ParseReply(frame)
	if err != nil || r.Xid < firstXid {
		return
	}
	t.mu.Lock()
	ch := t.waiting[r.Xid]
	delete(t.waiting, r.Xid)
	t.mu.Unlock()
	if ch == nil {
		return
	}
	if r.Err != 0 {
		ch <- reply{err: codeError(r.Err)}
		return
	}
	ch <- reply{body: slices.Clone(r.Body)}
}

// fail ends all waiting calls: the connection is gone.
func (t *tapConn) fail() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for xid, ch := range t.waiting {
		ch <- reply{err: zk.ErrConnectionClosed}
		delete(t.waiting, xid)
	}
}

// call sends one request and waits for its reply.
func (t *tapConn) call(op wire.Opcode, body func([]byte) []byte) ([]byte, error) {
	ch := make(chan reply, 1)
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, zk.ErrConnectionClosed
	}
	xid := t.xid
	t.xid++
	t.waiting[xid] = ch
	t.mu.Unlock()
	if _, err := t.Write(wire.AppendRequest(nil, xid, op, body)); err != nil {
		t.Close()
	}
	r := <-ch
	return r.body, r.err
}
