package crash

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// A new member whose ensemble is not there yet waits for it, however long: with nothing to write it must not try to write. (It once
// stopped after its first look at the database, with an error about timestamp zero.)
func TestANewMemberWaitsForItsEnsemble(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "myid"), []byte("1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		config := zktest.Config{Dir: dir}
		for _, id := range []string{"1", "2", "3"} {
			quorum, election := zktest.FreeAddr("127.0.0.1"), zktest.FreeAddr("127.0.0.1")
			config.Extra = append(config.Extra, "server."+id+"="+quorum+election[len("127.0.0.1"):])
		}
		server := zktest.Prepare(t, kind, config)
		if err := server.Launch(); err != nil {
			t.Fatal(err)
		}
		if zktest.Within(4*time.Second, func() bool { return server.PID() == 0 }) {
			t.Fatalf("it gave up with code %d:\n%s", server.ExitCode(), server.Log())
		}
	})
}
