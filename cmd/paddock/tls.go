package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/paddock-zk/paddock/compat/zoocfg"
)

// clientTLS is the TLS of the secure client port; nil if none is configured.
func clientTLS(c *config) (*tls.Config, error) {
	if c.TLS.Key.Location == "" {
		return nil, nil
	}
	t, err := serverTLS(&c.TLS, "ssl.")
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
	return t, nil
}

// peerTLS is the TLS of the links between servers: both sides show a certificate.
func peerTLS(c *config) (*tls.Config, error) {
	if !c.QuorumTLS.Enabled {
		return nil, nil
	}
	if c.QuorumTLS.Key.Location == "" || c.QuorumTLS.Trust.Location == "" {
		return nil, errors.New("sslQuorum=true needs ssl.quorum.keyStore.location and ssl.quorum.trustStore.location (PEM files)")
	}
	t, err := serverTLS(&c.QuorumTLS.TLS, "ssl.quorum.")
	if err != nil {
		return nil, err
	}
	t.ClientAuth = tls.RequireAndVerifyClientCert
	if !c.QuorumTLS.HostVerify { // the chain is still verified, only the name is not compared
		t.InsecureSkipVerify = true
		t.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errors.New("the other side shows no certificate")
			}
			inter := x509.NewCertPool()
			for _, cert := range s.PeerCertificates[1:] {
				inter.AddCert(cert)
			}
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: t.RootCAs, Intermediates: inter, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
			return err
		}
	}
	return t, nil
}

// serverTLS reads key store and trust store. Both are looked at again every few seconds, so that new certificates need no restart.
func serverTLS(c *zoocfg.TLS, prefix string) (*tls.Config, error) {
	store := &pemStore{keyFile: c.Key.Location, trustFile: c.Trust.Location, prefix: prefix}
	if err := store.load(); err != nil {
		return nil, err
	}
	versions := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}
	base := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: store.pool, ClientCAs: store.pool}
	for _, p := range append([]string{c.Protocol}, c.Protocols...) {
		if p != "" && versions[p] == 0 && p != "TLS" {
			return nil, fmt.Errorf("%sprotocol %q: give TLSv1.2 or TLSv1.3", prefix, p)
		}
	}
	if len(c.Protocols) == 1 && c.Protocols[0] == "TLSv1.3" {
		base.MinVersion = tls.VersionTLS13
	}
	suites, err := cipherSuites(c.Ciphers, prefix)
	if err != nil {
		return nil, err
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
	return base, nil
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

	mu      sync.Mutex
	cert    *tls.Certificate
	pool    *x509.CertPool
	looked  time.Time
	changed [2]time.Time
}

const certLookEvery = 5 * time.Second

// current is what the files hold now; files that cannot be read leave what was there.
func (p *pemStore) current() (*tls.Certificate, *x509.CertPool) {
	p.mu.Lock()
	stale := time.Since(p.looked) > certLookEvery && p.times() != p.changed
	p.looked = time.Now()
	p.mu.Unlock()
	if stale {
		_ = p.load() // half-written files are looked at again
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
