package clients

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// TestTLSClientAddress: with ssl.clientHostnameVerification=true a client's certificate must be for the address that it comes from, on servers of either kind.
// Names count for nothing, since only a reverse look-up could compare them; the common name counts if there is nothing else.
func TestTLSClientAddress(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		ca, addr := newAuthority(t, "ca"), zktest.FreeAddr("127.0.0.1")
		_, port, _ := net.SplitHostPort(addr)
		lines := []string{
			"secureClientPort=" + port, "secureClientPortAddress=127.0.0.1", "ssl.keyStore.location=" + ca.issue("server"), "ssl.keyStore.type=PEM",
			"ssl.trustStore.location=" + ca.file, "ssl.trustStore.type=PEM", "ssl.clientAuth=need", "ssl.clientHostnameVerification=true",
			"serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory", "authProvider.x509=org.apache.zookeeper.server.auth.X509AuthenticationProvider",
		}
		if kind == zktest.ZooKeeper {
			lines = append(lines, "fips-mode=false") // in which it is on by default, and then lets nobody in at all with this key
		}
		s := zktest.Start(t, kind, zktest.Config{Extra: lines})
		for _, row := range []struct {
			name  string
			addrs []net.IP
			names []string
			in    bool
		}{
			{"app", []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"app.example"}, true},
			{"another address", []net.IP{net.IPv4(127, 0, 0, 2)}, []string{"app.example"}, false},
			{"names only", nil, []string{"app.example", "127.0.0.1.example"}, false},
			{"127.0.0.1", nil, nil, true},
			{"127.0.0.2", nil, nil, false},
			{"127.0.0.1", nil, []string{"app.example"}, false},
		} {
			file := ca.issue(row.name, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = row.addrs, row.names })
			if got := answers(t, addr, ca.client(file)); got != row.in {
				t.Errorf("the certificate of %s, for %v and %v, is let in: %v\n%s", row.name, row.addrs, row.names, got, s.Log())
			}
		}
	})
}

// answers says whether a TLS port lets this client in, as far as to answer a word.
func answers(t *testing.T, addr string, c *tls.Config) bool {
	t.Helper()
	nc, err := tls.Dial("tcp", addr, c)
	if err != nil {
		return false
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(zktest.Patience))
	fmt.Fprint(nc, "srvr")
	text, err := io.ReadAll(nc)
	if ne, is := err.(net.Error); is && ne.Timeout() {
		t.Fatal("neither an answer nor the end of the connection")
	}
	return len(text) > 0
}
