package gossip

import (
	"bytes"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// free is an address of the loopback on which nobody listens.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func self(id zab.PeerID, cluster byte) Self {
	s := Self{ID: id, PeerAddr: "127.0.0.1:2888", ClientAddr: "127.0.0.1:2181", Member: "participant", Role: "following", Zxid: 0x100000007, Version: "1.2.3"}
	if cluster != 0 {
		s.Cluster, s.Incarnation = [16]byte{cluster, 15: cluster}, [16]byte{0xee, 15: cluster}
	}
	return s
}

func start(t *testing.T, cfg Config) *Gossip {
	t.Helper()
	if cfg.Bind == "" {
		cfg.Bind = free(t)
	}
	g, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// eventually waits for a member list; gossip has no other way of saying that it is done.
func eventually(t *testing.T, g *Gossip, what string, ok func([]Member) bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok(g.Members()) {
		select {
		case <-deadline:
			t.Fatalf("not seen: %s; members: %+v", what, g.Members())
		case <-tick.C:
		}
	}
}

func ids(members []Member) (out []zab.PeerID) {
	for _, m := range members {
		if m.Alive {
			out = append(out, m.ID)
		}
	}
	return out
}

func knows(want ...zab.PeerID) func([]Member) bool {
	return func(m []Member) bool { return slices.Equal(ids(m), want) }
}

func TestTagsRoundTrip(t *testing.T) {
	s := self(200, 7)
	sent, err := tags(s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parse(sent)
	if err != nil || got != s {
		t.Errorf("%+v, %v; want %+v", got, err, s)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, change := range map[string]func(map[string]string){
		"no tags":            func(m map[string]string) { clear(m) },
		"id 2147483648":      func(m map[string]string) { m["i"] = "2147483648" },
		"id x":               func(m map[string]string) { m["i"] = "x" },
		"id -1":              func(m map[string]string) { m["i"] = "-1" },
		"short cluster":      func(m map[string]string) { m["c"] = "00" },
		"long cluster":       func(m map[string]string) { m["c"] += "00" },
		"cluster not hex":    func(m map[string]string) { m["c"] = strings.Repeat("x", 32) },
		"no incarnation":     func(m map[string]string) { delete(m, "n") },
		"no peer":            func(m map[string]string) { delete(m, "p") },
		"peer without port":  func(m map[string]string) { m["p"] = "host" },
		"peer without host":  func(m map[string]string) { m["p"] = ":2888" },
		"peer with port 0":   func(m map[string]string) { m["p"] = "host:0" },
		"peer with a name":   func(m map[string]string) { m["p"] = "host:http" },
		"two peers":          func(m map[string]string) { m["p"] = "a|b:2888" },
		"a line in the role": func(m map[string]string) { m["r"] = "leading\nserver.9=evil" },
		"terminal codes":     func(m map[string]string) { m["v"] = "\x1b[2J" },
		"zxid below 0":       func(m map[string]string) { m["z"] = "-1" },
		"zxid of 65 bits":    func(m map[string]string) { m["z"] = "ffffffffffffffff" },
		"no zxid":            func(m map[string]string) { delete(m, "z") },
	} {
		m, err := tags(self(1, 1))
		if err != nil {
			t.Fatal(err)
		}
		change(m)
		if s, err := parse(m); err == nil {
			t.Errorf("%s: taken as %+v", name, s)
		}
	}
}

// Names as long as DNS allows them: the hint gets shorter, and nothing breaks.
func TestLongTagsFit(t *testing.T) {
	name := strings.Repeat(strings.Repeat("a", 62)+".", 4)[:251] // DNS allows 253 with the dot
	s := self(254, 9)
	s.PeerAddr, s.ClientAddr = name+":65535", name+":65535"
	s.Zxid, s.Version, s.Member, s.Role = 0x7fffffffffffffff, strings.Repeat("9", 200), "participant", "following"
	sent, err := tags(s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parse(sent)
	if err != nil {
		t.Fatal(err)
	}
	if got.PeerAddr != s.PeerAddr || got.ClientAddr != "" || got.Version != s.Version[:maxVersion] || got.Zxid != s.Zxid {
		t.Errorf("%+v", got)
	}
	if n := encoded(sent); n > memberlist.MetaMaxSize {
		t.Errorf("%d bytes", n)
	}
	g := start(t, Config{Self: s, Bind: free(t)}) // Serf thinks so too
	if err := g.Update(func(s *Self) { s.Role = "leading" }); err != nil {
		t.Error(err)
	}
	before := g.Self()
	if err := g.Update(func(s *Self) { s.PeerAddr = strings.Repeat("a", 400) + ":1" }); err == nil || !strings.Contains(err.Error(), "shorter name") {
		t.Errorf("a peer address of 402 bytes: %v", err)
	}
	if g.Self() != before {
		t.Error("what could not be told is what this server says of itself now")
	}
}

func TestStartRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name, bind, say string
		key             int
		peer            string
	}{
		{name: "no port", bind: "127.0.0.1", say: "give host:port"},
		{name: "port 0", bind: "127.0.0.1:0", say: "1 to 65535"},
		{name: "port by name", bind: "127.0.0.1:http", say: "1 to 65535"},
		{name: "large port", bind: "127.0.0.1:70000", say: "1 to 65535"},
		{name: "no such name", bind: "no-such-host.invalid:7946", say: "address of this machine"},
		{name: "another machine's", bind: "192.0.2.1:7946", say: "cannot listen on 192.0.2.1:7946"},
		{name: "taken", bind: taken.Addr().String(), say: "cannot listen on " + taken.Addr().String()},
		{name: "short key", bind: "127.0.0.1:7946", key: 15, say: "the key has 15 bytes; give 16, 24 or 32"},
		{name: "long peer address", bind: "127.0.0.1:7946", peer: strings.Repeat("a", 400) + ":1", say: "shorter name"},
	} {
		s := self(1, 1)
		if c.peer != "" {
			s.PeerAddr = c.peer
		}
		g, err := Start(Config{Self: s, Bind: c.bind, Key: make([]byte, c.key)})
		if err == nil {
			_ = g.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v; want %q", c.name, err, c.say)
		}
	}
}

// A name is resolved; it does not open the port on every address of the machine.
func TestBindName(t *testing.T) {
	_, port, _ := net.SplitHostPort(free(t))
	g := start(t, Config{Self: self(1, 1), Bind: "localhost:" + port})
	if a := g.serf.LocalMember().Addr; !a.IsLoopback() {
		t.Errorf("localhost is %v", a)
	}
	_ = g.Close()
}

// What is said spreads, to servers of the same cluster and to joiners that have none; a goodbye is seen; a stop is quick.
func TestSpread(t *testing.T) {
	key := bytes.Repeat([]byte{1}, 32)
	var changed sync.WaitGroup
	changed.Add(1)
	var once sync.Once
	one := start(t, Config{Self: self(1, 1), Bind: free(t), Key: key, Changed: func() { once.Do(changed.Done) }})
	join := []string{one.cfg.Bind}
	two := start(t, Config{Self: self(2, 1), Join: join, Key: key})
	foreign := start(t, Config{Self: self(3, 2), Join: join, Key: key})
	<-foreign.Joined()
	joiner := start(t, Config{Self: self(4, 0), Join: join, Key: key})
	<-joiner.Joined()
	eventually(t, one, "server 2 of the same cluster, and not 3 of another one", knows(1, 2))
	eventually(t, two, "server 1", knows(1, 2))
	eventually(t, foreign, "nobody of the first cluster", knows(3))
	eventually(t, joiner, "everybody", knows(1, 2, 3, 4))
	changed.Wait()

	if err := two.Update(func(s *Self) { s.Role, s.Zxid = "leading", 0x200000000 }); err != nil {
		t.Fatal(err)
	}
	eventually(t, one, "that 2 leads", func(m []Member) bool {
		return len(m) == 2 && m[1].Role == "leading" && m[1].Zxid == zxid.ID(0x200000000)
	})
	if err := joiner.Update(func(s *Self) { s.Cluster = one.Self().Cluster }); err != nil {
		t.Fatal(err)
	}
	eventually(t, one, "the joiner, once it is of the cluster", knows(1, 2, 4))

	began := time.Now()
	if err := two.Leave(); err != nil {
		t.Errorf("leave: %v", err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("leaving took %v", took)
	}
	eventually(t, one, "that 2 has left", knows(1, 4))
}

// Servers with another key, or with none, neither hear nor disturb those that have it.
// TestNobodyWaitsForAnUpdate: peer links ask who is where, and must not wait until a change has been sent to others.
func TestNobodyWaitsForAnUpdate(t *testing.T) {
	a := start(t, Config{Self: self(1, 7)})
	b := start(t, Config{Self: self(2, 7), Join: []string{a.cfg.Bind}})
	eventually(t, a, "the other", knows(1, 2))
	eventually(t, b, "the other", knows(1, 2))
	var asked, update time.Duration
	for _, role := range strings.Split(strings.Repeat("leading following ", 20), " ") { // on a busy machine one look may be late, but not all
		begun, told := make(chan time.Time), make(chan time.Time, 1)
		go func() {
			err := a.Update(func(s *Self) {
				begun <- time.Now()
				s.Role = role
			})
			if err != nil {
				t.Error(err)
			}
			told <- time.Now()
		}()
		begin := <-begun
		a.Members()
		if asked, update = time.Since(begin), (<-told).Sub(begin); asked <= update/2 {
			return
		}
	}
	t.Errorf("Members took %v during an Update of %v", asked, update)
}

// TestCloseWaitsForOneAnswerAtMost: a server that stops is not kept by those that it asks and that do not answer.
func TestCloseWaitsForOneAnswerAtMost(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	addr := mute.Addr().String()
	g := start(t, Config{Self: self(1, 7), Join: []string{addr, addr, addr}})
	asked, err := mute.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer asked.Close()
	begin := time.Now()
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 25*time.Second { // three that were waited for would be 30 s
		t.Errorf("Close took %v", took)
	}
}

func TestKeysDoNotMix(t *testing.T) {
	one := start(t, Config{Self: self(1, 1), Bind: free(t), Key: bytes.Repeat([]byte{1}, 16)})
	open := start(t, Config{Self: self(5, 1), Bind: free(t)})
	for _, c := range []struct {
		id   zab.PeerID
		key  []byte
		join string
	}{{2, bytes.Repeat([]byte{2}, 16), one.cfg.Bind}, {3, nil, one.cfg.Bind}, {4, bytes.Repeat([]byte{1}, 16), open.cfg.Bind}} {
		said := make(said, 8)
		g := start(t, Config{Self: self(c.id, 1), Join: []string{c.join}, Key: c.key, Logger: slog.New(slog.NewTextHandler(said, nil))})
		if line := <-said; !strings.Contains(line, "nobody answered yet") || !strings.Contains(line, "gossipKey") {
			t.Errorf("server %d says %q", c.id, line)
		}
		select {
		case <-g.Joined():
			t.Errorf("server %d has joined", c.id)
		default:
		}
		if !knows(c.id)(g.Members()) {
			t.Errorf("server %d knows %+v", c.id, g.Members())
		}
	}
	if !knows(1)(one.Members()) || !knows(5)(open.Members()) {
		t.Errorf("%+v, %+v", one.Members(), open.Members())
	}
}

// said takes log lines.
type said chan string

func (s said) Write(b []byte) (int, error) {
	select {
	case s <- string(b):
	default:
	}
	return len(b), nil
}

// Whoever has the key can claim a name that is in use: the owner and the others keep what they knew, and go on.
func TestNameConflict(t *testing.T) {
	one := start(t, Config{Self: self(1, 1), Bind: free(t)})
	two := start(t, Config{Self: self(2, 1), Join: []string{one.cfg.Bind}})
	eventually(t, one, "server 2", knows(1, 2))
	eventually(t, two, "server 1", knows(1, 2))
	liar := self(1, 1)
	liar.Role = "looking"
	start(t, Config{Self: liar, Join: []string{two.cfg.Bind}})
	if err := one.Update(func(s *Self) { s.Role = "leading" }); err != nil {
		t.Fatal(err)
	}
	eventually(t, two, "the true server 1 after the lie", func(m []Member) bool {
		return len(m) == 2 && m[0].PeerAddr == "127.0.0.1:2888" && m[0].Role == "leading"
	})
}

// FuzzParse: whatever another server wrote is refused or understood, and what was understood can be said again.
func FuzzParse(f *testing.F) {
	m, _ := tags(self(3, 4))
	f.Add(m["i"], m["c"], m["n"], m["p"], m["a"], m["m"], m["r"], m["z"], m["v"])
	f.Add("1", "", "", "[::1]:2888", "\x1b", "participant", "leading", "7fffffffffffffff", "")
	f.Fuzz(func(t *testing.T, i, c, n, p, a, m, r, z, v string) {
		s, err := parse(map[string]string{"i": i, "c": c, "n": n, "p": p, "a": a, "m": m, "r": r, "z": z, "v": v})
		if err != nil {
			return
		}
		if _, _, err := net.SplitHostPort(s.PeerAddr); err != nil || s.ID == 0 || s.ID == 255 || s.Zxid < 0 {
			t.Fatalf("taken: %+v", s)
		}
		sent, err := tags(s)
		if err != nil {
			return // too long to be said again
		}
		again, err := parse(sent)
		if err != nil || again.ID != s.ID || again.PeerAddr != s.PeerAddr || again.Zxid != s.Zxid || again.Cluster != s.Cluster {
			t.Fatalf("%+v became %+v, %v", s, again, err)
		}
	})
}
