package clients

import (
	"errors"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// TestLocalSessions: sessions that only their server knows, with real clients, on ZooKeeper and on Paddock: they read, write and watch, no
// other server takes them, and an ephemeral node is refused, or makes the session one of the ensemble.
func TestLocalSessions(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		if kind == zktest.ZooKeeper {
			zktest.Require(t, "zookeeper")
		}
		t.Run("refuse", func(t *testing.T) { localSessions(t, kind, false) })
		t.Run("upgrade", func(t *testing.T) { localSessions(t, kind, true) })
	})
}

func localSessions(t *testing.T, kind zktest.Kind, upgrade bool) {
	extra := []string{"localSessionsEnabled=true"}
	if upgrade {
		extra = append(extra, "localSessionsUpgradingEnabled=true")
	}
	e := zktest.StartEnsemble(t, kind, 3, zktest.Config{Extra: extra})
	for i, server := range e.Servers {
		g := &goZK{T: t, server: server}
		g.conn, _ = g.dial()
		path := []string{"/one", "/two", "/three"}[i]
		g.create(path, 0)
		var watch <-chan zk.Event
		g.surely(nil, func() (err error) { _, _, watch, err = g.conn.GetW(path); return err })
		g.surely(zk.ErrBadVersion, func() error { _, err := g.conn.Set(path, []byte("2"), 0); return err })
		if got := g.next(watch); got.Type != zk.EventNodeDataChanged {
			t.Errorf("server %d: %v", i+1, got)
		}
		if !upgrade {
			if _, err := g.conn.Create(path+"-e", nil, zk.FlagEphemeral, zk.WorldACL(zk.PermAll)); err == nil {
				t.Errorf("server %d: a local session owns a node", i+1)
			}
			continue
		}
		g.create(path+"-e", zk.FlagEphemeral)
		g.create(path+"-s", zk.FlagEphemeral|zk.FlagSequence)
		var stat *zk.Stat
		g.surely(nil, func() (err error) { _, stat, err = g.conn.Get(path + "-e"); return err })
		if stat.EphemeralOwner != g.conn.SessionID() {
			t.Errorf("server %d: owner %#x, session %#x", i+1, stat.EphemeralOwner, g.conn.SessionID())
		}
	}
	wandering(t, e)
}

// wandering is a client that comes to another server with its session.
func wandering(t *testing.T, e *zktest.Ensemble) {
	g := &goZK{T: t}
	hello := client.Hello{Timeout: 10000, Password: make([]byte, 16)}
	meet := func(server int) (client.Welcome, error) {
		conn, err := client.Dial(t.Context(), e.Servers[server].Addr())
		g.ok(err)
		t.Cleanup(func() { conn.Close() })
		return conn.Handshake(hello, zktest.Patience)
	}
	first, err := meet(0)
	g.ok(err)
	hello.Session, hello.Password = first.Session, first.Password
	if again, err := meet(1); !errors.Is(err, client.ErrRefused) {
		t.Errorf("another server's answer to a local session: %+v, %v", again, err)
	}
	again, err := meet(0)
	g.ok(err)
	if again.Session != first.Session {
		t.Errorf("its own server gives %v, not %v", again.Session, first.Session)
	}
}
