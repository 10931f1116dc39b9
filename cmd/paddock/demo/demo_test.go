package demo

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/compat/proof/zktest/pgtest"
)

// TestDemoFencing plays the demonstration with the account in a file, against the real ZooKeeper and against Paddock.
func TestDemoFencing(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		zktest.Require(t, string(kind))
		plays(t, demonstration{server: zktest.Start(t, kind, zktest.Config{}).Addr()})
	})
}

// TestDemoFencingInPostgres keeps the account in a real PostgreSQL, and leaves nothing there.
func TestDemoFencingInPostgres(t *testing.T) {
	dsn := pgtest.Start(t)
	plays(t, demonstration{server: zktest.StartPaddock(t, zktest.Config{}).Addr(), postgres: dsn})
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var left int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'paddock%'`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d schemas are left: %v", left, err)
	}
}

// TestDemoFencingStartsItsServer is the whole verb as a person runs it.
func TestDemoFencingStartsItsServer(t *testing.T) {
	dir := t.TempDir()
	cmd := program(t)("demo", "fencing")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkTimeline(t, string(out))
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDemoFencingUsage(t *testing.T) {
	cmd := program(t)("demo", "fencing", "--server", "127.0.0.1:1", "--postgres", "port=x")
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "--postgres") {
		t.Errorf("a wrong DSN: %v %s", cmd.ProcessState, out)
	}
}

// program starts processes of the built program: the test's own binary has no such verbs.
func program(t *testing.T) func(args ...string) *exec.Cmd {
	t.Helper()
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	return func(args ...string) *exec.Cmd { return exec.Command(binary, args...) }
}

func plays(t *testing.T, stage demonstration) {
	t.Helper()
	var out bytes.Buffer
	stage.out, stage.dir, stage.spawn = &out, t.TempDir(), program(t)
	if err := stage.play(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	checkTimeline(t, out.String())
}

func checkTimeline(t *testing.T, out string) {
	t.Helper()
	for _, want := range []string{"SIGSTOP", "REFUSED", "stale token", "=> The account is 70", "=> The account is 120"} {
		if !strings.Contains(out, want) {
			t.Errorf("the timeline lacks %q:\n%s", want, out)
		}
	}
	t.Log("\n" + out)
}
