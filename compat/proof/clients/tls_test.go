package clients

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// secured is a server with a TLS port, and what its clients need.
type secured struct {
	zktest.Server
	t      *testing.T
	ca     *authority
	secure string // host:port
	key    string // the server's PEM file
}

// startSecured starts a server; auth is ssl.clientAuth.
func startSecured(t *testing.T, auth string, extra ...string) *secured {
	t.Helper()
	s := &secured{t: t, ca: newAuthority(t, "ca"), secure: zktest.FreeAddr("127.0.0.1")}
	s.key = s.ca.issue("server")
	_, port, _ := net.SplitHostPort(s.secure)
	lines := append([]string{
		"secureClientPort=" + port, "secureClientPortAddress=127.0.0.1", "ssl.keyStore.location=" + s.key, "ssl.trustStore.location=" + s.ca.file,
		"ssl.clientAuth=" + auth, "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory",
		"authProvider.x509=org.apache.zookeeper.server.auth.X509AuthenticationProvider",
	}, extra...)
	s.Server = zktest.Start(t, zktest.Paddock, zktest.Config{Extra: lines, Admin: true})
	return s
}

// dial opens a session over TLS.
func (s *secured) dial(addr string, c *tls.Config) *goZK {
	s.t.Helper()
	g := &goZK{T: s.t, server: s.Server}
	dialer := func(network, address string, timeout time.Duration) (net.Conn, error) {
		return tls.DialWithDialer(&net.Dialer{Timeout: timeout}, network, address, c)
	}
	conn, events, err := zk.Connect([]string{addr}, 10*time.Second, zk.WithLogger(quiet{}), zk.WithDialer(dialer))
	g.ok(err)
	s.t.Cleanup(conn.Close)
	for conn.State() != zk.StateHasSession {
		g.next(events)
	}
	g.conn = conn
	return g
}

// refused wants a handshake to fail and, within a moment, a line in the server's log that says why.
func (s *secured) refused(c *tls.Config, why string) {
	s.t.Helper()
	nc, err := tls.Dial("tcp", s.secure, c)
	if err == nil { // TLS 1.3: the client learns of its refusal with the first bytes
		nc.SetDeadline(time.Now().Add(zktest.Patience))
		_, err = nc.Read(make([]byte, 1))
		nc.Close()
	}
	if err == nil {
		s.t.Fatal("the server took the connection")
	}
	eventually(s.t, "a line in the log: "+why, func() bool { return strings.Contains(s.Log(), why) })
}

// eventually waits for what another process is about to do.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.After(zktest.Patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestTLSIdentity: the subject of a client's certificate is an identity that ACLs can name, and one subject may be privileged.
func TestTLSIdentity(t *testing.T) {
	s := startSecured(t, "need", "X509AuthenticationProvider.superUser=CN=root,O=Paddock")
	alice := s.dial(s.secure, s.ca.client(s.ca.issue("alice")))
	bob := s.dial(s.secure, s.ca.client(s.ca.issue("bob")))
	root := s.dial(s.secure, s.ca.client(s.ca.issue("root")))
	acl := []zk.ACL{{Perms: zk.PermAll, Scheme: "x509", ID: "CN=alice,O=Paddock"}}
	_, err := alice.conn.Create("/hers", []byte("1"), 0, acl)
	alice.ok(err)
	_, err = alice.conn.Create("/auth", []byte("1"), 0, zk.AuthACL(zk.PermAll))
	alice.ok(err)
	for _, path := range []string{"/hers", "/auth"} {
		_, _, err = alice.conn.Get(path)
		alice.ok(err)
		_, _, err = bob.conn.Get(path)
		bob.is(err, zk.ErrNoAuth)
		_, err = root.conn.Set(path, []byte("2"), -1)
		root.ok(err)
	}
	list, _, err := alice.conn.GetACL("/auth")
	alice.ok(err)
	if len(list) != 1 || list[0].Scheme != "x509" || list[0].ID != "CN=alice,O=Paddock" {
		t.Errorf("the ACL is %v", list)
	}
}

// TestTLSRefusals: who shows no certificate, one of another authority, or one that has expired, gets no session and a line in the log.
func TestTLSRefusals(t *testing.T) {
	s := startSecured(t, "need")
	stranger := newAuthority(t, "stranger")
	foreign := s.ca.client("")
	foreign.Certificates = stranger.client(stranger.issue("mallory")).Certificates
	s.refused(s.ca.client(""), "client didn't provide a certificate")
	s.refused(s.ca.client(s.ca.issue("late", expired)), "expired")
	foreign.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &foreign.Certificates[0], nil }
	s.refused(foreign, "certificate signed by unknown authority")
	plain, err := net.Dial("tcp", s.secure)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprint(plain, "ruok, but in plain text and quite long enough for a record")
	eventually(t, "a line about plain text", func() bool { return strings.Contains(s.Log(), "first record does not look like a TLS handshake") })
	good := s.dial(s.secure, s.ca.client(s.ca.issue("alice")))
	good.create("/alive", 0)
}

// TestTLSClientAuth: with want a client may come without a certificate, and has no identity then; one that does not verify is refused all
// the same. With none nobody is asked. ACLs may name the scheme in any case.
func TestTLSClientAuth(t *testing.T) {
	for _, auth := range []string{"none", "want"} {
		t.Run(auth, func(t *testing.T) {
			s := startSecured(t, auth)
			g := s.dial(s.secure, s.ca.client(""))
			g.create("/anyone", 0)
			_, err := g.conn.Create("/x", nil, 0, []zk.ACL{{Perms: zk.PermAll, Scheme: "x509", ID: "CN=alice,O=Paddock"}})
			g.ok(err)
			_, _, err = g.conn.Get("/x")
			g.is(err, zk.ErrNoAuth)
			alice := s.dial(s.secure, s.ca.client(s.ca.issue("alice")))
			_, _, err = alice.conn.Get("/x")
			if auth == "none" {
				alice.is(err, zk.ErrNoAuth)
				return
			}
			alice.ok(err)
			s.refused(s.ca.client(s.ca.issue("late", expired)), "expired")
		})
	}
}

// TestTLSPortUnification: the client port takes plain text and TLS.
func TestTLSPortUnification(t *testing.T) {
	s := startSecured(t, "need", "client.portUnification=true")
	over := s.dial(s.Addr(), s.ca.client(s.ca.issue("alice")))
	over.create("/tls", 0)
	g := &goZK{T: t, server: s.Server}
	plain, _ := g.dial()
	_, _, err := plain.Get("/tls")
	g.ok(err)
}

// TestTLSReload: a certificate that replaces the server's on the disk is what new handshakes see; half a file changes nothing.
func TestTLSReload(t *testing.T) {
	s := startSecured(t, "need")
	mine := s.ca.client(s.ca.issue("alice"))
	before := s.dial(s.secure, mine)
	serial := func() string {
		nc, err := tls.Dial("tcp", s.secure, mine)
		if err != nil {
			return err.Error()
		}
		defer nc.Close()
		return nc.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	old := serial()
	if err := os.WriteFile(s.key, []byte("-----BEGIN CERT"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a complaint", func() bool {
		return serial() == old && strings.Contains(s.Log(), "changed certificates cannot be used")
	})
	s.ca.issue("server")
	eventually(t, "the new certificate", func() bool { return serial() != old })
	before.create("/still", 0)
	// The authorities are looked at again too.
	second := newAuthority(t, "second")
	both := append(must(os.ReadFile(s.ca.file)), must(os.ReadFile(second.file))...)
	s.ca.write(s.ca.file, both)
	newcomer := s.ca.client("")
	newcomer.Certificates = second.client(second.issue("carol")).Certificates
	eventually(t, "the new authority", func() bool {
		nc, err := tls.Dial("tcp", s.secure, newcomer)
		if err != nil {
			return false
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(300 * time.Millisecond))
		_, err = nc.Read(make([]byte, 1))
		var ne net.Error
		return asTimeout(err, &ne)
	})
	s.dial(s.secure, newcomer).create("/carols", 0)
}

// asTimeout says that a read ended by its deadline: the server waits, so it has let the client in.
func asTimeout(err error, ne *net.Error) bool {
	e, ok := err.(net.Error)
	*ne = e
	return ok && e.Timeout()
}

// TestTLSZkCli types commands into ZooKeeper's own client over TLS (Netty).
func TestTLSZkCli(t *testing.T) {
	zktest.Require(t, "java", "zookeeper")
	jars := must(zktest.FindZooKeeper())
	s := startSecured(t, "need")
	alice := s.ca.issue("alice")
	silent := t.TempDir()
	if err := os.WriteFile(filepath.Join(silent, "logback.xml"), []byte(`<configuration><root level="OFF"/></configuration>`), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("java", "-Xmx128m", "-Dzookeeper.client.secure=true", "-Dzookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty",
		"-Dzookeeper.ssl.keyStore.location="+alice, "-Dzookeeper.ssl.keyStore.type=PEM",
		"-Dzookeeper.ssl.trustStore.location="+s.ca.file, "-Dzookeeper.ssl.trustStore.type=PEM",
		"-cp", silent+":"+filepath.Join(jars, "*"), "org.apache.zookeeper.ZooKeeperMain", "-server", s.secure, "-timeout", "15000")
	cmd.Stdin = strings.NewReader("create /j one\nget /j\nwhoami\naddWatch -m PERSISTENT /j\nset /j two\ncreate -e /e eph\nls /\nquit\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"Created /j", "one", "x509: CN=alice,O=Paddock", "NodeDataChanged", "[e, j, zookeeper]"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in the output:\n%s", want, out)
		}
	}
}
