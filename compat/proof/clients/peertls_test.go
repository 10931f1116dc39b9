package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// TestPeerTLS: three servers with certificates of one authority form an ensemble. One that comes back with a certificate of another
// authority, with that of a client, or with one for another server, is refused by the others, which go on; with its right one it is let in again.
func TestPeerTLS(t *testing.T) {
	ca := newAuthority(t, "peers")
	key := ca.issue("server")
	e := zktest.StartEnsemble(t, zktest.Paddock, 3, zktest.Config{Extra: []string{
		"sslQuorum=true", "ssl.quorum.keyStore.location=" + key, "ssl.quorum.trustStore.location=" + ca.file,
	}})
	g := &goZK{T: t, server: e.Leader()}
	g.conn, _ = g.dial()
	g.create("/a", 0)

	outcast := e.Followers()[0]
	config := filepath.Join(outcast.Dir(), "zoo.cfg")
	right := must(os.ReadFile(config))
	for _, wrong := range []struct{ file, why string }{
		{newAuthority(t, "stranger").issue("mallory"), `the certificate of \"CN=mallory,O=Paddock\" is not accepted`},
		{ca.issue("app1", forClients), `the certificate of \"CN=app1,O=Paddock\" is not accepted`},
		{ca.issue("www", called("www.example")), `the certificate of \"CN=www,O=Paddock\" is not that of server`},
		{ca.issue("server 9", called("127.0.0.1", "server.9")), `the certificate of \"CN=server 9,O=Paddock\" is not that of server`},
	} {
		g.ok(outcast.Stop())
		g.ok(os.WriteFile(config, []byte(strings.ReplaceAll(string(right), key, wrong.file)), 0o644))
		g.ok(outcast.Launch())
		eventually(t, "the others to say why they refuse", func() bool { return strings.Contains(e.Leader().Log(), wrong.why) })
		if zktest.Mode(outcast.Addr()) == "follower" {
			t.Errorf("the outcast follows with %s", wrong.file)
		}
	}
	g.create("/b", 0)

	g.ok(outcast.Stop())
	g.ok(os.WriteFile(config, right, 0o644))
	g.ok(outcast.Start())
	back := &goZK{T: t, server: outcast}
	back.conn, _ = back.dial()
	_, err := back.conn.Sync("/")
	back.ok(err)
	_, _, err = back.conn.Get("/b")
	back.ok(err)
}

// TestPeerTLSPlain: a server without TLS is no peer of servers with it.
func TestPeerTLSPlain(t *testing.T) {
	ca := newAuthority(t, "peers")
	key := ca.issue("server")
	e := zktest.StartEnsemble(t, zktest.Paddock, 3, zktest.Config{Extra: []string{
		"sslQuorum=true", "ssl.quorum.keyStore.location=" + key, "ssl.quorum.trustStore.location=" + ca.file,
	}})
	outcast := e.Followers()[0]
	g := &goZK{T: t, server: e.Leader()}
	g.ok(outcast.Stop())
	config := filepath.Join(outcast.Dir(), "zoo.cfg")
	right := must(os.ReadFile(config))
	g.ok(os.WriteFile(config, []byte(strings.ReplaceAll(string(right), "sslQuorum=true", "sslQuorum=false")), 0o644))
	g.ok(outcast.Launch())
	eventually(t, "the others to say why they refuse", func() bool {
		return strings.Contains(e.Leader().Log(), "does not look like a TLS handshake")
	})
	g.conn, _ = g.dial()
	g.create("/c", 0)
}
