package zktest

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// leftOutSelf says to this test binary that it is the child of the tests below.
const leftOutSelf = "PADDOCK_TEST_LEFT_OUT_SELF"

// TestLeftOutSelf is only run as a child of the tests below, where it leaves something out.
func TestLeftOutSelf(t *testing.T) {
	if os.Getenv(leftOutSelf) == "" {
		t.Skip("It runs only as a process of the other tests.")
	}
	t.Run("first", func(t *testing.T) { LeftOut(t, "the longer example", "go test -example") })
	t.Run("second", func(t *testing.T) { LeftOut(t, "the longer example", "go test -example") })
	t.Run("peer", func(t *testing.T) { Require(t, "a-program-that-nobody-has") })
}

// child is a command that runs TestLeftOutSelf below a process of its own, as `go test` does, and shows nothing of what it prints. It ends when
// its input ends, as the shell of a terminal does: until then the terminal is there for what is printed later.
func child(ctx context.Context, env ...string) *exec.Cmd {
	const script = `sh -c '"$0" -test.run="^TestLeftOutSelf$" >/dev/null 2>&1; exit $?' "$0" || echo "the child failed"; read line; exit 0`
	command := exec.CommandContext(ctx, "sh", "-c", script, os.Args[0])
	command.Env = append(os.Environ(), "CI=", leftOutSelf+"=1")
	command.Env = append(command.Env, env...)
	return command
}

// What was left out is one line on the terminal behind the end of `go test`, though `go test` shows nothing that a passing test prints.
func TestLeftOutIsToldOnTheTerminal(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	command := child(ctx, "PADDOCK_LEFT_OUT=")
	terminal, err := pty.Start(command)
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(terminal).ReadString('\n')
	terminal.Close()
	_ = command.Wait() // the hangup of its terminal ends it
	want := "left out: tests that need a-program-that-nobody-has (.ci/peers.sh installs it) (1×); the longer example (go test -example) (2×)"
	if strings.TrimSpace(line) != want {
		t.Errorf("the terminal shows (%v)\n%q, want\n%q", err, line, want)
	}
}

// Where somebody else sums up, as .ci/run does, what was left out is written down for him.
func TestLeftOutIsWrittenDown(t *testing.T) {
	dir := t.TempDir()
	command := child(t.Context(), "PADDOCK_LEFT_OUT="+dir)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("the child: %v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v (%v), want one of the one process", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || bytes.Count(text, []byte("the longer example (go test -example)\n")) != 2 {
		t.Errorf("written down (%v):\n%s", err, text)
	}
}
