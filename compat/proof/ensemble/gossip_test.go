package ensemble

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/gossip"
	"github.com/paddock-zk/paddock/znode"
)

var gossipKey = bytes.Repeat([]byte{0x5a}, 32)

// gossiping is a cluster of three whose servers gossip; more come in by paddock.join.
type gossiping struct {
	*cluster
	seeds []string       // gossip addresses of the three
	eye   *gossip.Gossip // a member of gossip that only listens, and whose contacts forgers use
	us    [2]string      // cluster and incarnation, hex
	liars []*serf.Serf
	short *zk           // a session with a short timeout and an ephemeral node
	stop  chan struct{} // ends the short session's life
	ended chan error    // why the short session was not well; nil
}

// startGossiping starts three members, a fourth that is told one gossip address, and a session that must outlive all.
func startGossiping(t *testing.T) *gossiping {
	g := &gossiping{stop: make(chan struct{}), ended: make(chan error, 1)}
	for range 3 {
		g.seeds = append(g.seeds, zktest.FreeAddr("127.0.0.1"))
	}
	g.cluster = startCluster(t, options{spare: 1, extra: slices.Concat(reconfigurable, []string{"paddock.electionTimeoutMs=1500"}), own: func(id int, c *zktest.Config) {
		if id <= 3 {
			c.Extra = append(c.Extra, gossipLines(g.seeds[id-1], gossipKey, g.seeds)...)
		} else {
			c.Extra = joinerLines(c.Extra, zktest.FreeAddr("127.0.0.1"), gossipKey, g.seeds[:1])
		}
	}})
	var err error
	g.eye, err = gossip.Start(gossip.Config{Self: gossip.Self{ID: 254, PeerAddr: "127.0.0.1:1", Member: "joiner"}, Bind: zktest.FreeAddr("127.0.0.1"), Join: g.seeds[:1], Key: gossipKey})
	g.must(err)
	t.Cleanup(func() { _ = g.eye.Close() })
	<-g.eye.Joined()
	zktest.Eventually(t, patience, "three gossip, and say which cluster they are of", func() bool {
		all := g.eye.Members()
		return len(all) == 4 && !slices.ContainsFunc(all[:3], func(m gossip.Member) bool { return m.Cluster == [16]byte{} })
	})
	m := g.eye.Members()[0]
	g.us = [2]string{hex.EncodeToString(m.Cluster[:]), hex.EncodeToString(m.Incarnation[:])}
	return g
}

// gossipLines are the zoo.cfg lines of a server that gossips.
func gossipLines(addr string, key []byte, seeds []string) []string {
	return []string{"paddock.gossipAddr=" + addr, "paddock.gossipKey=" + base64.StdEncoding.EncodeToString(key), "paddock.join=" + strings.Join(seeds, ",")}
}

// joinerLines are those of a server that is told gossip addresses, and no servers.
func joinerLines(lines []string, addr string, key []byte, seeds []string) []string {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "server.") })
	return append(lines, gossipLines(addr, key, seeds)...)
}

// joiner prepares a server that joins under an id, with an empty folder.
func (g *gossiping) joiner(id int, key []byte, seeds ...string) zktest.Server {
	dir := filepath.Join(g.t.TempDir(), "joiner")
	g.must(os.MkdirAll(dir, 0o755))
	g.must(os.WriteFile(filepath.Join(dir, "myid"), fmt.Appendln(nil, id), 0o644))
	lines := []string{"standaloneEnabled=false", "paddock.minFreeMB=0", "preAllocSize=4096", "paddock.peerAddr=" + zktest.FreeAddr("127.0.0.1")}
	return zktest.Prepare(g.t, zktest.Paddock, zktest.Config{Dir: dir, Admin: true, Extra: joinerLines(lines, zktest.FreeAddr("127.0.0.1"), key, seeds)})
}

// says waits until a server's log has the words.
func (g *gossiping) says(s zktest.Server, words string) {
	g.t.Helper()
	if !zktest.Within(patience, func() bool { return strings.Contains(s.Log(), words) }) {
		g.t.Errorf("a server's log does not say %q", words)
	}
}

// live begins the short session. It reads five times a second, and must never be refused.
func (g *gossiping) live() {
	g.short = newZK(g.addrs(1, 2, 3), 0)
	g.short.timeout = 3000
	g.must(g.short.connect(patience, nil))
	g.must(g.short.ensure("/short", "", znode.ModeEphemeral))
	go func() {
		defer g.short.drop()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			st, found, err := g.short.exists("/short")
			if err == nil && (!found || st.EphemeralOwner != int64(g.short.session)) {
				err = fmt.Errorf("its ephemeral node: %v, owner %x", found, st.EphemeralOwner)
			}
			if errors.Is(err, errUnknown) {
				err = g.short.connect(patience, g.stop)
			}
			if err != nil && !errors.Is(err, errStopped) {
				g.ended <- fmt.Errorf("session %v: %w", g.short.session, err)
				return
			}
			select {
			case <-g.stop:
				g.ended <- nil
				return
			case <-tick.C:
			}
		}
	}()
}

// facts are what gossip must never change: the epoch, the leader, the ensemble.
func (g *gossiping) facts() string {
	s, err := g.leader().status()
	g.must(err)
	return fmt.Sprintf("server %d leads epoch %x of\n%s", s.Leader, s.Epoch, s.Ensemble)
}

// unmoved runs something that happens to gossip: the facts stay, and writes go on.
func (g *gossiping) unmoved(l *load, what string, harm func()) {
	g.t.Helper()
	before := g.facts()
	l.gap()
	harm()
	l.progress(patience)
	if gap := l.gap(); gap > 1500*time.Millisecond {
		g.t.Logf("%s: %v without a write", what, gap)
	}
	if after := g.facts(); after != before {
		g.t.Errorf("%s changed the ensemble; before: %s\nafter: %s", what, before, after)
	}
}

// members is what `paddock members` prints after asking these.
func (g *gossiping) members(ask []*member) string {
	binary, err := zktest.PaddockBinary()
	g.must(err)
	var admin []string
	for _, m := range ask {
		admin = append(admin, m.AdminAddr())
	}
	out, _ := exec.Command(binary, "members", "--admin", strings.Join(admin, ","), "-o", "json").CombinedOutput()
	return string(out)
}

// disagrees waits until `paddock members` says so.
func (g *gossiping) disagrees(ask []*member, words ...string) {
	g.t.Helper()
	out := ""
	if !zktest.Within(patience, func() bool {
		out = g.members(ask)
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(out, w) })
	}) {
		g.t.Errorf("paddock members does not say all of %q:\n%s", words, out)
	}
}

// liar is whoever has the key, and says what it likes.
type liar struct{ *serf.Serf }

// lie says something in the name of a server; change alters what is said. Each name may be used once.
func (g *gossiping) lie(name string, id int, change func(tags map[string]string)) liar {
	g.t.Helper()
	var ring [][]byte
	for i := range g.cluster.members {
		ring = append(ring, ownKey(i+1))
	}
	keys, err := memberlist.NewKeyring(ring, gossipKey)
	g.must(err)
	host, port, _ := net.SplitHostPort(zktest.FreeAddr("127.0.0.1"))
	n, _ := strconv.Atoi(port)
	c := serf.DefaultConfig()
	c.NodeName, c.LogOutput, c.Logger = name, io.Discard, log.New(io.Discard, "", 0)
	c.EnableNameConflictResolution = false
	c.Tags = map[string]string{"i": fmt.Sprint(id), "c": g.us[0], "n": g.us[1], "p": "127.0.0.1:9", "a": "127.0.0.1:9", "m": "participant", "r": "leading", "z": "7fffffffffffffff", "v": "99"}
	change(c.Tags)
	ml := memberlist.DefaultLocalConfig()
	ml.BindAddr, ml.BindPort, ml.AdvertisePort, ml.Keyring, ml.LogOutput = host, n, n, keys, io.Discard
	ml.RetransmitMult, ml.GossipNodes, ml.GossipInterval = 10, 20, 50*time.Millisecond // a liar is loud
	c.MemberlistConfig = ml
	s, err := serf.Create(c)
	g.must(err)
	g.liars = append(g.liars, s)
	g.t.Cleanup(func() { _ = s.Shutdown() })
	if _, err := s.Join(g.seeds, true); err != nil {
		g.t.Logf("%s: %v", name, err)
	}
	return liar{s}
}

// TestEnsembleGossip: a server finds the ensemble by gossip alone, observes, and is promoted; and whatever gossip says, or if it falls silent,
// nothing that counts changes.
func TestEnsembleGossip(t *testing.T) {
	t.Parallel()
	g := startGossiping(t)
	four := g.cluster.members[3]
	l := startLoad(g.cluster, 2, 1, g.addrs(1, 2, 3)...)
	g.live()

	g.comesIn(l, four)
	g.strangers(l)
	g.promoted(l, four)
	g.forged(l)
	g.silenced(l, four)
	close(g.stop)
	if err := <-g.ended; err != nil {
		t.Error(err)
	}
	g.noQuorum()
	l.settle()
}

// comesIn: the fourth server serves clients as an observer, before anybody has configured it.
func (g *gossiping) comesIn(l *load, four *member) {
	g.unmoved(l, "a joiner", func() {
		g.must(four.Launch())
		g.must(four.WaitReady(patience))
	})
	if mode := zktest.Mode(four.Addr()); mode != "observer" {
		g.t.Errorf("the joiner is a %q", mode)
	}
	z := newZK([]string{four.Addr()}, 0)
	g.must(z.ensure("/by-the-joiner", "", znode.ModeEphemeral))
	g.must(z.close())
	g.disagrees(g.cluster.members, "gossip hears it, but it is not in the configuration")
}

// strangers do not come in, say why, and disturb nobody.
func (g *gossiping) strangers(l *load) {
	g.unmoved(l, "a joiner with the wrong key, one of another cluster, one whose id is taken", func() {
		wrong := g.joiner(5, bytes.Repeat([]byte{1}, 32), g.seeds[0])
		taken := g.joiner(2, gossipKey, g.seeds[0])
		g.must(errors.Join(wrong.Launch(), taken.Launch()))
		g.says(wrong, "is paddock.gossipKey the same there?")
		g.says(taken, "gossip has server 2 at "+g.cluster.members[1].line+" as a member of the ensemble")
		g.says(taken, "another --id")
		if g.must(wrong.Stop()); wrong.ExitCode() != 0 {
			g.t.Errorf("a joiner that is stopped while it waits ends with %d", wrong.ExitCode())
		}
		if zktest.Within(patience, func() bool { return taken.PID() == 0 }); taken.ExitCode() != 1 {
			g.t.Errorf("a joiner whose id is taken ends with %d", taken.ExitCode())
		}
		other := g.lie("elsewhere", 1, func(tags map[string]string) {
			tags["c"], tags["p"] = strings.Repeat("ab", 16), g.cluster.members[0].line
		})
		lost := g.joiner(6, gossipKey, g.seeds[1])
		g.must(lost.Launch())
		g.says(lost, "servers of two clusters")
		_ = other.Leave()
		_ = other.Shutdown()
		g.must(lost.Kill())
	})
}

// promoted: reconfig by a stock client makes the joiner a member, and then its vote counts.
func (g *gossiping) promoted(l *load, four *member) {
	conn := stock(g.t, g.addrs(1, 2, 3), 5*time.Second)
	four.voter = true
	g.must(g.reconfig(conn, patience, []string{g.serverLine(four) + ";" + four.Addr()}, nil))
	g.ensembleHas(4, true)
	zktest.Eventually(g.t, patience, "the joiner follows", func() bool { return zktest.Mode(four.Addr()) == "follower" })
	g.unmoved(l, "a death of one of four", func() { // three of four are a quorum only with the new one
		f := g.followers()[0]
		g.must(f.Kill())
		l.progress(patience)
		g.must(f.Start())
	})
}

// forged: somebody with the key says all that could do harm if it were believed.
func (g *gossiping) forged(l *load) {
	leader := g.leader()
	follower := g.followers()[0]
	g.unmoved(l, "forged gossip", func() {
		g.lie("f1", follower.id, func(map[string]string) {})                                                       // a follower leads, with all of history, elsewhere
		g.lie("f2", leader.id, func(t map[string]string) { t["r"], t["z"] = "looking", "0" })                      // the leader is lost
		g.lie("f3", 77, func(map[string]string) {})                                                                // another member, which leads
		g.lie("f4", 78, func(t map[string]string) { t["m"], t["r"], t["p"] = "joiner", "observing", leader.line }) // a joiner at the leader's address
		g.lie("f5", 79, func(t map[string]string) { t["m"], t["p"] = "joiner", strings.Repeat("x", 90)+":1" })     // an absurd address
		g.lie("f6", 80, func(t map[string]string) { t["z"], t["v"] = "zz", "\x1b[2J\n" })                          // what is no server at all
		g.lie(g.name(follower), follower.id, func(t map[string]string) { t["r"] = "leading" })                     // in the follower's own name
		dead := g.lie("f7", leader.id, func(t map[string]string) { t["p"] = leader.line })
		_ = dead.Leave() // the leader has left
		_ = dead.Shutdown()
		g.disagrees(g.cluster.members, "127.0.0.1:9 says that it leads, and it does not", fmt.Sprintf("servers gossip that they are server %d", follower.id), `"server": 77`)
		spend(time.Second)
	})
	// a member that restarts among the lies finds its place
	g.unmoved(l, "a restart among forgeries", func() { g.must(follower.Restart()) })
}

// silenced: a forger gives each server a key of its own, one after the other: gossip is partitioned first, and then nobody hears anybody.
// A joiner that restarts comes back nevertheless.
func (g *gossiping) silenced(l *load, four *member) {
	for _, l := range g.liars { // they have the key, and would answer who comes back
		_ = l.Shutdown()
	}
	_ = g.eye.Close()
	thief := g.lie("thief", 90, func(t map[string]string) { t["m"] = "joiner" })
	g.unmoved(l, "the loss of gossip", func() {
		for _, m := range g.cluster.members {
			own := ownKey(m.id)
			name := g.name(m)
			thief.tell(g.t, name, "_serf_install-key", own)
			thief.tell(g.t, name, "_serf_use-key", own)
			thief.tell(g.t, name, "_serf_remove-key", gossipKey)
			spend(100 * time.Millisecond)
		}
		_ = thief.Shutdown()
		g.must(four.Restart())
		g.says(four, "is paddock.gossipKey the same there?")
		g.disagrees([]*member{four}, "in the configuration, but gossip has not heard of it")
	})
}

// name is what Serf calls a member: three have server lines, and the fourth says itself where it is.
func (g *gossiping) name(m *member) string {
	at := m.line
	if m == g.cluster.members[3] {
		b, err := os.ReadFile(filepath.Join(m.Dir(), "zoo.cfg"))
		g.must(err)
		_, at, _ = strings.Cut(string(b), "paddock.peerAddr=")
		at, _, _ = strings.Cut(at, "\n")
	}
	return gossip.Name(zab.PeerID(m.id), at)
}

// ownKey is what a forger gives a server for a gossip key, so that it is alone.
func ownKey(id int) []byte { return bytes.Repeat([]byte{byte(id)}, 32) }

// tell has one server's Serf do something to its keys.
func (l liar) tell(t testing.TB, name, what string, key []byte) {
	t.Helper()
	payload := append([]byte{7, 0x81, 0xa3, 'K', 'e', 'y', 0xda, 0, byte(len(key))}, key...) // Serf's key request, in MessagePack
	r, err := l.Query(what, payload, &serf.QueryParam{FilterNodes: []string{name}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.ResponseCh():
	case <-time.After(5 * time.Second):
		t.Errorf("server %s does not answer to %s", name, what)
	}
}

// noQuorum: who joins while nothing can be decided waits, and comes in when it can.
func (g *gossiping) noQuorum() {
	three := g.cluster.members[:3]
	for _, m := range three {
		g.must(m.Kill())
	}
	g.must(three[0].Launch()) // with the fourth: two of four
	five := g.joiner(5, gossipKey, g.seeds...)
	g.must(five.Launch())
	g.says(five, "gossip: joined")
	g.says(five, "msg=serving")
	if err := zktest.Handshake(five.Addr(), time.Second); err == nil {
		g.t.Error("a joiner serves without a quorum")
	}
	g.must(errors.Join(three[1].Launch(), three[2].Launch()))
	g.must(five.WaitReady(patience))
	for _, m := range three {
		g.must(m.WaitReady(patience))
	}
	g.moved(five)
}

// moved: a joiner that nobody has promoted comes back at other addresses, and is found.
func (g *gossiping) moved(five zktest.Server) {
	g.must(five.Kill())
	file := filepath.Join(five.Dir(), "zoo.cfg")
	text, err := os.ReadFile(file)
	g.must(err)
	var lines []string
	for line := range strings.Lines(string(text)) {
		if key, _, _ := strings.Cut(line, "="); key == "paddock.peerAddr" || key == "paddock.gossipAddr" {
			line = key + "=" + zktest.FreeAddr("127.0.0.1") + "\n"
		}
		lines = append(lines, line)
	}
	g.must(os.WriteFile(file, []byte(strings.Join(lines, "")), 0o644))
	g.must(five.Start())
	if mode := zktest.Mode(five.Addr()); mode != "observer" {
		g.t.Errorf("the joiner that has moved is a %q", mode)
	}
}
