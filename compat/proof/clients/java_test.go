package clients

import (
	"os/exec"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// TestJava runs the Java client of the version that Paddock is compared with over its whole API.
func TestJava(t *testing.T) {
	path := javaClasses(t, "java/*.java")
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		runProgram(t, kind, func(connect string) *exec.Cmd { return java(path, "Main", connect) })
	})
}

// TestCurator runs Curator's recipes.
func TestCurator(t *testing.T) {
	path := javaClasses(t, "curator/*.java", "java/Harness.java")
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		runProgram(t, kind, func(connect string) *exec.Cmd { return java(path, "CuratorMain", connect) })
	})
}
