package ensemble

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/paseto"
	"github.com/paddock-zk/paddock/znode"
)

// held is a lock that a session of some ensemble holds, and the storage that believes that ensemble.
type held struct {
	lineage fencing.Lineage
	token   string
	guard   *fencing.Guard
	marks   *fencing.Memory
}

// hold takes the lock /lock at a server, and seals storage with its token.
func hold(t *testing.T, s zktest.Server) (g held) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	z := newZK([]string{s.Addr()}, 0)
	must(z.connect(patience, nil))
	must(z.ensure("/lock", "", znode.ModePersistent))
	node, _, err := z.create("/lock/lock-", "", znode.ModeEphemeralSequential)
	must(err)
	g.token, _, err = z.get("/zookeeper/token" + node)
	must(err)
	text, _, err := z.get("/zookeeper/lineage")
	must(err)
	g.lineage, err = fencing.ParseLineage([]byte(text))
	must(err)
	doc, _, err := z.get("/zookeeper/keys")
	must(err)
	must(z.close())
	var keys paseto.KeySet
	must(json.Unmarshal([]byte(doc), &keys))
	verifier, err := paseto.NewVerifier(paseto.Config{Cluster: g.lineage.Cluster, Keys: keys})
	must(err)
	scope, err := fencing.ScopeOf(g.lineage.Cluster, "/lock")
	must(err)
	g.guard, err = fencing.NewGuard(fencing.Policy{Lineage: g.lineage, Scope: scope, Verifier: verifier})
	must(err)
	g.marks = &fencing.Memory{}
	must(g.guard.Enrol(t.Context(), g.marks, fencing.Token{}))
	_, err = g.guard.SealText(t.Context(), g.marks, g.token)
	must(err)
	return g
}

// apart holds that two ensembles are two: the storage of each takes its own token, and refuses that of the other.
func apart(t *testing.T, one, other held) {
	t.Helper()
	if one.lineage == other.lineage {
		t.Errorf("both are %v", one.lineage)
	}
	for _, g := range [][2]held{{one, other}, {other, one}} {
		if _, err := g[0].guard.CheckText(t.Context(), g[0].marks, g[0].token); err != nil {
			t.Errorf("its own token: %v", err)
		}
		_, err := g[0].guard.CheckText(t.Context(), g[0].marks, g[1].token)
		if !errors.Is(err, fencing.ErrUnknownLineage) && !errors.Is(err, fencing.ErrUnverified) {
			t.Errorf("the token of the other ensemble: %v", err)
		}
		if _, err := g[0].guard.SealText(t.Context(), g[0].marks, g[1].token); err == nil {
			t.Error("the token of the other ensemble seals")
		}
	}
}

// Two restores of one backup are two ensembles, and so is the one that the backup is of: their locks are granted apart from then on.
func TestTwoCopiesOfOneBackup(t *testing.T) {
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	paddock := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	source := zktest.StartPaddock(t, zktest.Config{Admin: true})
	first := hold(t, source)
	image := filepath.Join(t.TempDir(), "backup.img")
	paddock("snapshot", "save", "--admin", "unix:"+filepath.Join(source.Dir(), "admin", "socket"), image)
	copies := []held{first}
	for range 2 {
		dir := filepath.Join(t.TempDir(), "restored")
		paddock("snapshot", "restore", "--data-dir", dir, "--id", "1", "--nothing-newer", image)
		copies = append(copies, hold(t, zktest.StartPaddock(t, zktest.Config{Extra: []string{"dataDir=" + dir}})))
	}
	apart(t, copies[0], copies[1])
	apart(t, copies[0], copies[2])
	apart(t, copies[1], copies[2])
}

// Two environments whose server lines are equal, letter by letter, are two ensembles.
func TestTwoEnvironmentsWithEqualLines(t *testing.T) {
	f := found(t, 3, plain)
	f.start(1, 2, 3)
	staging := hold(t, f.servers[0])
	f.stop(1, 2, 3)
	f.empty(1, 2, 3)
	f.start(1, 2, 3)
	apart(t, staging, hold(t, f.servers[0]))
}
