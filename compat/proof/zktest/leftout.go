package zktest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
)

// leftOut writes down that something was not run: in a file of this process, in a folder that all test processes of one `go test` share.
func leftOut(what, how string) {
	dir := os.Getenv("PADDOCK_LEFT_OUT") // who has set it prints the summary
	if dir == "" {
		var err error
		if dir, err = terminalDir(); err != nil {
			return // there is no terminal: the test's own line under -v says it all the same
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(os.Getpid())), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = fmt.Fprintf(f, "%s (%s)\n", what, how)
}

// memoized, never changed: one test process has one parent
var terminalDir = sync.OnceValues(makeTerminalDir)

// makeTerminalDir makes a folder named by the `go test` that started this process, and starts what prints the summary of it on the terminal when that
// ends. The first of the test processes does it for all.
func makeTerminalDir() (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	defer tty.Close()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("paddock-left-out-%d-%d", os.Getuid(), os.Getppid()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		if os.IsExist(err) {
			return dir, nil
		}
		return "", err
	}
	return dir, summarizeLater(tty, dir)
}

// summary waits until the process $1 has ended and prints one line of what was written down in the folder $2.
const summary = `trap 'rm -rf "$2"' EXIT HUP INT TERM
while kill -0 "$1" 2>/dev/null; do sleep 0.2; done
line=$(cat "$2"/* 2>/dev/null | sort | uniq -c | awk '
	{ n = $1; sub(/^ *[0-9]+ /, ""); line = line sep $0 " (" n "×)"; sep = "; " }
	END { print line }')
rm -rf "$2"
if [ -n "$line" ]; then echo "left out: $line"; fi`

// summarizeLater starts the shell that prints the summary. It has none of this process's files, since `go test` waits until its output is closed.
func summarizeLater(tty *os.File, dir string) error {
	shell := exec.Command("sh", "-c", summary, "sh", strconv.Itoa(os.Getppid()), dir)
	shell.Stdout = tty
	if err := shell.Start(); err != nil {
		return err
	}
	return shell.Process.Release()
}
