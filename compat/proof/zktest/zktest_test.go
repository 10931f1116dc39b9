package zktest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A server goes through all that can be done to it, and serves again each time on the same address.
func TestLifeOfAServer(t *testing.T) {
	Each(t, func(t *testing.T, kind Kind) {
		server := Start(t, kind, Config{Admin: true, Extra: []string{"tickTime=400"}})
		if mode := Mode(server.Addr()); mode != "standalone" {
			t.Errorf("mode %q", mode)
		}
		cfg, err := os.ReadFile(filepath.Join(server.Dir(), "zoo.cfg"))
		if err != nil || strings.Count(string(cfg), "tickTime=") != 1 || !strings.Contains(string(cfg), "tickTime=400\n") {
			t.Errorf("an Extra line must replace the default (%v):\n%s", err, cfg)
		}
		must(t, server.Pause())
		if err := Handshake(server.Addr(), 200*time.Millisecond); err == nil {
			t.Error("a paused server completed a handshake")
		}
		must(t, server.Continue())
		must(t, server.WaitReady(Patience))
		must(t, server.Kill())
		if server.PID() != 0 || Handshake(server.Addr(), time.Second) == nil {
			t.Error("it lives after kill -9")
		}
		must(t, server.Start())
		must(t, server.Restart())
		must(t, server.Stop())
		if server.Log() == "" {
			t.Error("no log")
		}
	})
}

func TestEnsembleElectsALeader(t *testing.T) {
	Each(t, func(t *testing.T, kind Kind) {
		ensemble := StartEnsemble(t, kind, 3, Config{})
		Eventually(t, Patience, "one leader and two followers", func() bool {
			return ensemble.Leader() != nil && len(ensemble.Followers()) == 2
		})
		old := ensemble.Leader()
		must(t, old.Kill())
		Eventually(t, Patience, "another leader", func() bool {
			leader := ensemble.Leader()
			return leader != nil && leader != old
		})
		must(t, old.Start())
	})
}

func TestServerThatCannotStartSaysWhy(t *testing.T) {
	Require(t, "zookeeper")
	p := prepare(t, ZooKeeper, Config{Extra: []string{"tickTime=-5x"}}, newPorts(""), nil)
	err := p.Start()
	if err == nil || !strings.Contains(err.Error(), "tickTime") && !strings.Contains(err.Error(), "5x") {
		t.Fatalf("the error must hold the server's own words, got: %v", err)
	}
	if p.ExitCode() <= 0 {
		t.Errorf("exit code %d", p.ExitCode())
	}
}

func TestMissingPeer(t *testing.T) {
	if find("no-such-program-anywhere") == nil {
		t.Fatal("found a program that does not exist")
	}
	t.Setenv("CI", "")
	t.Setenv("PADDOCK_LEFT_OUT", t.TempDir())
	skipped := t.Run("user", func(t *testing.T) {
		Require(t, "no-such-program-anywhere")
		t.Error("went on")
	})
	if !skipped {
		t.Error("a missing peer must skip the test for a user")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
