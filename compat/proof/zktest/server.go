package zktest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Kind says which server to start.
type Kind string

// The kinds of server that tests compare.
const (
	ZooKeeper Kind = "zookeeper" // Apache ZooKeeper 3.9.5, the authority
	Paddock   Kind = "paddock"   // the binary of this repository
)

// Config is how a server is started. The zero value is a standalone server in a fresh folder.
type Config struct {
	Dir    string   // where its data and its zoo.cfg live; "" is a fresh temporary folder. An existing folder is taken up as it is
	Extra  []string // further zoo.cfg lines, "key=value"; they replace the harness's own lines with the same key
	Heap   string   // the JVM's -Xmx, "256m" by default; ZooKeeper only
	JVM    []string // further JVM flags; ZooKeeper only. Prefer Extra: ZooKeeper turns unknown keys into zookeeper.* properties
	Env    []string // further environment variables, "NAME=value"
	Prefix []string // a command to start the server with, e.g. {"ip", "netns", "exec", "zk1"}; it must exec, so that the PID is the server's
	Host   string   // the address it is reached at, "127.0.0.1" by default
	Admin  bool     // start the AdminServer, on a free port
}

// Server is one server process, of whichever kind.
type Server interface {
	Kind() Kind
	Addr() string      // host:port for clients
	AdminAddr() string // host:port of the AdminServer, "" without Config.Admin
	Dir() string       // its folder: zoo.cfg, myid, version-2 or Paddock's own, server.log
	PID() int          // 0 while it does not run

	Stop() error     // SIGTERM, and wait for the exit
	Kill() error     // kill -9, and wait for the exit
	Pause() error    // SIGSTOP
	Continue() error // SIGCONT
	Launch() error   // start the process again, without waiting until it serves
	Start() error    // Launch and WaitReady
	Restart() error  // Stop if it runs, and Start: the same folder, the same ports
	WaitReady(within time.Duration) error

	Log() string   // all that it has printed since it was first started
	ExitCode() int // of the last run; −1 while it runs or if a signal ended it
}

// Start starts a server and returns when it serves. It is stopped when the test ends.
func Start(t testing.TB, kind Kind, config Config) Server {
	t.Helper()
	p := prepare(t, kind, config, newPorts(config.Host), nil)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// Prepare writes a server's folder but starts nothing: for servers that must not serve at once. See [Server.Launch].
func Prepare(t testing.TB, kind Kind, config Config) Server {
	t.Helper()
	return prepare(t, kind, config, newPorts(config.Host), nil)
}

// StartZooKeeper starts the real ZooKeeper; see [Start].
func StartZooKeeper(t testing.TB, config Config) Server {
	t.Helper()
	return Start(t, ZooKeeper, config)
}

// StartPaddock starts this repository's server; see [Start].
func StartPaddock(t testing.TB, config Config) Server {
	t.Helper()
	return Start(t, Paddock, config)
}

// Each runs the test once for each kind of server, as subtests "zookeeper" and "paddock".
func Each(t *testing.T, test func(t *testing.T, kind Kind)) {
	t.Helper()
	kinds := []Kind{ZooKeeper, Paddock}
	if chosen := os.Getenv("PADDOCK_TEST_SERVERS"); chosen != "" {
		kinds = nil
		for _, kind := range strings.Split(chosen, ",") {
			kinds = append(kinds, Kind(strings.TrimSpace(kind)))
		}
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) { test(t, kind) })
	}
}

const (
	startWithin = 60 * time.Second // a JVM on a busy machine
	exitWithin  = 30 * time.Second
)

type process struct {
	kind   Kind
	config Config
	dir    string
	ports  ports
	argv   []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd's exit has been collected
	code   int
}

func (p *process) Kind() Kind   { return p.kind }
func (p *process) Addr() string { return p.ports.client }
func (p *process) Dir() string  { return p.dir }

func (p *process) AdminAddr() string {
	if !p.config.Admin {
		return ""
	}
	return p.ports.admin
}

func (p *process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.runs() {
		return 0
	}
	return p.cmd.Process.Pid
}

// runs needs p.mu.
func (p *process) runs() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *process) ExitCode() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || p.runs() {
		return -1
	}
	return p.code
}

// Launch starts the process. Its output is appended to server.log.
func (p *process) Launch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs() {
		return fmt.Errorf("zktest: %s in %s runs already, with pid %d", p.kind, p.dir, p.cmd.Process.Pid)
	}
	output, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer output.Close()
	argv := append(append([]string(nil), p.config.Prefix...), p.argv...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), p.config.Env...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("zktest: starting %s: %w", strings.Join(argv, " "), err)
	}
	exited := make(chan struct{})
	p.cmd, p.exited = cmd, exited
	go func() {
		_ = cmd.Wait()
		p.mu.Lock()
		p.code = cmd.ProcessState.ExitCode()
		p.mu.Unlock()
		close(exited)
	}()
	return nil
}

func (p *process) Start() error {
	if err := p.Launch(); err != nil {
		return err
	}
	return p.WaitReady(startWithin)
}

func (p *process) Restart() error {
	if p.PID() != 0 {
		if err := p.Stop(); err != nil {
			return err
		}
	}
	return p.Start()
}

// WaitReady waits until a client's handshake completes, or the process is gone.
func (p *process) WaitReady(within time.Duration) error {
	p.mu.Lock()
	exited := p.exited
	p.mu.Unlock()
	if exited == nil {
		return fmt.Errorf("zktest: %s was never launched", p.kind)
	}
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		if last = Handshake(p.Addr(), time.Second); last == nil {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("zktest: %s exited with code %d before it served; its log ends:\n%s", p.kind, p.ExitCode(), tail(p.Log(), 4000))
		case <-deadline.C:
			return fmt.Errorf("zktest: %s does not serve at %s after %v (%w); its log ends:\n%s", p.kind, p.Addr(), within, last, tail(p.Log(), 4000))
		case <-tick.C:
		}
	}
}

func (p *process) Stop() error     { return p.end(syscall.SIGTERM) }
func (p *process) Kill() error     { return p.end(syscall.SIGKILL) }
func (p *process) Continue() error { return p.signal(syscall.SIGCONT) }

// Pause returns when no thread runs any more: the signal alone leaves a busy process time for another answer.
func (p *process) Pause() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		err := unix.Waitid(unix.P_PID, p.PID(), nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (p *process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.runs() {
		return fmt.Errorf("zktest: %s does not run, so it cannot get %v", p.kind, sig)
	}
	return p.cmd.Process.Signal(sig)
}

func (p *process) end(sig syscall.Signal) error {
	if err := p.signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	p.mu.Lock()
	exited := p.exited
	p.mu.Unlock()
	timer := time.NewTimer(exitWithin)
	defer timer.Stop()
	select {
	case <-exited:
		return nil
	case <-timer.C:
		return fmt.Errorf("zktest: %s still runs %v after %v; its log ends:\n%s", p.kind, exitWithin, sig, tail(p.Log(), 4000))
	}
}

func (p *process) logPath() string { return filepath.Join(p.dir, "server.log") }

func (p *process) Log() string {
	text, err := os.ReadFile(p.logPath())
	if err != nil {
		return err.Error()
	}
	return string(bytes.ToValidUTF8(text, []byte("?")))
}

// cleanup is the end of a test: nothing it started is left.
func (p *process) cleanup(t testing.TB) {
	if p.PID() != 0 {
		_ = p.Continue() // a paused process takes no SIGTERM
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	}
	for _, cry := range []string{"WARNING: DATA RACE", "\npanic: ", "\nfatal error: "} {
		if log := p.Log(); p.kind == Paddock && strings.Contains(log, cry) {
			at := strings.Index(log, cry)
			t.Errorf("the server's log has %q:\n%s", strings.TrimSpace(cry), log[at:min(len(log), at+6000)])
		}
	}
	if t.Failed() {
		t.Logf("the log of %s at %s ends:\n%s", p.kind, p.Addr(), tail(p.Log(), 3000))
	}
}

func tail(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return "..." + text[len(text)-limit:]
}
