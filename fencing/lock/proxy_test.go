package lock

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between one client and the server and reads the frames of both directions. The script decides what happens to them.
type proxy struct {
	t        testing.TB
	listener net.Listener
	server   string

	mu       sync.Mutex
	conns    map[net.Conn]bool
	dead     bool // new and old connections go nowhere, silently
	requests int
	tokens   int // requests for signed tokens
	// loseReply, if set, is asked for each request's opcode; true: the reply is dropped and the connection cut, once.
	loseReply func(op int32) bool
	lose      map[int32]bool // xids whose reply is to be lost
}

func newProxy(t testing.TB, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listener: l, server: server, conns: map[net.Conn]bool{}, lose: map[int32]bool{}}
	go p.accept()
	t.Cleanup(func() { l.Close(); p.cut() })
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		to := p.server
		p.mu.Unlock()
		server, err := net.DialTimeout("tcp", to, time.Second)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		go p.pump(client, server, p.request)
		go p.pump(server, client, p.reply)
	}
}

// pump moves whole frames; keep says whether a frame goes on.
func (p *proxy) pump(from, to net.Conn, keep func(body []byte, first bool) bool) {
	defer from.Close()
	defer to.Close()
	for first := true; ; first = false {
		head := make([]byte, 4)
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head))
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		p.mu.Lock()
		dead, pass := p.dead, keep(body, first)
		p.mu.Unlock()
		if dead {
			continue
		}
		if !pass {
			return
		}
		if _, err := to.Write(append(head, body...)); err != nil {
			return
		}
	}
}

func (p *proxy) request(body []byte, first bool) bool {
	if first || len(body) < 8 {
		return true
	}
	xid, op := int32(binary.BigEndian.Uint32(body)), int32(binary.BigEndian.Uint32(body[4:]))
	if xid != xidPing {
		p.requests++
	}
	if bytes.Contains(body, []byte("/zookeeper/token/")) {
		p.tokens++
	}
	if p.loseReply != nil && p.loseReply(op) {
		p.loseReply = nil
		p.lose[xid] = true
	}
	return true
}

func (p *proxy) reply(body []byte, first bool) bool {
	if first || len(body) < 4 {
		return true
	}
	xid := int32(binary.BigEndian.Uint32(body))
	lost := p.lose[xid]
	delete(p.lose, xid)
	return !lost
}

// cut closes every connection; the client may come back.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// blackhole swallows everything, without closing anything; or lets new connections through again.
func (p *proxy) blackhole(on bool) {
	p.mu.Lock()
	p.dead = on
	p.mu.Unlock()
	if !on {
		p.cut()
	}
}

func (p *proxy) loseNextReplyTo(op int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loseReply = func(o int32) bool { return o == op }
}

func (p *proxy) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

func (p *proxy) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tokens
}

// moveTo puts another server behind the address.
func (p *proxy) moveTo(server string) {
	p.mu.Lock()
	p.server = server
	p.mu.Unlock()
	p.cut()
}
