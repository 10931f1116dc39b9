package clients

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// goZK is what a story of TestGoZK works with.
type goZK struct {
	*testing.T
	server zktest.Server
	conn   *zk.Conn
	other  *zk.Conn
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// dial connects and waits for the session. The events channel goes on with what comes after.
func (g *goZK) dial() (*zk.Conn, <-chan zk.Event) {
	g.Helper()
	conn, events, err := zk.Connect([]string{g.server.Addr()}, 30*time.Second, zk.WithLogger(quiet{}), zk.WithDialer(dialImpatiently))
	if err != nil {
		g.Fatal(err)
	}
	g.Cleanup(conn.Close)
	for conn.State() != zk.StateHasSession {
		g.next(events)
	}
	return conn, events
}

// impatient is a connection that is given up when its first answer takes long. A ZooKeeper that starts may take a connection and never answer it, and
// go-zookeeper would wait for minutes; the session is over by then.
type impatient struct {
	net.Conn
	answered bool
}

func dialImpatiently(network, addr string, timeout time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout(network, addr, timeout)
	return &impatient{Conn: conn}, err
}

func (c *impatient) SetReadDeadline(at time.Time) error {
	if soon := time.Now().Add(5 * time.Second); !c.answered && at.After(soon) {
		at = soon
	}
	return c.Conn.SetReadDeadline(at)
}

func (c *impatient) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.answered = c.answered || n > 0
	return n, err
}

func (g *goZK) next(events <-chan zk.Event) zk.Event {
	g.Helper()
	select {
	case event := <-events:
		return event
	case <-time.After(zktest.Patience):
		g.Fatal("no event")
		return zk.Event{}
	}
}

func (g *goZK) ok(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

func (g *goZK) is(err, want error) {
	g.Helper()
	if !errors.Is(err, want) {
		g.Fatalf("error %v, want %v", err, want)
	}
}

func (g *goZK) create(path string, flags int32) string {
	g.Helper()
	made := path
	g.surely(zk.ErrNodeExists, func() (err error) {
		made, err = g.conn.Create(path, []byte("x"), flags, zk.WorldACL(zk.PermAll))
		return err
	})
	return made
}

// surely does something until its outcome is known. A server of an ensemble closes a connection whose writes are in doubt, as when its link to the leader was
// made anew on a busy machine; what was asked for may have happened then, and asking again gives done.
func (g *goZK) surely(done error, what func() error) {
	g.Helper()
	err := what()
	lost := errors.Is(err, zk.ErrConnectionClosed)
	if lost {
		zktest.Within(zktest.Patience, func() bool { err = what(); return !errors.Is(err, zk.ErrConnectionClosed) })
	}
	if err != nil && !(lost && errors.Is(err, done)) {
		g.Fatal(err)
	}
}

// TestGoZK goes over the whole API of go-zookeeper, which omits the read-only byte of the handshake.
func TestGoZK(t *testing.T) {
	stories := []struct {
		name string
		tell func(*goZK)
	}{
		{"create get set delete", goZKBasics},
		{"create modes", goZKModes},
		{"children", goZKChildren},
		{"acl and auth", goZKAccess},
		{"multi", goZKMulti},
		{"watches", goZKWatches},
		{"lock", goZKLock},
		{"four letter words", goZKWords},
		{"reconfig is refused", goZKReconfig},
		{"through a restart", func(g *goZK) { goZKSurvive(g, "/restart", g.server.Stop) }},
		{"through kill -9", func(g *goZK) { goZKSurvive(g, "/kill", g.server.Kill) }},
	}
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		server := zktest.Start(t, kind, serverConfig())
		for _, story := range stories {
			t.Run(story.name, func(t *testing.T) {
				g := &goZK{T: t, server: server}
				g.conn, _ = g.dial()
				g.other, _ = g.dial()
				story.tell(g)
			})
		}
	})
}

func goZKBasics(g *goZK) {
	g.create("/a", 0)
	data, stat, err := g.conn.Get("/a")
	g.ok(err)
	if string(data) != "x" || stat.Version != 0 || stat.DataLength != 1 || stat.Czxid != stat.Mzxid {
		g.Errorf("data %q, stat %+v", data, stat)
	}
	stat, err = g.conn.Set("/a", []byte("two"), 0)
	g.ok(err)
	if stat.Version != 1 || stat.Mzxid <= stat.Czxid {
		g.Errorf("stat %+v", stat)
	}
	_, err = g.conn.Set("/a", nil, 0)
	g.is(err, zk.ErrBadVersion)
	_, err = g.conn.Create("/a", nil, 0, zk.WorldACL(zk.PermAll))
	g.is(err, zk.ErrNodeExists)
	_, err = g.conn.Create("/no/parent", nil, 0, zk.WorldACL(zk.PermAll))
	g.is(err, zk.ErrNoNode)
	_, err = g.conn.Create("/bad//path", nil, 0, zk.WorldACL(zk.PermAll))
	g.is(err, zk.ErrInvalidPath)
	g.is(g.conn.Delete("/a", 7), zk.ErrBadVersion)
	g.ok(g.conn.Delete("/a", 1))
	there, _, err := g.conn.Exists("/a")
	g.ok(err)
	if there {
		g.Error("it exists after its delete")
	}
	g.is(g.conn.Delete("/a", -1), zk.ErrNoNode)
	path, err := g.conn.Sync("/")
	g.ok(err)
	if path != "/" {
		g.Errorf("sync answered %q", path)
	}
}

func goZKModes(g *goZK) {
	g.create("/m", 0)
	for i, want := range []string{"/m/s-0000000000", "/m/s-0000000001"} {
		if made := g.create("/m/s-", zk.FlagSequence); made != want {
			g.Errorf("sequential create %d made %s", i, made)
		}
	}
	g.create("/m/e", zk.FlagEphemeral)
	_, stat, err := g.conn.Exists("/m/e")
	g.ok(err)
	if stat.EphemeralOwner != g.conn.SessionID() {
		g.Errorf("owner %x, session %x", stat.EphemeralOwner, g.conn.SessionID())
	}
	_, err = g.conn.Create("/m/e/kid", nil, 0, zk.WorldACL(zk.PermAll))
	g.is(err, zk.ErrNoChildrenForEphemerals)
	protected, err := g.conn.CreateProtectedEphemeralSequential("/m/p-", nil, zk.WorldACL(zk.PermAll))
	g.ok(err)
	if !strings.HasPrefix(protected, "/m/_c_") || !strings.HasSuffix(protected, "p-0000000003") {
		g.Errorf("protected: %s", protected)
	}
	_, err = g.conn.CreateContainer("/m/c", nil, zk.FlagContainer, zk.WorldACL(zk.PermAll))
	g.ok(err)
	_, err = g.conn.Create("/m/c/kid", nil, 0, zk.WorldACL(zk.PermAll))
	g.ok(err)
	g.ok(g.conn.Delete("/m/c/kid", -1))
	_, err = g.conn.CreateTTL("/m/t", nil, zk.FlagTTL, zk.WorldACL(zk.PermAll), 100*time.Millisecond)
	g.ok(err)
	zktest.Eventually(g.T, zktest.Patience, "container and TTL node swept", func() bool {
		c, _, err1 := g.conn.Exists("/m/c")
		t, _, err2 := g.conn.Exists("/m/t")
		return err1 == nil && err2 == nil && !c && !t
	})
}

func goZKChildren(g *goZK) {
	g.create("/k", 0)
	g.create("/k/a", 0)
	g.create("/k/b", 0)
	names, stat, err := g.conn.Children("/k")
	g.ok(err)
	slices.Sort(names)
	if !slices.Equal(names, []string{"a", "b"}) || stat.NumChildren != 2 || stat.Cversion != 2 {
		g.Errorf("children %v, stat %+v", names, stat)
	}
	g.is(g.conn.Delete("/k", -1), zk.ErrNotEmpty)
	_, _, err = g.conn.Children("/none")
	g.is(err, zk.ErrNoNode)
}

func goZKAccess(g *goZK) {
	_, err := g.conn.Create("/mine", nil, 0, zk.AuthACL(zk.PermAll))
	g.is(err, zk.ErrInvalidACL)
	g.ok(g.conn.AddAuth("digest", []byte("ann:pw")))
	_, err = g.conn.Create("/mine", nil, 0, zk.AuthACL(zk.PermAll))
	g.ok(err)
	_, _, err = g.other.Get("/mine")
	g.is(err, zk.ErrNoAuth)
	acl, stat, err := g.conn.GetACL("/mine")
	g.ok(err)
	if !slices.Equal(acl, zk.DigestACL(zk.PermAll, "ann", "pw")) || stat.Aversion != 0 {
		g.Errorf("acl %v, stat %+v", acl, stat)
	}
	_, err = g.conn.SetACL("/mine", zk.WorldACL(zk.PermRead), 5)
	g.is(err, zk.ErrBadVersion)
	stat, err = g.conn.SetACL("/mine", append(zk.WorldACL(zk.PermRead), acl...), 0)
	g.ok(err)
	if stat.Aversion != 1 {
		g.Errorf("stat %+v", stat)
	}
	_, _, err = g.other.Get("/mine")
	g.ok(err)
	_, err = g.other.Set("/mine", nil, -1)
	g.is(err, zk.ErrNoAuth)
}

func goZKMulti(g *goZK) {
	all := zk.WorldACL(zk.PermAll)
	results, err := g.conn.Multi(
		&zk.CreateRequest{Path: "/multi", Data: []byte("0"), Acl: all},
		&zk.CheckVersionRequest{Path: "/multi", Version: 0},
		&zk.SetDataRequest{Path: "/multi", Data: []byte("1"), Version: 0},
		&zk.CreateRequest{Path: "/multi/s-", Acl: all, Flags: zk.FlagSequence},
		&zk.DeleteRequest{Path: "/multi/s-0000000000", Version: -1},
	)
	g.ok(err)
	if results[3].String != "/multi/s-0000000000" || results[2].Stat.Version != 1 {
		g.Errorf("results %+v", results)
	}
	results, err = g.conn.Multi(
		&zk.SetDataRequest{Path: "/multi", Data: []byte("9"), Version: -1},
		&zk.CheckVersionRequest{Path: "/multi", Version: 9},
		&zk.DeleteRequest{Path: "/multi", Version: -1},
	)
	g.is(err, zk.ErrBadVersion)
	if len(results) != 3 || !errors.Is(results[1].Error, zk.ErrBadVersion) {
		g.Errorf("results %+v", results)
	}
	data, _, err := g.conn.Get("/multi")
	g.ok(err)
	if string(data) != "1" {
		g.Errorf("data %q after a multi that failed", data)
	}
}

func goZKWatches(g *goZK) {
	wants := func(events <-chan zk.Event, kind zk.EventType, path string) {
		g.Helper()
		if event := g.next(events); event.Type != kind || event.Path != path {
			g.Errorf("event %+v, want %v %s", event, kind, path)
		}
	}
	all := zk.WorldACL(zk.PermAll)
	_, _, created, err := g.conn.ExistsW("/w")
	g.ok(err)
	_, err = g.other.Create("/w", nil, 0, all)
	g.ok(err)
	wants(created, zk.EventNodeCreated, "/w")
	_, _, changed, err := g.conn.GetW("/w")
	g.ok(err)
	_, _, kids, err := g.conn.ChildrenW("/w")
	g.ok(err)
	_, err = g.other.Set("/w", nil, -1)
	g.ok(err)
	_, err = g.other.Create("/w/k", nil, 0, all)
	g.ok(err)
	wants(changed, zk.EventNodeDataChanged, "/w")
	wants(kids, zk.EventNodeChildrenChanged, "/w")
	_, _, deleted, err := g.conn.ExistsW("/w/k")
	g.ok(err)
	g.ok(g.other.Delete("/w/k", -1))
	wants(deleted, zk.EventNodeDeleted, "/w/k")
}

func goZKLock(g *goZK) {
	acl := zk.WorldACL(zk.PermAll)
	first, second := zk.NewLock(g.conn, "/lock", acl), zk.NewLock(g.other, "/lock", acl)
	g.ok(first.LockWithData([]byte("me")))
	locked := make(chan error, 1)
	go func() { locked <- second.Lock() }()
	zktest.Eventually(g.T, zktest.Patience, "two contenders", func() bool {
		names, _, err := g.conn.Children("/lock")
		return err == nil && len(names) == 2
	})
	select {
	case err := <-locked:
		g.Fatalf("two hold the lock (%v)", err)
	default:
	}
	g.ok(first.Unlock())
	g.ok(<-locked)
	g.ok(second.Unlock())
}

func goZKWords(g *goZK) {
	if up := zk.FLWRuok([]string{g.server.Addr()}, zktest.Patience); !up[0] {
		g.Error("ruok is not answered")
	}
	// FLWSrvr knows the date format of ZooKeeper 3.4 only
	clients, _ := zk.FLWCons([]string{g.server.Addr()}, zktest.Patience)
	if len(clients[0].Clients) < 2 {
		g.Errorf("cons: %+v", clients[0])
	}
}

func goZKReconfig(g *goZK) {
	_, err := g.conn.IncrementalReconfig([]string{"server.9=127.0.0.1:1:2;3"}, nil, -1)
	if err == nil {
		g.Error("a standalone server took a reconfiguration")
	}
	_, err = g.conn.Reconfig([]string{"server.9=127.0.0.1:1:2;3"}, -1)
	if err == nil {
		g.Error("a standalone server took a reconfiguration")
	}
}

func goZKSurvive(g *goZK, base string, end func() error) {
	g.create(base, 0)
	g.create(base+"/e", zk.FlagEphemeral)
	session := g.conn.SessionID()
	_, _, changed, err := g.conn.GetW(base)
	g.ok(err)
	_, _, created, err := g.conn.ExistsW(base + "/later")
	g.ok(err)

	g.ok(end())
	g.ok(g.server.Start())

	again := func(call func() error) {
		g.Helper()
		zktest.Eventually(g.T, zktest.Patience, "an answer after the restart", func() bool {
			err = call()
			return !errors.Is(err, zk.ErrConnectionClosed) && !errors.Is(err, zk.ErrNoServer)
		})
		g.ok(err)
	}
	var stat *zk.Stat
	again(func() (err error) { _, stat, err = g.conn.Exists(base + "/e"); return err })
	if stat.EphemeralOwner != session || g.conn.SessionID() != session {
		g.Errorf("owner %x, session %x, was %x", stat.EphemeralOwner, g.conn.SessionID(), session)
	}
	again(func() (err error) { _, err = g.other.Set(base, []byte("new"), 0); return err })
	again(func() (err error) {
		_, err = g.other.Create(base+"/later", nil, 0, zk.WorldACL(zk.PermAll))
		return err
	})
	if event := g.next(changed); event.Type != zk.EventNodeDataChanged {
		g.Errorf("event %+v", event)
	}
	if event := g.next(created); event.Type != zk.EventNodeCreated {
		g.Errorf("event %+v", event)
	}
}
