package listener

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Hand is a connection that is driven by hand: no socket, no goroutine, no clock. A simulator feeds it bytes, lets it step, and takes
// what it wrote, so that everything happens in the order of the calls. Not safe for concurrent use.
type Hand struct {
	c       *Conn
	end     *handEnd
	over    bool
	waiting bool // for Resume
	paused  bool // and then the Receiver is asked again without a new frame
	eof     bool
}

// Hand makes a connection from remote and shows it to the handler. Nil if it is refused.
func (l *Listener) Hand(remote netip.AddrPort) *Hand {
	end := &handEnd{remote: net.TCPAddrFromAddrPort(remote)}
	c := newConn(l, end)
	c.inline, c.worded = true, true
	if err := l.admit(c); err != nil {
		l.count.rejected.Add(1)
		return nil
	}
	l.count.accepted.Add(1)
	if c.rcv = l.handler.Accepted(c); c.rcv == nil {
		l.remove(c)
		return nil
	}
	c.takeInput()
	return &Hand{c: c, end: end}
}

// Feed puts bytes of the client behind what is there. They are looked at in Step.
func (h *Hand) Feed(b []byte) {
	for len(b) > 0 && !h.over {
		n := copy(h.c.in.space(&h.c.l.bufs), b)
		h.c.in.w += n
		b = b[n:]
	}
}

// Leave closes the client's side behind what was fed and not taken yet: the end of the stream is seen when all of it is taken.
func (h *Hand) Leave() { h.end.gone = true }

// Hangup is the client's end of the stream; Step then ends the connection.
func (h *Hand) Hangup() { h.eof = true }

// Due says whether Step would do anything.
func (h *Hand) Due() bool {
	if h.over {
		return false
	}
	g := &h.c.pause
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dead || h.eof || (h.waiting && g.open) || (!h.waiting && h.c.in.Ready())
}

// Step does what the connection's goroutine would do now, until it would wait.
func (h *Hand) Step() {
	c := h.c
	for !h.over {
		if h.ended() {
			return
		}
		if h.waiting && !h.resumed() {
			return
		}
		if c.out.isClosing() {
			c.in.r, h.paused = c.in.w, false
			return
		}
		if !h.paused && !c.in.Ready() && c.in.err == nil {
			return
		}
		var done, over bool
		h.paused, done, over = c.round()
		switch {
		case over:
			h.finish()
		case !done:
			h.waiting = true
		}
	}
}

// ended sees that someone closed the connection, or that the client did.
func (h *Hand) ended() bool {
	g := &h.c.pause
	g.mu.Lock()
	dead := g.dead
	g.mu.Unlock()
	if !dead && !h.eof {
		return false
	}
	if h.eof && h.c.reason == nil {
		h.c.reason = io.EOF
	}
	h.finish()
	return true
}

func (h *Hand) resumed() bool {
	g := &h.c.pause
	g.mu.Lock()
	defer g.mu.Unlock()
	open := g.open
	g.open = false
	h.waiting = !open
	return open
}

func (h *Hand) finish() {
	h.over = true
	h.c.finish()
}

// Take returns what was written since the last call.
func (h *Hand) Take() []byte {
	h.end.mu.Lock()
	defer h.end.mu.Unlock()
	b := h.end.out
	h.end.out = nil
	return b
}

// Closed says that the server has closed the stream: the client sees its end behind the bytes of Take.
func (h *Hand) Closed() bool {
	h.end.mu.Lock()
	defer h.end.mu.Unlock()
	return h.over || h.end.closed
}

// Waiting says that nothing is read of the client until Resume: what it sends lies in its socket.
func (h *Hand) Waiting() bool { return h.waiting }

// Over says that the connection has ended and its Receiver was told.
func (h *Hand) Over() bool { return h.over }

// handEnd is the socket of a Hand.
type handEnd struct {
	remote *net.TCPAddr
	mu     sync.Mutex // whoever answers may write
	out    []byte
	closed bool
	gone   bool
}

func (e *handEnd) Read([]byte) (int, error) { return 0, io.EOF }

func (e *handEnd) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return 0, net.ErrClosed
	}
	e.out = append(e.out, b...)
	return len(b), nil
}

func (e *handEnd) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return nil
}
func (e *handEnd) LocalAddr() net.Addr              { return e.remote }
func (e *handEnd) RemoteAddr() net.Addr             { return e.remote }
func (e *handEnd) SetDeadline(time.Time) error      { return nil }
func (e *handEnd) SetReadDeadline(time.Time) error  { return nil }
func (e *handEnd) SetWriteDeadline(time.Time) error { return nil }
