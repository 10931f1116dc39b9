package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Handler decides what connections are for.
type Handler interface {
	// Accepted is called on the connection's goroutine before its first byte is taken (with TLS: after the handshake).
	// A nil Receiver closes the connection.
	Accepted(c *Conn) Receiver
	// Word says whether four bytes are a four-letter word, and how many bytes of arguments follow it (stmk: 8).
	Word(word string) (args int, known bool)
	// Command answers a four-letter word; the connection is closed behind the answer.
	Command(c *Conn, word string, args []byte) []byte
}

// Receiver is the owner's side of one connection.
type Receiver interface {
	// Receive takes frames from in, in order. With Continue it must have taken all complete ones; with Pause it may leave some, which
	// it is given again after [Conn.Resume]. Receive may be called again without a new frame. The connection flushes after it.
	Receive(in *Frames) Verdict
	// Closed is the last call: the connection is gone, and why.
	Closed(reason error)
}

// Verdict says how a connection goes on.
type Verdict uint8

const (
	Continue Verdict = iota // read more
	Pause                   // read nothing more until Resume
	Close                   // flush what is there, then close
)

// Options of a Listener. The zero value of a field means what its comment says.
type Options struct {
	MaxFrame           int           // largest frame, bytes; 0 = 1048575 (jute.maxbuffer)
	MaxPerIP           int           // connections from one address; 0 = no limit (maxClientCnxns)
	MaxConns           int           // connections altogether; 0 = no limit (maxCnxns)
	SessionlessTimeout time.Duration // 0 = 10 s
	HandshakeTimeout   time.Duration // TLS; 0 = 10 s
	MaxHandshakes      int           // TLS handshakes at once; 0 = no limit
	KeepAlive          bool          // SO_KEEPALIVE (clientTcpKeepAlive)
	HighWater          int           // pending output above which a connection is not read; 0 = 1 MiB
	MaxPending         int           // pending output above which a connection is dropped; 0 = 32 MiB
	TLS                *tls.Config   // nil = plain
	PortUnification    bool          // with TLS: plain text is taken as well
	AdmitFrame         func(n int) error
	Log                *slog.Logger // nil = none
}

// Stats counts what a Listener has seen since it started.
type Stats struct {
	Conns         int64 // open now
	Accepted      uint64
	Rejected      uint64 // by MaxPerIP, MaxConns
	BytesReceived uint64
	BytesSent     uint64
	SlowDropped   uint64 // by MaxPending
	Handshakes    int64  // TLS handshakes under way
	TLSFailed     uint64
	TLSExceeded   uint64 // refused by MaxHandshakes
	Sessionless   uint64 // closed by SessionlessTimeout
	PlainLocal    uint64 // accepted without a verified client certificate, from a loopback address
	PlainRemote   uint64 // the same, from elsewhere
}

// Listener accepts connections on any number of sockets and runs them. Safe for concurrent use.
type Listener struct {
	opts    Options
	handler Handler
	bufs    buffers
	frames  sync.Pool // *Frames
	count   counters

	mu     sync.Mutex
	perIP  map[netip.Addr]int
	conns  map[*Conn]struct{}
	socks  []net.Listener
	closed bool
	wg     sync.WaitGroup
}

type counters struct {
	accepted, rejected, received, sent, slow atomic.Uint64
	tlsFailed, tlsExceeded, sessionless      atomic.Uint64
	plainLocal, plainRemote                  atomic.Uint64
	handshakes                               atomic.Int64
}

// New makes a Listener that gives its connections to h.
func New(h Handler, o Options) *Listener {
	orInt := func(p *int, d int) {
		if *p == 0 {
			*p = d
		}
	}
	orInt(&o.MaxFrame, 0xfffff)
	orInt(&o.HighWater, 1<<20)
	orInt(&o.MaxPending, 32<<20)
	if o.SessionlessTimeout == 0 {
		o.SessionlessTimeout = 10 * time.Second
	}
	if o.HandshakeTimeout == 0 {
		o.HandshakeTimeout = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Listener{opts: o, handler: h, perIP: map[netip.Addr]int{}, conns: map[*Conn]struct{}{}}
}

// ErrClosed is what Serve returns after Shutdown.
var ErrClosed = errors.New("listener closed")

// Serve accepts from s until Shutdown or until accept fails for good. It may be called for several sockets at once.
func (l *Listener) Serve(s net.Listener) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.socks = append(l.socks, s)
	l.mu.Unlock()
	delay := time.Millisecond
	for {
		nc, err := s.Accept()
		if err == nil {
			delay = time.Millisecond
			l.Adopt(nc)
			continue
		}
		if l.isClosed() {
			return ErrClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		// Out of file descriptors, most likely: the connections that are open go on, accept is tried again a little later.
		l.opts.Log.Error("accept failed, trying again", "address", s.Addr(), "err", err, "in", delay)
		time.Sleep(delay)
		delay = min(2*delay, time.Second)
	}
}

func (l *Listener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Adopt runs a connection that was accepted elsewhere (a pipe in a test); it is refused as in Serve. It returns at once.
func (l *Listener) Adopt(nc net.Conn) {
	c := newConn(l, nc)
	if err := l.admit(c); err != nil {
		l.count.rejected.Add(1)
		l.opts.Log.Warn("connection refused", "remote", c.remote, "err", err)
		nc.Close()
		return
	}
	l.count.accepted.Add(1)
	go c.run()
}

var (
	errTooManyPerIP = errors.New("too many connections from this address (maxClientCnxns)")
	errTooMany      = errors.New("too many connections (maxCnxns)")
)

func (l *Listener) admit(c *Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ip := c.remote.Addr()
	switch {
	case l.closed:
		return ErrClosed
	case l.opts.MaxConns > 0 && len(l.conns) >= l.opts.MaxConns:
		return errTooMany
	case l.opts.MaxPerIP > 0 && l.perIP[ip] >= l.opts.MaxPerIP:
		return errTooManyPerIP
	}
	if l.opts.MaxPerIP > 0 {
		l.perIP[ip]++
	}
	l.conns[c] = struct{}{}
	l.wg.Add(1)
	return nil
}

func (l *Listener) remove(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	if l.opts.MaxPerIP > 0 {
		ip := c.remote.Addr()
		if l.perIP[ip]--; l.perIP[ip] <= 0 {
			delete(l.perIP, ip)
		}
	}
	l.wg.Done()
}

// countPlain counts connections whose client proved nothing by a certificate.
func (l *Listener) countPlain(c *Conn) {
	if t := c.TLS(); t != nil && len(t.VerifiedChains) > 0 {
		return
	}
	if c.remote.Addr().IsLoopback() {
		l.count.plainLocal.Add(1)
	} else {
		l.count.plainRemote.Add(1)
	}
}

// Each calls f for every open connection. f must not block.
func (l *Listener) Each(f func(c *Conn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		f(c)
	}
}

// Stats reads the counters.
func (l *Listener) Stats() Stats {
	l.mu.Lock()
	n := len(l.conns)
	l.mu.Unlock()
	return Stats{
		Conns:         int64(n),
		Accepted:      l.count.accepted.Load(),
		Rejected:      l.count.rejected.Load(),
		BytesReceived: l.count.received.Load(),
		BytesSent:     l.count.sent.Load(),
		SlowDropped:   l.count.slow.Load(),
		Handshakes:    l.count.handshakes.Load(),
		TLSFailed:     l.count.tlsFailed.Load(),
		TLSExceeded:   l.count.tlsExceeded.Load(),
		Sessionless:   l.count.sessionless.Load(),
		PlainLocal:    l.count.plainLocal.Load(),
		PlainRemote:   l.count.plainRemote.Load(),
	}
}

// Shutdown stops accepting, closes every connection and waits until their goroutines have ended, or until ctx is done.
func (l *Listener) Shutdown(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	for _, s := range l.socks {
		s.Close()
	}
	for c := range l.conns {
		c.abort(ErrClosed)
	}
	l.mu.Unlock()
	done := make(chan struct{})
	go func() { l.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
