package cluster

import (
	"strings"
	"testing"
)

// server.0 has a number like any other, a server whose number is not known has none, and one that the ensemble does not have says so.
func TestCellsOfServers(t *testing.T) {
	zero := 0
	for want, r := range map[string]row{
		"a:2181 (0) follower":            {Server: "a:2181", ID: &zero, Role: "follower", State: serving},
		"a:2181 leader":                  {Server: "a:2181", Role: "leader", State: serving},
		"a:2181 (0) observer, no member": {Server: "a:2181", ID: &zero, Role: "observer", State: serving, Outside: true},
	} {
		if got := strings.Join(r.cells()[:2], " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
