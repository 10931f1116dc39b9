package node

import (
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/gossip"
	"github.com/paddock-zk/paddock/zab/lineage"
)

func heard(id zab.PeerID, addr, member string, alive bool) gossip.Member {
	return gossip.Member{Self: gossip.Self{ID: id, Lineage: lineage.Lineage{Cluster: lineage.ID{1}, Incarnation: lineage.ID{2}}, PeerAddr: addr, Member: member}, Alive: alive}
}

// What a joiner makes of what it hears.
func TestHeardEnsemble(t *testing.T) {
	foreign := heard(3, "c:1", "participant", true)
	foreign.Cluster = [16]byte{9}
	unnamed := heard(5, "e:1", "joiner", true)
	unnamed.Cluster = [16]byte{}
	one, two := heard(1, "a:1", "participant", true), heard(2, "b:1", "participant", false)
	for _, c := range []struct {
		name  string
		heard []gossip.Member
		known bool
		want  string // of the ensemble, or of the error
		taken bool
	}{
		{name: "nobody", want: "no voting member"},
		{name: "a dead member is one", heard: []gossip.Member{one, two}, want: "server.1=a:1:1:participant\nserver.2=b:1:1:participant\nversion=0"},
		{name: "no voter lives", heard: []gossip.Member{two, heard(3, "c:1", "observer", true)}, want: "no voting member"},
		{name: "joiners are no members", heard: []gossip.Member{one, heard(3, "c:1", "joiner", true), unnamed}, want: "server.1=a:1:1:participant\nversion=0"},
		{name: "what is no part is nothing", heard: []gossip.Member{one, heard(3, "c:1", "leader", true)}, want: "server.1=a:1:1:participant\nversion=0"},
		{name: "two claim one id", heard: []gossip.Member{one, heard(1, "x:1", "participant", true)}, want: "server.1=a:1:1|x:1:1:participant\nversion=0"},
		{name: "two clusters", heard: []gossip.Member{one, foreign}, want: "two clusters"},
		{name: "its id is a member's", heard: []gossip.Member{one, heard(4, "d:1", "participant", true)}, want: "as a member", taken: true},
		{name: "its id is a dead member's", heard: []gossip.Member{one, heard(4, "mine:1", "participant", false)}, want: "as a member", taken: true},
		{name: "its id is another joiner's", heard: []gossip.Member{one, heard(4, "d:1", "joiner", true)}, want: "has it", taken: true},
		{name: "its id is a dead joiner's", heard: []gossip.Member{one, heard(4, "d:1", "joiner", false)}, want: "server.1=a:1:1:participant\nversion=0"},
		{name: "it hears itself", heard: []gossip.Member{one, heard(4, "mine:1", "joiner", true)}, want: "server.1=a:1:1:participant\nversion=0"},
		{name: "it comes back with its data", known: true, heard: []gossip.Member{one, heard(4, "d:1", "participant", true)}, want: "server.1=a:1:1:participant\nversion=0"},
	} {
		n := &node{self: 4, cfg: &Config{Paddock: own{PeerAddr: "mine:1"}}, logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
		var known *folder.Identity
		if c.known {
			known = &folder.Identity{}
		}
		e, _, err := n.heardEnsemble(known, c.heard)
		got := e.String()
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) || errors.Is(err, errTaken) != c.taken {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A port alone is on the host where the others reach this server.
func TestGossipBind(t *testing.T) {
	for _, c := range [][3]string{{":7946", "a:2888", "a:7946"}, {":7946", "[::1]:2888", "[::1]:7946"}, {"b:7946", "a:2888", "b:7946"}, {"0.0.0.0:7946", "a:2888", "0.0.0.0:7946"}, {":7946", ":2888", ":7946"}} {
		if got, err := gossipBind(c[0], c[1]); got != c[2] || err != nil {
			t.Errorf("%s of %s: %q, %v; want %q", c[0], c[1], got, err, c[2])
		}
	}
	if got, err := gossipBind("7946", "a:2888"); err == nil {
		t.Errorf("7946: %q", got)
	}
}

// Members look for each other where their server lines say, on the port that they have themselves.
func TestGossipHosts(t *testing.T) {
	e, err := zab.ParseEnsemble("server.1=a:2888:3888\nserver.2=b:2888:3888|[::1]:2888:3888\nserver.3=a:2889:3889")
	if err != nil {
		t.Fatal(err)
	}
	if got := gossipHosts(e, 1, "0.0.0.0:7946"); !slices.Equal(got, []string{"b:7946", "[::1]:7946"}) {
		t.Errorf("%q", got)
	}
	if got := gossipHosts(zab.Ensemble{}, 4, "d:7946"); got != nil {
		t.Errorf("%q", got)
	}
}
