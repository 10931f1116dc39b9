package transport

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// named is a certificate that names these hosts, addresses and numbers, signed by itself.
func named(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "c.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// A certificate is a server's if it names its number, or one of its hosts while it names no number; its subject names nothing.
func TestCertificateNamesItsServer(t *testing.T) {
	at := []string{"c.example:2888", "10.0.0.3:2888"}
	for _, c := range []struct {
		names []string
		addrs []string
		good  bool
	}{
		{[]string{"c.example"}, at, true},
		{[]string{"10.0.0.3"}, at, true},
		{[]string{"*.example"}, at, true},
		{[]string{"server.3"}, at, true},
		{[]string{"SERVER.3", "elsewhere.example"}, at, true},
		{[]string{"server.3"}, nil, true},
		{[]string{"server.1", "server.3"}, at, true},
		{[]string{"fd00::3"}, []string{"[fd00::3]:2888"}, true},
		{[]string{"server.example", "c.example"}, at, true}, // a host that is called server
		{[]string{"app.example"}, at, false},
		{[]string{"a.example"}, at, false},
		{[]string{"server.1"}, at, false},
		{[]string{"server.1", "c.example"}, at, false}, // of server 1, when both are at one host
		{[]string{"server.33"}, at, false},
		{nil, at, false}, // its subject is c.example
		{[]string{"c.example"}, nil, false},
		{[]string{"c.example"}, []string{":2888", "", "c.example"}, false},
	} {
		err := names(named(t, c.names...).Leaf, 3, c.addrs)
		if (err == nil) != c.good {
			t.Errorf("%q for server 3 at %q: %v", c.names, c.addrs, err)
		}
	}
	if err := names(named(t, "server.0").Leaf, zab.Server0, nil); err != nil {
		t.Error(err)
	}
}

// plain is a TLS that takes every certificate: whose name it is remains to be seen.
func plain(c tls.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c}, ClientAuth: tls.RequireAnyClientCert, InsecureSkipVerify: true}
}

// The certificate of a server that dials must be its own: a member's names its number or where the ensemble says that it is, a joiner's what somebody vouches
// for, or, if it knows the secret, where it says that it is.
func TestDiallersCertificateIsItsOwn(t *testing.T) {
	yes := func(zab.PeerID) bool { return true }
	vouched := func(zab.PeerID) []string { return []string{"d.example:2888"} }
	for what, c := range map[string]struct {
		names  string
		from   zab.PeerID
		tune   Config
		secret string
		good   bool
	}{
		"a member at its host":                             {"127.0.0.1", 1, Config{VerifyDialler: true}, "", true},
		"a member with its number":                         {"server.1", 1, Config{VerifyDialler: true}, "", true},
		"a member with another's number":                   {"server.3", 1, Config{VerifyDialler: true}, "", false},
		"a member with another's host":                     {"c.example", 1, Config{VerifyDialler: true}, "", false},
		"a member with another's host, by its word":        {"me.example", 1, Config{VerifyDialler: true, AdmitAll: all}, "secret", false},
		"any server, where names are not compared":         {"c.example", 1, Config{}, "", true},
		"a joiner with its number":                         {"server.9", 9, Config{VerifyDialler: true, Admit: yes}, "", true},
		"a joiner at its host, by its word":                {"me.example", 9, Config{VerifyDialler: true, AdmitAll: all, Admit: yes}, "", false},
		"a joiner at its host, by its word and the secret": {"me.example", 9, Config{VerifyDialler: true, AdmitAll: all, Admit: yes}, "secret", true},
		"a joiner that is vouched for":                     {"d.example", 9, Config{VerifyDialler: true, Admit: yes, Vouched: vouched}, "", true},
		"a joiner elsewhere than is vouched for":           {"me.example", 9, Config{VerifyDialler: true, Admit: yes, Vouched: vouched}, "", false},
	} {
		var log bytes.Buffer
		l := listen(t)
		c.tune.TLS, c.tune.Secret = plain(named(t, "server.2")), []byte(c.secret)
		c.tune.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.tune.Identity, c.tune.Listener = Identity{ID: 2}, l
		c.tune.Resolve = func(zab.Member) []string { return []string{"127.0.0.1:1"} }
		c.tune.Deliver = func(zab.Message) {}
		two := New(c.tune)
		two.EnsembleChanged(zab.EnsembleChange{Committed: zab.Ensemble{Members: []zab.Member{{ID: 1}, {ID: 2}}}})
		from := New(Config{
			Identity: Identity{ID: c.from}, Listener: listen(t), Deliver: func(zab.Message) {}, Where: "me.example:2888",
			TLS: plain(named(t, c.names)), VerifyHost: true, Secret: []byte(c.secret),
		})
		link, err := from.connect(t.Context(), l.Addr().String(), 2, laneControl)
		if err == nil {
			link.Close()
		}
		from.Close()
		two.Close()
		if (err == nil) != c.good || !c.good && !strings.Contains(log.String(), "is not that of server") {
			t.Errorf("%s: %v\n%s", what, err, log.String())
		}
	}
}

// Who is dialled must have the number, or the host, that was dialled.
func TestCertificateOfWhoIsDialledIsItsOwn(t *testing.T) {
	for name, good := range map[string]bool{"server.2": true, "127.0.0.1": true, "server.3": false, "c.example": false} {
		l := listen(t)
		serverTwo(t, l, Config{TLS: plain(named(t, name))})
		one := serverOneWith(t, Config{TLS: plain(named(t, "server.1")), VerifyHost: true})
		c, err := one.connect(t.Context(), l.Addr().String(), 2, laneControl)
		if err == nil {
			c.Close()
		}
		if (err == nil) != good {
			t.Errorf("server 2 with a certificate of %s: %v", name, err)
		}
	}
}
