package clients

import (
	"os"
	"os/exec"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// TestKazoo runs kazoo's client API and all its recipes.
func TestKazoo(t *testing.T) {
	zktest.Require(t, "kazoo")
	folder, err := zktest.FindKazoo()
	if err != nil {
		t.Fatal(err)
	}
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		runProgram(t, kind, func(connect string) *exec.Cmd {
			cmd := exec.Command("python3", "python/main.py", connect)
			cmd.Env = append(os.Environ(), "PYTHONPATH="+folder, "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1")
			return cmd
		})
	})
}
