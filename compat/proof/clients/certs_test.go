package clients

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate, PEM
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	tmpl := template(name)
	tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign
	der, key := a.sign(tmpl, tmpl, nil)
	a.cert, a.key = must(x509.ParseCertificate(der)), key
	a.file = filepath.Join(a.dir, name+".pem")
	a.write(a.file, block("CERTIFICATE", der))
	return a
}

func template(name string) *x509.Certificate {
	serial := must(rand.Int(rand.Reader, big.NewInt(1<<62)))
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Paddock"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
}

// sign makes a key and a certificate; by=nil signs itself.
func (a *authority) sign(tmpl, parent *x509.Certificate, by *ecdsa.PrivateKey) (der []byte, key *ecdsa.PrivateKey) {
	a.t.Helper()
	key = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	if by == nil {
		by = key
	}
	return must(x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, by)), key
}

// issue writes a PEM file with a private key and its certificate.
func (a *authority) issue(name string, tune ...func(*x509.Certificate)) (file string) {
	a.t.Helper()
	tmpl := template(name)
	for _, f := range tune {
		f(tmpl)
	}
	der, key := a.sign(tmpl, a.cert, a.key)
	file = filepath.Join(a.dir, name+"-key.pem")
	a.write(file, append(block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))), block("CERTIFICATE", der)...))
	return file
}

// forClients makes a certificate that is for clients alone, as most authorities issue them.
func forClients(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

// called makes a certificate name these and nothing else.
func called(names ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.IPAddresses, c.DNSNames = nil, nil
		for _, n := range names {
			if ip := net.ParseIP(n); ip != nil {
				c.IPAddresses = append(c.IPAddresses, ip)
			} else {
				c.DNSNames = append(c.DNSNames, n)
			}
		}
	}
}

func expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = c.NotBefore.Add(-2*time.Hour), time.Now().Add(-time.Minute)
}

// client is the TLS of a client that trusts the authority and shows the certificate in file ("" none).
func (a *authority) client(file string) *tls.Config {
	a.t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	c := &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
	if file != "" {
		pair := must(tls.LoadX509KeyPair(file, file))
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

func (a *authority) write(file string, b []byte) {
	a.t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// must is for what cannot fail in a test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
