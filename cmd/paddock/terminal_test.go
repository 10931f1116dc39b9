package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// terminal is a program on a pseudo-terminal.
type terminal struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	mu   sync.Mutex
	seen bytes.Buffer
	from int // what expect has passed
}

func startTerminal(t *testing.T, settings []string, args ...string) *terminal {
	t.Helper()
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), append(settings, "TERM=xterm", "XDG_CONFIG_HOME="+t.TempDir())...)
	return startOnTerminal(t, cmd)
}

func startOnTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, tty: tty, cmd: cmd}
	go func() {
		for b := make([]byte, 4096); ; {
			n, err := tty.Read(b)
			x.mu.Lock()
			x.seen.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { cmd.Process.Kill(); tty.Close() })
	return x
}

func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen.String()[x.from:]
}

// expect waits until the text is shown behind what was expected before.
func (x *terminal) expect(text string) {
	x.t.Helper()
	if !zktest.Within(zktest.Patience, func() bool { return strings.Contains(x.text(), text) }) {
		x.t.Fatalf("the terminal never showed %q; it shows:\n%q", text, x.text())
	}
	at := strings.Index(x.text(), text)
	x.mu.Lock()
	x.from += at + len(text)
	x.mu.Unlock()
}

func (x *terminal) send(keys string) {
	x.t.Helper()
	if _, err := x.tty.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// ends waits for the exit and gives its code.
func (x *terminal) ends() int {
	x.t.Helper()
	done := make(chan struct{})
	go func() { x.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(zktest.Patience):
		x.t.Fatalf("it does not end; the terminal shows:\n%q", x.text())
	}
	return x.cmd.ProcessState.ExitCode()
}

// TestShellTerminal works in the shell as a person does: completion of verbs and paths, history, confirmation, Ctrl-C, Ctrl-D.
func TestShellTerminal(t *testing.T) {
	s := zktest.StartPaddock(t, zktest.Config{})
	x := startTerminal(t, []string{"PADDOCK_SERVER=" + s.Addr()}, "shell")
	x.expect("0] ")
	x.send("create /alpha one\r")
	x.expect("/alpha\r\n")
	x.expect("1] ")
	x.send("getA\t/al\t\r") // getAcl, /alpha
	x.expect("world:anyone:cdrwa")
	x.expect("2] ")
	x.send("ls /\r")
	x.expect("[alpha, zookeeper]")
	x.send("get -w /alpha\r")
	x.expect("one")
	x.send("set /alpha two\r")
	x.expect("type:NodeDataChanged path:/alpha")
	x.send("\x1b[A\r") // the line before, again
	x.expect("set /alpha two")
	x.expect("6] ")
	x.send("stat -s\r")
	x.expect("not defined: -s") // an error, and the shell goes on
	x.send("deleteall /alpha\r")
	x.expect("delete /alpha, which has no nodes below it? [y/N] ")
	x.send("n\r")
	x.expect("nothing was changed")
	x.send("deleteall /alpha\r")
	x.expect("[y/N] ")
	x.send("y\r")
	x.expect("deleted 1 nodes")
	x.send("watch /\r")
	x.expect("watching /")
	x.send("\x03") // Ctrl-C ends the watch, not the shell
	x.expect("] ")
	x.send("history\r")
	x.expect("0 - create /alpha one")
	x.send("close\r")
	x.expect("[paddock closed")
	x.send("\x04")
	if code := x.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestShellHistoryAfterHangup: the lines of a shell whose terminal is gone are there in the next one, but for those with credentials.
func TestShellHistoryAfterHangup(t *testing.T) {
	s := zktest.StartPaddock(t, zktest.Config{})
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	config := t.TempDir()
	cmd := exec.Command(binary, "-s", s.Addr(), "shell")
	cmd.Env = append(os.Environ(), "TERM=xterm", "XDG_CONFIG_HOME="+config)
	x := startOnTerminal(t, cmd)
	x.expect("0] ")
	x.send("create /kept one\r")
	x.expect("1] ")
	x.send("addauth digest me:secret\r")
	x.expect("2] ")
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code := x.ends(); code != 129 {
		t.Errorf("exit code %d, want 129", code)
	}
	b, err := os.ReadFile(filepath.Join(config, "paddock", "history"))
	if err != nil || string(b) != "create /kept one\n" {
		t.Errorf("the history is %q, %v", b, err)
	}
}

// TestTopTerminal: top redraws until Ctrl-C.
func TestTopTerminal(t *testing.T) {
	s := zktest.StartPaddock(t, zktest.Config{Admin: true})
	x := startTerminal(t, []string{"PADDOCK_SERVER=" + s.Addr(), "PADDOCK_ADMIN=" + s.AdminAddr()}, "top", "--interval", "150ms")
	for range 3 {
		x.expect("\x1b[2J")
		x.expect("standalone")
		x.expect("COMMITS/s")
	}
	x.send("\x03")
	if code := x.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestConfirmTerminal: a person is asked before a recursive delete.
func TestConfirmTerminal(t *testing.T) {
	s := zktest.StartPaddock(t, zktest.Config{})
	settings := []string{"PADDOCK_SERVER=" + s.Addr()}
	if code := startTerminal(t, settings, "create", "-p", "/a/b/c").ends(); code != 0 {
		t.Fatalf("create: exit code %d", code)
	}
	x := startTerminal(t, settings, "deleteall", "/a")
	x.expect("delete /a and the 2 nodes below it? [y/N] ")
	x.send("\r")
	x.expect("nothing was changed")
	if code := x.ends(); code != 1 {
		t.Errorf("refused: exit code %d", code)
	}
	x = startTerminal(t, settings, "deleteall", "/a")
	x.expect("[y/N] ")
	x.send("yes\r")
	x.expect("deleted 3 nodes")
	if code := x.ends(); code != 0 {
		t.Errorf("confirmed: exit code %d", code)
	}
}

// TestBashCompletion presses Tab in a real bash.
func TestBashCompletion(t *testing.T) {
	zktest.Require(t, "bash")
	s := zktest.StartPaddock(t, zktest.Config{})
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(binary, filepath.Join(dir, "paddock")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "--norc", "--noprofile", "-i")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "PADDOCK_SERVER="+s.Addr(), "TERM=dumb", "PS1=> ", "HOME="+dir, "XDG_CONFIG_HOME="+t.TempDir())
	x := startOnTerminal(t, cmd)
	x.send("source <(paddock completion bash); echo re''ady\r")
	x.expect("ready\r\n")
	x.send("paddock transf\t")
	x.expect("transfer-leader ")
	x.send("\x15paddock get /zookeeper/co\t\r")
	x.expect("/zookeeper/config")
	x.send("paddock subtree exp\t")
	x.expect("export ")
	x.send("\x15paddock context add prod --server " + s.Addr() + "\r")
	x.expect("is kept")
	x.send("paddock --context pr\t status\r")
	x.expect("prod ")
	x.expect("standalone")
	// names of znodes are anybody's text: the shell must not run what stands in them
	x.send(`paddock create '/evil$(touch ran)x'; echo do''ne` + "\r")
	x.expect("done\r\n")
	x.send("paddock get /evi\t")
	x.expect(`\$\(touch\ ran\)x`)
	x.send("\x15exit\r")
	x.ends()
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("the name of a znode was run as a command")
	}
}
