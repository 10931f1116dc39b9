package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// toolAuthority signs certificates for tests.
type toolAuthority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newToolAuthority(t *testing.T, dir, name string) *toolAuthority {
	a := &toolAuthority{t: t, dir: dir}
	a.cert, a.key = a.issue(name, true, time.Now().Add(time.Hour))
	return a
}

// issue writes NAME.pem and NAME.key.
func (a *toolAuthority) issue(name string, authority bool, until time.Time) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: authority, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	a.write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made, key
}

func (a *toolAuthority) write(name string, b []byte) {
	if err := os.WriteFile(filepath.Join(a.dir, name), b, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// TestTLSScripts plays the tool against a port that wants certificates.
func TestTLSScripts(t *testing.T) {
	dir := t.TempDir()
	newToolAuthority(t, dir, "other")
	ca := newToolAuthority(t, dir, "ca")
	ca.issue("server", false, time.Now().Add(time.Hour))
	ca.issue("alice", false, time.Now().Add(time.Hour))
	ca.issue("expired", false, time.Now().Add(-time.Hour))
	var both []byte
	for _, name := range []string{"server.key", "server.pem"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, b...)
	}
	ca.write("store.pem", both)
	secure := zktest.FreeAddr("127.0.0.1")
	_, port, _ := net.SplitHostPort(secure)
	zktest.StartPaddock(t, zktest.Config{Extra: []string{"secureClientPort=" + port, "ssl.keyStore.location=" + filepath.Join(dir, "store.pem"),
		"ssl.trustStore.location=" + filepath.Join(dir, "ca.pem"), "4lw.commands.whitelist=*"}})
	runScripts(t, "tls", "PADDOCK_SERVER="+secure, "CERTS="+dir)
}
