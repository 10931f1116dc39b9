package clients

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// TestC runs the multi-threaded C client, which reads the handshake in a fixed layout and has its own idea of everything.
func TestC(t *testing.T) {
	zktest.Require(t, "libzookeeper")
	binary := filepath.Join(t.TempDir(), "cclient")
	build := exec.Command("gcc", "-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-DTHREADED", "-I/usr/include/zookeeper",
		"-o", binary, "c/main.c", "c/harness.c", "c/survive.c", "-lzookeeper_mt", "-lpthread")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		runProgram(t, kind, func(connect string) *exec.Cmd { return exec.Command(binary, connect) })
	})
}
