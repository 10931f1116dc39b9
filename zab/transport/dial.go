package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// unacked is how long a link may wait for its bytes to be acknowledged before it is dialled anew.
const unacked = 2 * time.Second

// connect dials and shakes hands.
func (t *Transport) connect(ctx context.Context, addr string, to zab.PeerID, l lane) (net.Conn, error) {
	d := net.Dialer{Timeout: 2 * time.Second, Control: func(_, _ string, c syscall.RawConn) error { return loseUnacked(c, unacked) }}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if t.cfg.TLS != nil {
		cfg := t.cfg.TLS.Clone()
		if cfg.ServerName == "" {
			cfg.ServerName, _, _ = net.SplitHostPort(addr)
		}
		if c, err = t.secure(ctx, c, cfg, addr, to); err != nil {
			return nil, fmt.Errorf("transport: link to server %d at %s: %w", to, addr, err)
		}
	}
	stop := context.AfterFunc(ctx, func() { c.Close() }) // who answers may be silent, and Close must not wait for him
	defer stop()
	link, err := t.greet(c, to, l)
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("transport: link to server %d at %s: %w", to, addr, err)
	}
	return link, nil
}

// greet shakes hands on c, which has been dialled, and gives the link over it.
func (t *Transport) greet(c net.Conn, to zab.PeerID, l lane) (net.Conn, error) {
	cred, err := t.credential(c)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(c, 256)
	theirs, said, err := greet(c, r, t.identity(), t.cfg.Where, to, l, cred)
	if err == nil {
		err = t.shown(theirs, nil)
	}
	if err == nil && t.seals() {
		c = seal(c, r, cred, said, fromAccepter, fromDialler)
	}
	return c, err
}

// seals says whether links are protected by the shared secret: TLS protects its connections by itself.
func (t *Transport) seals() bool { return t.cfg.TLS == nil && len(t.cfg.Secret) > 0 }

// credential is what both sides prove on c, whose TLS handshake is done.
func (t *Transport) credential(c net.Conn) (credential, error) {
	cred := credential{secret: t.cfg.Secret}
	s, ok := c.(*tls.Conn)
	if !ok {
		return cred, nil
	}
	state := s.ConnectionState()
	var err error
	cred.channel, err = state.ExportKeyingMaterial("EXPORTER-paddock-peer-link", nil, 32)
	return cred, err
}

// secure makes a TLS connection of a dialed one. It closes c if that fails.
func (t *Transport) secure(ctx context.Context, c net.Conn, cfg *tls.Config, addr string, to zab.PeerID) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s := tls.Client(c, cfg)
	err := s.HandshakeContext(ctx)
	if err == nil && t.cfg.VerifyHost {
		err = names(s.ConnectionState().PeerCertificates[0], to, []string{addr})
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return s, nil
}
