package cluster

import (
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
)

// Where gossip and the configuration disagree, `paddock members` says it.
func TestMembersDisagree(t *testing.T) {
	says := func(peer, role string, alive bool) adminapi.GossipStatus {
		return adminapi.GossipStatus{Server: 1, Peer: peer, Client: "h:2181", Role: role, Alive: alive}
	}
	for _, c := range []struct {
		name  string
		heard []adminapi.GossipStatus
		want  []string
	}{
		{"all is well", []adminapi.GossipStatus{says("10.0.0.1:2888", "following", true), says("10.0.0.1:2888", "following", true)}, nil},
		{"on the election port", []adminapi.GossipStatus{says("10.0.0.1:3888", "following", true)}, nil},
		{"by name", []adminapi.GossipStatus{says("a.example:2888", "following", true)}, nil},
		{"heard by one", []adminapi.GossipStatus{says("10.0.0.1:2888", "following", false), says("10.0.0.1:2888", "following", true)}, nil},
		{"heard by none", []adminapi.GossipStatus{says("10.0.0.1:2888", "following", false)}, []string{"does not hear it"}},
		{"it moved", []adminapi.GossipStatus{says("10.0.0.9:2888", "following", false), says("10.0.0.1:2888", "following", true)}, nil},
		{"elsewhere", []adminapi.GossipStatus{says("10.0.0.9:2888", "following", true)}, []string{"peer address"}},
		{"a second one that leads", []adminapi.GossipStatus{says("10.0.0.1:2888", "following", true), says("10.0.0.9:2888", "leading", true)},
			[]string{"gossip 10.0.0.9:2888", "10.0.0.9:2888 says that it leads", "2 servers gossip that they are server 1"}},
	} {
		var list []adminapi.GossipStatus
		for _, g := range c.heard {
			list = heard(list, g)
		}
		m := member{ID: 1, Peer: "10.0.0.1:2888:3888", Client: "0.0.0.0:2181"}
		m.hear(list, map[int]string{2: "leads", 1: "stream"})
		if len(m.Problems) != len(c.want) {
			t.Errorf("%s: %q", c.name, m.Problems)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(m.Problems[i], want) {
				t.Errorf("%s: %q, want %q", c.name, m.Problems, c.want)
			}
		}
	}
}
