package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// updateScripts writes the output as it is now into the scripts of testdata/cli. Read the difference before you keep it.
func updateScripts() *bool {
	f := flag.Lookup("update-cli")
	if f == nil {
		return flag.Bool("update-cli", false, "write golden output into testdata/cli")
	}
	v := f.Value.(flag.Getter).Get().(bool)
	return &v
}

// TestMain declares the flag before the flags are read.
func TestMain(m *testing.M) {
	updateScripts()
	os.Exit(m.Run())
}

// runScripts runs the scripts of a folder of testdata/cli with the built binary. settings are environment variables, NAME=value.
func runScripts(t *testing.T, folder string, settings ...string) {
	t.Helper()
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("..", "..", "testdata", "cli", folder),
		UpdateScripts: *updateScripts(),
		Setup: func(e *testscript.Env) error {
			link := filepath.Join(e.WorkDir, "bin")
			if err := os.MkdirAll(link, 0o755); err != nil {
				return err
			}
			if err := os.Symlink(binary, filepath.Join(link, "paddock")); err != nil {
				return err
			}
			e.Setenv("PATH", link+":"+os.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
			e.Setenv("TMPDIR", e.WorkDir)
			for _, name := range []string{"CLIENT", "ADMIN", "NOBODY"} { // for a server that the script starts itself, and for none
				e.Setenv(name, zktest.FreeAddr("127.0.0.1"))
			}
			for _, s := range settings {
				name, value, _ := strings.Cut(s, "=")
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": scriptCode, "golden": scriptGolden, "background": scriptBackground, "eventually": scriptEventually},
	})
}

// scriptCode is `code N program args...`: the program must end with exit code N.
func scriptCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// scriptGolden is `golden FILE`: the last standard output, with what differs from run to run replaced, is the file.
func scriptGolden(ts *testscript.TestScript, _ bool, args []string) {
	got := scriptPlain(ts, ts.ReadFile("stdout"))
	want := ts.ReadFile(args[0])
	if got == want {
		return
	}
	ts.Fatalf("standard output is not %s:\n--- want\n%s--- got\n%s", args[0], want, got)
}

// scriptPlain replaces addresses, zxids, session ids and times.
func scriptPlain(ts *testscript.TestScript, s string) string {
	for _, name := range []string{"PADDOCK_SERVER", "PADDOCK_ADMIN"} {
		for i, a := range strings.Split(ts.Getenv(name), ",") {
			if a != "" {
				s = strings.ReplaceAll(s, a, "$"+strings.TrimPrefix(name, "PADDOCK_")+strconv.Itoa(i+1))
			}
		}
	}
	for _, r := range [][2]string{{`0x[1-9a-f][0-9a-f]*`, "0x#"}, {`\d{4}-\d\d-\d\dT[0-9:.]+Z`, "TIME"}} {
		s = regexp.MustCompile(r[0]).ReplaceAllString(s, r[1])
	}
	return s
}

// scriptBackground is `background FILE text...`: it waits until the file has the text, for programs started with &.
func scriptBackground(ts *testscript.TestScript, _ bool, args []string) {
	want := strings.Join(args[1:], " ")
	if !zktest.Within(zktest.Patience, func() bool {
		b, _ := os.ReadFile(ts.MkAbs(args[0]))
		return strings.Contains(string(b), want)
	}) {
		ts.Fatalf("%s never had %q", args[0], want)
	}
}

// scriptEventually is `eventually program args...`: again and again until it succeeds.
func scriptEventually(ts *testscript.TestScript, _ bool, args []string) {
	if !zktest.Within(zktest.Patience, func() bool { return ts.Exec(args[0], args[1:]...) == nil }) {
		ts.Fatalf("never succeeded: %s", strings.Join(args, " "))
	}
}

// TestDataScripts plays the data verbs against Paddock and against the real ZooKeeper: the same scripts, the same output.
func TestDataScripts(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		zktest.Require(t, string(kind))
		s := zktest.Start(t, kind, zktest.Config{Extra: []string{"extendedTypesEnabled=true", "4lw.commands.whitelist=*"}})
		runScripts(t, "data", "PADDOCK_SERVER="+s.Addr(), "PADDOCK_TIMEOUT=20s")
	})
}

// TestServerScripts plays the cluster verbs against one Paddock.
func TestServerScripts(t *testing.T) {
	s := zktest.StartPaddock(t, zktest.Config{Admin: true, Extra: []string{"4lw.commands.whitelist=*"}})
	runScripts(t, "server", "PADDOCK_SERVER="+s.Addr(), "PADDOCK_ADMIN="+s.AdminAddr(), "NOBODY="+zktest.FreeAddr("127.0.0.1"))
}

// TestStockServerScripts plays what of the cluster verbs works with the real ZooKeeper.
func TestStockServerScripts(t *testing.T) {
	zktest.Require(t, "zookeeper")
	s := zktest.StartZooKeeper(t, zktest.Config{Admin: true, Extra: []string{"4lw.commands.whitelist=*"}})
	runScripts(t, "stock", "PADDOCK_SERVER="+s.Addr(), "PADDOCK_ADMIN="+s.AdminAddr())
}

// TestEnsembleScripts plays the cluster verbs against three servers.
func TestEnsembleScripts(t *testing.T) {
	e := zktest.StartEnsemble(t, zktest.Paddock, 3, zktest.Config{Admin: true, Extra: []string{"4lw.commands.whitelist=*"}})
	var clients, admins []string
	for _, s := range e.Servers {
		clients, admins = append(clients, s.Addr()), append(admins, s.AdminAddr())
	}
	runScripts(t, "ensemble", "PADDOCK_SERVER="+strings.Join(clients, ","), "PADDOCK_ADMIN="+strings.Join(admins, ","), "ONE="+clients[0], "ONE_ADMIN="+admins[0])
}

// TestOfflineScripts plays the verbs that work on files; the scripts start and stop servers of their own.
func TestOfflineScripts(t *testing.T) {
	runScripts(t, "offline")
}
