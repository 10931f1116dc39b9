package crosscheck

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/paddock-zk/paddock/compat/wire"
)

// A plant is a difference that a proxy makes: it alters what the server says, and the checker must notice.
type plant struct {
	name      string
	signature string // what the finding must be about
	alter     func(op int32, frame []byte) (out [][]byte)
}

// one makes a plant that changes frames in place.
func one(name, signature string, change func(op int32, frame []byte)) plant {
	return plant{name, signature, func(op int32, frame []byte) [][]byte {
		change(op, frame)
		return [][]byte{frame}
	}}
}

// errOf is the error code of a reply.
func errOf(frame []byte) int32 { return int32(binary.BigEndian.Uint32(frame[12:])) }

// opEvent stands for a watch event in the place of the request's opcode.
const opEvent = -1000

func plants() []plant {
	return []plant{
		one("another error code", "delete: err", func(op int32, f []byte) {
			if op == opDelete && errOf(f) == -111 {
				binary.BigEndian.PutUint32(f[12:], ^uint32(100)) // -101
			}
		}),
		one("a version too high", "version", func(op int32, f []byte) {
			if op == opSetData && errOf(f) == 0 {
				f[16+35]++
			}
		}),
		one("mtime of another moment", "mtime", func(op int32, f []byte) {
			if op == opExists && errOf(f) == 0 {
				f[16+31] ^= 1
			}
		}),
		one("pzxid one too high", "pzxid", func(op int32, f []byte) {
			if op == opExists && errOf(f) == 0 {
				f[16+67]++
			}
		}),
		one("a zxid in the header", "zxid", func(op int32, f []byte) {
			if op == opSync && errOf(f) == 0 {
				f[11]++
			}
		}),
		one("no owner", "ephemeralOwner", func(op int32, f []byte) {
			if (op == opExists || op == opGetData) && errOf(f) == 0 {
				clear(f[len(f)-24 : len(f)-16])
			}
		}),
		one("the type of an event", "type", func(op int32, f []byte) {
			if op == opEvent && f[19] == 4 {
				f[19] = 3
			}
		}),
		{"an event is lost", "event", func(op int32, f []byte) [][]byte {
			if op == opEvent && f[19] == 4 {
				return nil
			}
			return [][]byte{f}
		}},
		{"a byte behind the record", "bytes behind", func(op int32, f []byte) [][]byte {
			if op == opAddWatch && errOf(f) == 0 {
				f = append(f, 0)
			}
			return [][]byte{f}
		}},
		{"a body is missing", "unreadable", func(op int32, f []byte) [][]byte {
			if op == opAddWatch && errOf(f) == 0 {
				f = f[:16]
			}
			return [][]byte{f}
		}},
	}
}

// newProxy forwards connections to a server and alters the frames that come back.
func newProxy(t *testing.T, to string, alter func(op int32, frame []byte) [][]byte) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go forward(c.(*net.TCPConn), to, alter)
		}
	}()
	return l.Addr().String()
}

// forward is one connection through the proxy.
func forward(client *net.TCPConn, to string, alter func(int32, []byte) [][]byte) {
	defer client.Close()
	raw, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	server := raw.(*net.TCPConn)
	defer server.Close()
	var mu sync.Mutex
	ops := map[int32]int32{} // by xid
	go func() {
		defer server.CloseWrite()
		buf := make([]byte, 1<<16)
		var seen []byte
		for {
			n, err := client.Read(buf)
			seen = append(seen, buf[:n]...)
			mu.Lock()
			seen = note(seen, ops)
			mu.Unlock()
			if _, werr := server.Write(buf[:n]); err != nil || werr != nil {
				return
			}
		}
	}()
	for handshake := true; ; handshake = false {
		var length [4]byte
		if _, err := io.ReadFull(server, length[:]); err != nil {
			return
		}
		frame := make([]byte, binary.BigEndian.Uint32(length[:]))
		if _, err := io.ReadFull(server, frame); err != nil {
			return
		}
		out := [][]byte{frame}
		if !handshake && len(frame) >= 16 {
			xid := int32(binary.BigEndian.Uint32(frame))
			mu.Lock()
			op := ops[xid]
			mu.Unlock()
			if xid == wire.XidEvent {
				op = opEvent
			}
			out = alter(op, frame)
		}
		for _, f := range out {
			if _, err := client.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(f))), f...)); err != nil {
				return
			}
		}
	}
}

// note remembers the opcodes of the whole requests in b, and returns the rest. Bytes that are no frame end the noting.
func note(b []byte, ops map[int32]int32) []byte {
	for len(b) >= 4 {
		n := int(int32(binary.BigEndian.Uint32(b)))
		if n < 0 || n > 1<<21 || len(b) < 4+n {
			break
		}
		if n >= 8 {
			ops[int32(binary.BigEndian.Uint32(b[4:]))] = int32(binary.BigEndian.Uint32(b[8:]))
		}
		b = b[4+n:]
	}
	return b
}
