package listener

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// ErrSlowReader says that a client did not read and more than MaxPending bytes waited for it.
var ErrSlowReader = errors.New("client does not read its replies and events")

// outbox is what waits to be sent on one connection.
type outbox struct {
	mu       sync.Mutex
	buf      []byte // nil when nothing waits; else from the pool
	mark     int    // len(buf) at Begin
	hint     int    // how much was sent last: so much room is taken next
	inflight int    // bytes that the writer holds
	writing  bool   // someone writes; whoever comes now only appends
	blocked  bool   // the writer is the goroutine that waits for the socket
	closing  bool   // close when all is sent
	shut     bool   // all is sent
	err      error  // dead, and why

	write func(fd uintptr) bool // = Conn.writable, made once
	rest  []byte                // what the writer still has to write; the writer alone
	werr  error
	wait  bool // the writer may wait for the socket
}

// Begin locks the out buffer and returns it; append whole frames and give it to End. Nothing that waits may happen in between.
func (c *Conn) Begin() []byte {
	o := &c.out
	o.mu.Lock()
	if o.buf == nil {
		o.buf = c.l.bufs.get(o.hint)
	}
	o.mark = len(o.buf)
	return o.buf
}

// End stores what was appended and unlocks. It does not send: see Flush.
func (c *Conn) End(b []byte) {
	o := &c.out
	if o.err != nil || o.closing {
		b = b[:o.mark] // too late for anything more
	}
	if o.buf = b; len(b) == 0 {
		c.l.bufs.put(b)
		o.buf = nil
	}
	over := o.err == nil && o.blocked && len(b)+o.inflight > c.l.opts.MaxPending
	o.mu.Unlock()
	if over {
		c.l.count.slow.Add(1)
		c.abort(fmt.Errorf("%w: %d bytes wait", ErrSlowReader, len(b)))
	}
}

// Pending is the number of bytes that wait to be sent.
func (c *Conn) Pending() int {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return len(c.out.buf) + c.out.inflight
}

// Congested says that the client does not take its replies and more than HighWater wait: read nothing more of it (return Pause; the
// connection resumes by itself when all is sent).
func (c *Conn) Congested() bool { return !c.out.below(c.l.opts.HighWater) }

// Flush sends what waits, as far as the socket takes it at once, and leaves the rest to a goroutine. It never blocks. If someone is
// writing already, that writer takes what was appended.
func (c *Conn) Flush() {
	o := &c.out
	o.mu.Lock()
	if o.writing || o.buf == nil || o.err != nil {
		o.mu.Unlock()
		return
	}
	o.writing = true
	if c.raw == nil {
		o.blocked = true
		o.mu.Unlock()
		if c.inline {
			c.drain(nil)
		} else {
			go c.drain(nil)
		}
		return
	}
	for o.buf != nil && o.err == nil {
		b := o.take()
		o.mu.Unlock()
		rest, err := c.tryWrite(b, false)
		if err == nil && len(rest) > 0 {
			o.mu.Lock()
			o.blocked, o.inflight = true, len(rest)
			o.mu.Unlock()
			go c.drain(b[len(b)-len(rest):])
			return
		}
		c.wrote(b, err)
	}
	c.doneWriting()
}

// drain is the writer that may wait: for a slow client, and for a connection that is not a plain socket.
func (c *Conn) drain(rest []byte) {
	o := &c.out
	if rest != nil {
		_, err := c.tryWrite(rest, true)
		c.wrote(rest, err)
	} else {
		o.mu.Lock()
	}
	for o.buf != nil && o.err == nil {
		b := o.take()
		o.mu.Unlock()
		_, err := c.tryWrite(b, true)
		c.wrote(b, err)
	}
	o.blocked = false
	c.doneWriting()
	c.Resume() // it may wait below the high water
}

// take gives the writer what waits. mu is held.
func (o *outbox) take() []byte {
	b := o.buf
	o.buf = nil
	o.inflight = len(b)
	o.hint = len(b)
	return b
}

// wrote ends one write and locks mu.
func (c *Conn) wrote(b []byte, err error) {
	c.l.count.sent.Add(uint64(len(b)))
	c.l.bufs.put(b)
	if err != nil {
		c.abort(fmt.Errorf("write: %w", err))
	}
	c.out.mu.Lock()
	c.out.inflight = 0
}

// doneWriting ends the writer; mu is held and released.
func (c *Conn) doneWriting() {
	o := &c.out
	o.writing = false
	finish := o.closing && !o.shut && o.err == nil
	o.shut = o.shut || finish
	if o.err != nil {
		o.drop(&c.l.bufs)
	}
	o.mu.Unlock()
	if finish {
		c.halfClose()
	}
}

func (o *outbox) drop(p *buffers) {
	if o.buf != nil && !o.writing {
		p.put(o.buf)
		o.buf = nil
	}
}

// tryWrite writes b; unless wait is set it returns what the socket does not take now.
func (c *Conn) tryWrite(b []byte, wait bool) (rest []byte, err error) {
	o := &c.out
	if c.raw == nil {
		_, err = c.nc.Write(b)
		return nil, err
	}
	o.rest, o.werr, o.wait = b, nil, wait
	err = c.raw.Write(o.write)
	rest, o.rest = o.rest, nil
	if err == nil {
		err = o.werr
	}
	return rest, err
}

// writable is called by the runtime when the socket may take data. False = call again when it does.
func (c *Conn) writable(fd uintptr) bool {
	o := &c.out
	for len(o.rest) > 0 {
		n, err := syscall.Write(int(fd), o.rest)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return !o.wait
		case err != nil:
			o.werr = err
			return true
		}
		o.rest = o.rest[n:]
	}
	return true
}

// below says whether less than n bytes wait for a client that does not take them.
func (o *outbox) below(n int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.blocked || o.err != nil || len(o.buf)+o.inflight < n
}

func (o *outbox) isClosing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing
}

// CloseAfterFlush sends what waits and then closes. Nothing can be appended any more, and what the client still sends is ignored.
func (c *Conn) CloseAfterFlush() {
	o := &c.out
	o.mu.Lock()
	if o.closing {
		o.mu.Unlock()
		return
	}
	o.closing = true
	idle := !o.writing && o.buf == nil && o.err == nil
	o.shut = idle
	o.mu.Unlock()
	if idle {
		c.halfClose()
	}
	c.Flush()
	c.Resume()
}

// closeGracefully is CloseAfterFlush on the connection's goroutine; true means that reading (and ignoring) goes on for a while.
func (c *Conn) closeGracefully() bool {
	c.in.r = c.in.w
	c.CloseAfterFlush()
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.err == nil
}

// halfClose says goodbye: the client sees the end of the stream, and we read on until it closes too or until lingerTime is over.
func (c *Conn) halfClose() {
	type closeWriter interface{ CloseWrite() error }
	cw, ok := c.nc.(closeWriter)
	if !ok || cw.CloseWrite() != nil {
		c.abort(errClosedByHandler)
		return
	}
	c.base.SetReadDeadline(time.Now().Add(lingerTime))
}
