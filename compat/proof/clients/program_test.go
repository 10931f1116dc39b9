package clients

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// programWithin is the time that one program has for all its checks.
const programWithin = 15 * time.Minute

// serverConfig is what the suites expect of a server; doc.go tells.
func serverConfig() zktest.Config {
	return zktest.Config{
		Extra: []string{
			"extendedTypesEnabled=true",
			"maxSessionTimeout=60000",
			"DigestAuthenticationProvider.superDigest=super:lK75jTNcA+U9vtVEw5vB51mj/w4=",
			"znode.container.checkIntervalMs=500",
		},
		// the one setting that ZooKeeper reads as a property without its prefix
		JVM: []string{"-Dznode.container.checkIntervalMs=500"},
	}
}

// script is what a program said.
type script struct {
	done    bool
	chatter []string
	checks  []check
}

type check struct {
	name   string
	reason string // "" if it passed
}

// runProgram starts a server, runs the program against it, and reports each check as a subtest.
func runProgram(t *testing.T, kind zktest.Kind, program func(connect string) *exec.Cmd) {
	t.Helper()
	server := zktest.Start(t, kind, serverConfig())
	cmd := program(server.Addr())
	said := converse(t, server, cmd)
	for _, c := range said.checks {
		t.Run(c.name, func(t *testing.T) {
			if c.reason != "" {
				t.Error(c.reason)
			}
		})
	}
	if !said.done {
		t.Errorf("the program ended without DONE: %v", cmd.ProcessState)
	}
	if len(said.checks) == 0 {
		t.Error("the program made no checks")
	}
	if t.Failed() {
		t.Logf("the program said:\n%s", strings.Join(said.chatter, "\n"))
	}
}

// converse runs the program to its end and does what it asks for.
func converse(t *testing.T, server zktest.Server, cmd *exec.Cmd) *script {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	watchdog := time.AfterFunc(programWithin, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	said := &script{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		said.line(t, lines.Text(), server, in)
	}
	return said
}

func (s *script) line(t *testing.T, line string, server zktest.Server, in io.Writer) {
	t.Helper()
	word, rest, _ := strings.Cut(strings.TrimRight(line, "\r"), " ")
	switch word {
	case "ok":
		s.checks = append(s.checks, check{name: rest})
	case "FAIL":
		name, reason, _ := strings.Cut(rest, " ")
		if reason == "" {
			reason = "no reason given"
		}
		s.checks = append(s.checks, check{name, reason})
	case "DONE":
		s.done = true
	case "RESTART", "KILL":
		s.restart(t, word, server)
		_, _ = io.WriteString(in, "ready\n")
	default:
		s.chatter = append(s.chatter, line)
	}
}

func (s *script) restart(t *testing.T, word string, server zktest.Server) {
	t.Helper()
	end := server.Stop
	if word == "KILL" {
		end = server.Kill
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if err := server.Start(); err != nil {
		t.Error(err)
	}
}

// javaClasses compiles the sources that the patterns match and returns the class path to run them with.
func javaClasses(t testing.TB, patterns ...string) string {
	t.Helper()
	zktest.Require(t, "javac", "curator")
	jars, err := zktest.FindCurator()
	if err != nil {
		t.Fatal(err)
	}
	classes := t.TempDir()
	path := classes + ":" + filepath.Join(jars, "*")
	var sources []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no sources match %s: %v", pattern, err)
		}
		sources = append(sources, found...)
	}
	args := append([]string{"-nowarn", "-d", classes, "-cp", path}, sources...)
	if out, err := exec.Command("javac", args...).CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	return path
}

// java runs a compiled program.
func java(path string, args ...string) *exec.Cmd {
	flags := []string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dslf4j.internal.verbosity=ERROR", "-cp", path}
	cmd := exec.Command("java", append(flags, args...)...)
	cmd.Env = os.Environ()
	return cmd
}
