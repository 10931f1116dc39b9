package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// accept takes links until the listener is closed.
func (t *Transport) accept() {
	for {
		c, err := t.cfg.Listener.Accept()
		if err != nil {
			if t.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			t.warn.warn(time.Now(), "accept", "peer port: accept failed; trying again", "err", err)
			select {
			case <-t.ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		if !t.take(c) {
			c.Close()
			return
		}
		t.running.Go(func() {
			t.serve(c)
			t.mu.Lock()
			delete(t.in, c)
			t.mu.Unlock()
			c.Close()
		})
	}
}

// take notes an accepted connection, so that Close ends it. It says no if Close has been called: then nobody would end it any more.
func (t *Transport) take(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		return false
	}
	t.in[c] = 0
	return true
}

// handshake finds out who is on the other side of an accepted connection, and gives what it says from then on. Until that is known, the connection
// costs little, and there are only so many of its kind.
func (t *Transport) handshake(raw net.Conn) (h hello, c net.Conn, r *bufio.Reader, err error) {
	if oldest := t.pending.add(raw); oldest != nil {
		t.count.refused.Add(1)
		t.warn.warn(time.Now(), "full", "peer port: too many connections have not yet proved that they are servers of this ensemble; the oldest was closed",
			"limit", maxPending, "closed", oldest.RemoteAddr())
		oldest.Close()
	}
	defer t.pending.remove(raw)
	if c, err = t.secureAccepted(raw); err != nil {
		return h, c, nil, err
	}
	cred, err := t.credential(c)
	if err != nil {
		return h, c, nil, err
	}
	small := bufio.NewReaderSize(c, 256)
	h, said, err := receive(c, small, t.identity(), cred, func(h *hello) error { return t.judge(h, raw, c) })
	if err == nil {
		err = t.shown(h, raw)
	}
	if err != nil {
		return h, c, nil, err
	}
	r = bufio.NewReaderSize(small, 64<<10) // over the small one, which may hold the beginning of what follows
	if t.seals() {
		c = seal(c, r, cred, said, fromDialler, fromAccepter)
		r = bufio.NewReaderSize(c, 4<<10)
	}
	return h, c, r, nil
}

// secureAccepted makes a TLS connection of an accepted one, if links have TLS.
func (t *Transport) secureAccepted(raw net.Conn) (net.Conn, error) {
	if t.cfg.TLS == nil {
		return raw, nil
	}
	ctx, cancel := context.WithTimeout(t.ctx, maxHandshake)
	defer cancel()
	s := tls.Server(raw, t.cfg.TLS)
	return s, s.HandshakeContext(ctx)
}

// judge says why a server may not link that dialled this one: nobody has told of it, or its certificate is another server's.
func (t *Transport) judge(h *hello, raw, c net.Conn) error {
	if !t.isKnown(h.from) && !(t.admitsAll() && h.where != "") {
		return fmt.Errorf("server %d is not in the ensemble", h.from)
	}
	s, ok := c.(*tls.Conn)
	if !ok || !t.cfg.VerifyDialler {
		return nil
	}
	return names(s.ConnectionState().PeerCertificates[0], h.from, t.whereabouts(h, raw))
}

// whereabouts are the addresses of a server that says h, as far as they can be trusted: its certificate is compared with them. Whoever has a certificate for
// any server of the same authority, and is none of ours, must not make himself an observer by naming a number that is free and his own host.
func (t *Transport) whereabouts(h *hello, raw net.Conn) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if pair, ok := t.links[h.from]; ok && t.known[h.from] {
		return pair[0].addresses()
	}
	if t.known[h.from] {
		return nil
	}
	var addrs []string
	if t.cfg.Vouched != nil {
		addrs = slices.Clone(t.cfg.Vouched(h.from))
	}
	if len(t.cfg.Secret) > 0 {
		addrs = append(addrs, reachable(h.where, raw))
	}
	return addrs
}

// serve reads one incoming link until it ends or says something wrong.
func (t *Transport) serve(raw net.Conn) {
	h, c, r, err := t.handshake(raw)
	if err != nil {
		if t.ctx.Err() == nil {
			t.count.refused.Add(1)
			t.warn.warn(time.Now(), refusal(raw.RemoteAddr(), err), "peer port: a link was refused", "from", raw.RemoteAddr(), "err", err)
		}
		return
	}
	if h.lane == laneImage {
		err = t.receiveImage(c, r, h.from)
	} else {
		err = t.readMessages(r, h.from)
	}
	if err != nil && !errors.Is(err, io.EOF) && t.ctx.Err() == nil {
		if errors.Is(err, errFrame) {
			t.count.damaged.Add(1)
		}
		t.cfg.Logger.Info("peer link ended", "from", h.from, "lane", h.lane, "err", err)
	}
}

// refusal is what makes two refused links the same for the log: the machine that they come from, and the reason.
func refusal(from net.Addr, err error) string {
	host, _, _ := net.SplitHostPort(from.String())
	return host + " " + err.Error()
}

func (t *Transport) readMessages(r *bufio.Reader, from zab.PeerID) error {
	for {
		body, err := readFrame(r, MaxFrame)
		if err != nil {
			return err
		}
		var m zab.Message
		if err := zab.DecodeMessage(body, &m); err != nil {
			return fmt.Errorf("%w: %w", errFrame, err)
		}
		if m.From != from || m.To != t.cfg.Identity.ID {
			return fmt.Errorf("%w: a message from %d to %d on the link from %d", errFrame, m.From, m.To, from)
		}
		t.cfg.Deliver(m)
	}
}
