package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

var errHandshakes = errors.New("too many TLS handshakes at once (netty.server.outstandingHandshake.limit)")

// startTLS replaces the plain connection by a TLS one, after its handshake. With port unification the first byte decides: 0x16 opens a
// TLS record, and read as a length it is far above any frame.
func (c *Conn) startTLS() error {
	nc := c.nc
	if c.l.opts.PortUnification {
		var first [1]byte
		if _, err := nc.Read(first[:]); err != nil {
			return fmt.Errorf("first byte: %w", err)
		}
		if first[0] != 0x16 {
			c.takeInput()
			c.in.buf[0] = first[0]
			c.in.w = 1
			return nil
		}
		nc = &prefixed{Conn: nc, first: first[:]}
	}
	n := c.l.count.handshakes.Add(1)
	defer c.l.count.handshakes.Add(-1)
	if c.l.opts.MaxHandshakes > 0 && n > int64(c.l.opts.MaxHandshakes) {
		c.l.count.tlsExceeded.Add(1)
		return errHandshakes
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.l.opts.HandshakeTimeout)
	defer cancel()
	t := tls.Server(nc, c.l.opts.TLS)
	if err := t.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	c.nc = t
	c.base.SetReadDeadline(time.Now().Add(c.l.opts.SessionlessTimeout))
	return nil
}

// prefixed gives back bytes that were read to look at them.
type prefixed struct {
	net.Conn
	first []byte
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.first) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.first)
	p.first = p.first[n:]
	return n, nil
}
