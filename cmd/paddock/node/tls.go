package node

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/paddock-zk/paddock/compat/zoocfg"
)

// clientTLS is the TLS of the secure client port; nil if none is configured.
func clientTLS(c *Config, log *slog.Logger) (*tls.Config, error) {
	if c.TLS.Key.Location == "" {
		return nil, nil
	}
	t, _, err := storeTLS(&c.TLS, "ssl.", log)
	if err != nil {
		return nil, err
	}
	switch c.TLS.ClientAuth {
	case "need":
		t.ClientAuth = tls.RequireAndVerifyClientCert
	case "want":
		t.ClientAuth = tls.VerifyClientCertIfGiven
	default:
		t.ClientAuth = tls.NoClientCert
	}
	if t.ClientAuth != tls.NoClientCert && c.TLS.Trust.Location == "" {
		return nil, fmt.Errorf("ssl.clientAuth=%s needs ssl.trustStore.location, a PEM file with the authorities of the clients' certificates; or set ssl.clientAuth=none", c.TLS.ClientAuth)
	}
	if c.TLS.ClientHostVerify {
		checkClientAddress(t)
	}
	return t, nil
}

// peerTLS is the TLS of the links between servers: both sides show a certificate.
func peerTLS(c *Config, log *slog.Logger) (*tls.Config, error) {
	if !c.QuorumTLS.Enabled {
		return nil, nil
	}
	if c.QuorumTLS.Key.Location == "" || c.QuorumTLS.Trust.Location == "" {
		return nil, errors.New("sslQuorum=true needs ssl.quorum.keyStore.location and ssl.quorum.trustStore.location (PEM files)")
	}
	t, store, err := storeTLS(&c.QuorumTLS.TLS, "ssl.quorum.", log)
	if err != nil {
		return nil, err
	}
	// Both sides verify by hand, with the authorities that the file names now: a tls.Config keeps those it was made with.
	t.ClientAuth, t.InsecureSkipVerify = tls.RequireAnyClientCert, true
	t.GetConfigForClient = nil
	t.VerifyConnection = store.verify
	return t, nil
}

// verify judges the other side of a peer link, whoever dialled: its certificate must be one for servers, since the same authority often signs those of
// clients too. The transport compares its name.
func (p *pemStore) verify(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the other server shows no certificate")
	}
	_, pool := p.current()
	o := x509.VerifyOptions{Roots: pool, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, cert := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(cert)
	}
	leaf := s.PeerCertificates[0]
	if _, err := leaf.Verify(o); err != nil {
		return fmt.Errorf("the certificate of %q is not accepted (%strustStore.location %s): %w", leaf.Subject, p.prefix, p.trustFile, err)
	}
	return nil
}

// storeTLS reads key store and trust store. Both are looked at again every few seconds, so that new certificates need no restart.
func storeTLS(c *zoocfg.TLS, prefix string, log *slog.Logger) (*tls.Config, *pemStore, error) {
	store := &pemStore{keyFile: c.Key.Location, trustFile: c.Trust.Location, prefix: prefix, log: log}
	if err := store.load(); err != nil {
		return nil, nil, err
	}
	versions := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}
	base := &tls.Config{MinVersion: tls.VersionTLS12, ClientCAs: store.pool}
	for _, p := range append([]string{c.Protocol}, c.Protocols...) {
		if p != "" && versions[p] == 0 && p != "TLS" {
			return nil, nil, fmt.Errorf("%sprotocol %q: give TLSv1.2 or TLSv1.3", prefix, p)
		}
	}
	if len(c.Protocols) == 1 && c.Protocols[0] == "TLSv1.3" {
		base.MinVersion = tls.VersionTLS13
	}
	suites, err := cipherSuites(c.Ciphers, prefix)
	if err != nil {
		return nil, nil, err
	}
	base.CipherSuites = suites
	base.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { cert, _ := store.current(); return cert, nil }
	base.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, _ := store.current()
		return cert, nil
	}
	base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		_, pool := store.current()
		fresh := base.Clone()
		fresh.ClientCAs, fresh.GetConfigForClient = pool, nil
		return fresh, nil
	}
	return base, store, nil
}

// cipherSuites finds suites by their Java or IANA names.
func cipherSuites(names []string, prefix string) ([]uint16, error) {
	var out []uint16
	for _, name := range names {
		found := false
		for _, s := range tls.CipherSuites() {
			if s.Name == name {
				out, found = append(out, s.ID), true
			}
		}
		if !found {
			return nil, fmt.Errorf("%sciphersuites: %q is unknown or not safe any more", prefix, name)
		}
	}
	return out, nil
}

// pemStore is a certificate with its key, and the authorities that are trusted, as files that may change.
type pemStore struct {
	keyFile, trustFile, prefix string
	log                        *slog.Logger

	mu      sync.Mutex
	cert    *tls.Certificate
	pool    *x509.CertPool
	looked  time.Time
	changed [2]time.Time
}

const certLookEvery = time.Second

// current is what the files hold now; files that cannot be read leave what was there.
func (p *pemStore) current() (*tls.Certificate, *x509.CertPool) {
	p.mu.Lock()
	stale := false
	if time.Since(p.looked) > certLookEvery {
		p.looked = time.Now()
		stale = p.times() != p.changed
	}
	p.mu.Unlock()
	if stale {
		if err := p.load(); err != nil { // the files may be half written: they are read again
			p.log.Warn("changed certificates cannot be used, the old ones stay", "err", err)
		} else {
			p.log.Info("certificates were loaded anew", "key", p.keyFile, "trust", p.trustFile)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cert, p.pool
}

func (p *pemStore) times() (t [2]time.Time) {
	for i, f := range []string{p.keyFile, p.trustFile} {
		if info, err := os.Stat(f); f != "" && err == nil {
			t[i] = info.ModTime()
		}
	}
	return t
}

func (p *pemStore) load() error {
	times := p.times()
	for _, f := range []string{p.keyFile, p.trustFile} {
		switch strings.ToLower(filepath.Ext(f)) {
		case ".jks", ".p12", ".pfx", ".bcfks":
			return fmt.Errorf("%skeyStore/trustStore %s: only PEM files are read; convert it: keytool -importkeystore -srckeystore %s -destkeystore s.p12 -deststoretype PKCS12 && openssl pkcs12 -in s.p12 -out s.pem -nodes", p.prefix, f, f)
		}
	}
	b, err := os.ReadFile(p.keyFile)
	if err != nil {
		return fmt.Errorf("%skeyStore.location: %w", p.prefix, err)
	}
	cert, err := tls.X509KeyPair(b, b)
	if err != nil {
		return fmt.Errorf("%skeyStore.location %s: a PEM file with one unencrypted private key and its certificate chain is needed: %w", p.prefix, p.keyFile, err)
	}
	pool := x509.NewCertPool()
	if p.trustFile != "" {
		if b, err = os.ReadFile(p.trustFile); err != nil {
			return fmt.Errorf("%strustStore.location: %w", p.prefix, err)
		}
		if block, _ := pem.Decode(b); block == nil || !pool.AppendCertsFromPEM(b) {
			return fmt.Errorf("%strustStore.location %s: no certificate in it", p.prefix, p.trustFile)
		}
	}
	p.mu.Lock()
	p.cert, p.pool, p.changed, p.looked = &cert, pool, times, time.Now()
	p.mu.Unlock()
	return nil
}
