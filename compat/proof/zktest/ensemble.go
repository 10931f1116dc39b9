package zktest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Ensemble is N servers that replicate each other, all on this machine, with ids 1 to N.
type Ensemble struct {
	Servers []Server // Servers[i] has id i+1
}

// StartEnsemble starts n servers of one kind and returns when all of them serve. Config.Dir, if given, is the parent of the folders "1" … "n".
func StartEnsemble(t testing.TB, kind Kind, n int, config Config) *Ensemble {
	t.Helper()
	parent := config.Dir
	if parent == "" {
		parent = scratch(t)
	}
	all := make([]ports, n)
	membership := []string{"standaloneEnabled=false"}
	for i := range all {
		all[i] = newPorts(config.Host)
		membership = append(membership, fmt.Sprintf("server.%d=%s:%s:%s", i+1, host(all[i].quorum), port(all[i].quorum), port(all[i].election)))
	}
	ensemble := &Ensemble{}
	for i := range n {
		own := config
		own.Dir = filepath.Join(parent, fmt.Sprint(i+1))
		p := prepare(t, kind, own, all[i], membership)
		if err := os.WriteFile(filepath.Join(p.dir, "myid"), fmt.Appendf(nil, "%d\n", i+1), 0o644); err != nil {
			t.Fatal(err)
		}
		ensemble.Servers = append(ensemble.Servers, p)
	}
	for _, server := range ensemble.Servers {
		if err := server.Launch(); err != nil {
			t.Fatal(err)
		}
	}
	for _, server := range ensemble.Servers {
		if err := server.WaitReady(startWithin); err != nil {
			t.Fatal(err)
		}
	}
	return ensemble
}

// Connect is the connect string of all servers.
func (e *Ensemble) Connect() string { return strings.Join(e.Addrs(), ",") }

// Addrs are the client addresses, in the order of the ids.
func (e *Ensemble) Addrs() []string {
	addrs := make([]string, len(e.Servers))
	for i, server := range e.Servers {
		addrs[i] = server.Addr()
	}
	return addrs
}

// Leader is the server that says it leads, nil if none does at this moment.
func (e *Ensemble) Leader() Server {
	for _, server := range e.Servers {
		if server.PID() != 0 && Mode(server.Addr()) == "leader" {
			return server
		}
	}
	return nil
}

// Followers are the servers that say they follow.
func (e *Ensemble) Followers() []Server {
	var followers []Server
	for _, server := range e.Servers {
		if server.PID() != 0 && Mode(server.Addr()) == "follower" {
			followers = append(followers, server)
		}
	}
	return followers
}
