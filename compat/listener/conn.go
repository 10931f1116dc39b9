package listener

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// readSize is what a connection asks of the socket at once.
const readSize = 16 << 10

// lingerTime is how long a connection that was closed by us waits for the other side, so that the last reply is not lost in a reset.
const lingerTime = time.Second

// Conn is one client connection.
type Conn struct {
	l      *Listener
	base   net.Conn        // the socket; never replaced
	nc     net.Conn        // = base, or TLS over it
	raw    syscall.RawConn // nil: not a plain socket, Read blocks
	rcv    Receiver
	remote netip.AddrPort
	in     *Frames // only while there are bytes; the connection's goroutine alone
	reason error   // why it ends; the connection's goroutine alone
	refuse error   // why the Receiver refused to go on; the connection's goroutine alone
	worded bool    // the first four bytes were looked at
	inline bool    // a Hand: nothing of it runs on a goroutine of its own
	out    outbox
	pause  pause
	idle   idle
}

// pause lets the connection's goroutine wait until someone says Resume. A Resume that comes before the wait is not lost.
type pause struct {
	mu     sync.Mutex
	open   bool
	dead   bool
	waiter chan struct{}
}

func newConn(l *Listener, nc net.Conn) *Conn {
	return &Conn{l: l, base: nc, nc: nc, remote: addrPort(nc.RemoteAddr())}
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPortFrom(netip.IPv6LinkLocalAllNodes(), 0)
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Remote is the client's address (an invalid one for connections that are not TCP is never returned: they all share one placeholder).
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Receiver is what the Handler's Accepted returned for this connection.
func (c *Conn) Receiver() Receiver { return c.rcv }

// TLS is the state of the TLS connection; nil on a plain one.
func (c *Conn) TLS() *tls.ConnectionState {
	t, ok := c.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	s := t.ConnectionState()
	return &s
}

// Established lifts the sessionless timeout.
func (c *Conn) Established() {
	c.idle.allowed = true
	c.base.SetReadDeadline(time.Time{})
}

// Resume lets a paused connection go on. May be called at any time, from anywhere; one that is too early is remembered.
func (c *Conn) Resume() {
	g := &c.pause
	g.mu.Lock()
	g.open = true
	if g.waiter != nil {
		close(g.waiter)
		g.waiter = nil
	}
	g.mu.Unlock()
}

// Close ends the connection now; pending output is lost. Closed follows on the connection's goroutine.
func (c *Conn) Close(reason error) { c.abort(reason) }

// Refuse is the verdict Close with a reason, which Closed is told. It is for the Receiver, inside of Receive.
func (c *Conn) Refuse(reason error) Verdict {
	c.refuse = reason
	return Close
}

// abort makes every wait of the connection fail. The first reason stays.
func (c *Conn) abort(reason error) {
	c.out.mu.Lock()
	if c.out.err == nil {
		c.out.err = reason
	}
	c.out.mu.Unlock()
	c.pause.mu.Lock()
	was := c.pause.dead
	c.pause.dead = true
	if c.pause.waiter != nil {
		close(c.pause.waiter)
		c.pause.waiter = nil
	}
	c.pause.mu.Unlock()
	switch {
	case c.inline:
		c.base.Close()
	case !was:
		// Closing a socket waits for the calls that are on it, and our Receiver runs inside of one: whoever closes from there, or holds a
		// lock that a Receiver waits for, would wait for ever.
		go c.base.Close()
	}
}

// pass waits until Resume (true) or until the connection is dead (false).
func (c *Conn) pass() bool {
	g := &c.pause
	g.mu.Lock()
	for !g.open && !g.dead {
		w := make(chan struct{})
		g.waiter = w
		g.mu.Unlock()
		<-w
		g.mu.Lock()
	}
	g.open = false
	alive := !g.dead
	g.mu.Unlock()
	return alive
}

// run is the life of a connection.
func (c *Conn) run() {
	c.base.SetReadDeadline(time.Now().Add(c.l.opts.SessionlessTimeout))
	if err := c.prepare(); err != nil {
		c.abort(err)
		level := slog.LevelDebug
		if c.l.opts.TLS != nil && !errors.Is(err, io.EOF) {
			level = slog.LevelWarn // a certificate that is wrong or out of date, most likely
		}
		c.l.opts.Log.Log(context.Background(), level, "connection ended before it began", "remote", c.remote, "err", err)
		c.l.remove(c)
		return
	}
	c.l.countPlain(c)
	if c.rcv = c.l.handler.Accepted(c); c.rcv == nil {
		c.abort(ErrClosed)
		c.l.remove(c)
		return
	}
	if c.raw != nil {
		c.wait()
		return
	}
	c.reason = cmp.Or(c.readStream(), c.reason)
	c.finish()
}

func (c *Conn) finish() {
	defer c.l.remove(c)
	if !c.idle.allowed && errors.Is(c.reason, os.ErrDeadlineExceeded) {
		c.l.count.sessionless.Add(1)
	}
	if c.in != nil {
		c.giveBackInput()
	}
	c.abort(cmp.Or(c.refuse, c.reason))
	c.out.mu.Lock()
	reason := c.out.err
	c.out.drop(&c.l.bufs)
	c.out.mu.Unlock()
	if reason == nil {
		reason = io.EOF
	}
	c.rcv.Closed(reason)
}

// prepare sets the socket's options and wraps it in TLS if so configured.
func (c *Conn) prepare() error {
	if t, ok := c.nc.(*net.TCPConn); ok {
		t.SetNoDelay(true)
		t.SetKeepAlive(c.l.opts.KeepAlive)
	}
	if c.l.opts.TLS != nil {
		if err := c.startTLS(); err != nil {
			c.l.count.tlsFailed.Add(1)
			return err
		}
	}
	if sc, ok := c.nc.(syscall.Conn); ok {
		raw, err := sc.SyscallConn()
		if err != nil {
			return fmt.Errorf("socket gives no raw access: %w", err)
		}
		c.raw = raw
		c.out.write = c.writable
	}
	return nil
}

// readable is called by the runtime's poller when the socket may have data, and once at the start. It returns true when the connection
// is over, false to wait. Waiting happens below this frame, so an idle connection has a nearly empty stack.
func (c *Conn) readable(fd uintptr) bool {
	for {
		if c.in == nil {
			c.takeInput()
		}
		n, err := syscall.Read(int(fd), c.in.space(&c.l.bufs))
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			if c.in.Len() == 0 {
				c.giveBackInput()
			}
			c.armIdle()
			return false
		case err != nil:
			c.reason = fmt.Errorf("read: %w", err)
			return true
		case n == 0:
			c.reason = io.EOF
			return true
		}
		c.in.w += n
		c.idle.reads++
		c.l.count.received.Add(uint64(n))
		if c.deliver() {
			return true
		}
	}
}

// readStream is the loop of a connection that is not a plain socket.
func (c *Conn) readStream() error {
	var first [64]byte
	for {
		b := first[:]
		if c.in != nil {
			b = c.in.space(&c.l.bufs)
		}
		n, err := c.nc.Read(b)
		if n > 0 {
			if c.in == nil {
				c.takeInput()
				copy(c.in.space(&c.l.bufs), b[:n])
			}
			c.in.w += n
			c.l.count.received.Add(uint64(n))
			if c.deliver() {
				return c.reason
			}
			if c.in.Len() == 0 && n < len(b) {
				c.giveBackInput()
			}
		}
		if err != nil {
			return err
		}
	}
}

func (c *Conn) takeInput() {
	f, _ := c.l.frames.Get().(*Frames)
	if f == nil {
		f = &Frames{max: c.l.opts.MaxFrame, admit: c.l.opts.AdmitFrame}
	}
	b := c.l.bufs.get(readSize)
	f.buf, f.r, f.w, f.admitted, f.err = b[:cap(b)], 0, 0, false, nil
	c.in = f
}

func (c *Conn) giveBackInput() {
	c.l.bufs.put(c.in.buf)
	c.in.buf = nil
	c.l.frames.Put(c.in)
	c.in = nil
}

var errClosedByHandler = errors.New("closed by the server")

// deliver gives what is there to the Receiver; true means the connection is over.
func (c *Conn) deliver() (over bool) {
	if c.out.isClosing() {
		c.in.r = c.in.w // what comes behind the last word is ignored
		return false
	}
	if !c.worded {
		if c.in.Len() < 4 {
			return false
		}
		c.worded = true
		if over, handled := c.word(); handled {
			return over
		}
	}
	for paused := false; ; {
		if !paused && !c.in.Ready() && c.in.err == nil {
			return false
		}
		var done bool
		if paused, done, over = c.round(); done {
			return over
		}
		if !c.pass() {
			return true
		}
		if c.out.isClosing() {
			c.in.r = c.in.w
			return false
		}
	}
}

// round gives what is there to the Receiver once. If it is not done, the connection must wait for Resume, and paused says that the
// Receiver is asked again then even if no frame is there.
func (c *Conn) round() (paused, done, over bool) {
	v := c.rcv.Receive(c.in)
	c.Flush()
	switch {
	case v == Close:
		c.reason = errClosedByHandler
		return false, true, !c.closeGracefully()
	case v == Continue && c.in.err != nil:
		c.reason = c.in.err
		return false, true, true
	case v == Continue && c.out.below(c.l.opts.HighWater):
		return false, true, false
	}
	return v == Pause, false, false
}
