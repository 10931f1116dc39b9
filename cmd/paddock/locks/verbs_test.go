package locks

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/paseto"
)

// program is a process of the program.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(binary, args...)
}

// runProgram gives what a command printed and its exit code.
func runProgram(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := program(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestLockVerb(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		zktest.Require(t, string(kind))
		lockVerb(t, zktest.Start(t, kind, zktest.Config{}).Addr(), kind == zktest.Paddock)
	})
}

func lockVerb(t *testing.T, server string, signs bool) {
	if !signs { // a stock ZooKeeper does not know its lineage
		t.Setenv("PADDOCK_CLUSTER", "00000000-0000-0000-0000-000000000001")
		t.Setenv("PADDOCK_INCARNATION", "00000000-0000-0000-0000-000000000002")
	}
	t.Setenv("PADDOCK_FENCE", "outer")
	run := func(args ...string) (string, string, int) {
		t.Helper()
		return runProgram(t, append([]string{"lock", "--server", server, "--session-timeout", "4s"}, args...)...)
	}
	out, errs, code := run("/locks/env", "--timeout", "5s", "--", "sh", "-c", `echo "$PADDOCK_TOKEN $PADDOCK_FENCE $PADDOCK_LOCK_PATH"; exit 7`)
	words := strings.Fields(out)
	if code != 7 || len(words) != 3 || words[2] != "/locks/env" {
		t.Fatalf("%q %q %d", out, errs, code)
	}
	if tok, _, err := tokenRead(words[0]); err != nil || words[1] == "" || tok.Fence <= 0 {
		t.Fatalf("token %q: %v", words[0], err)
	}
	if signs {
		out, errs, code := runProgram(t, "token", "verify", "--server", server, "--path", "/locks/env", words[0])
		if code != 0 || !strings.Contains(out, "verified") {
			t.Errorf("verify against the live server: %q %q %d", out, errs, code)
		}
		if _, errs, code := runProgram(t, "token", "verify", "--server", server, "--path", "/locks/other", words[0]); code != 1 {
			t.Errorf("another lock: %q %d", errs, code)
		}
	}
	for _, c := range []struct {
		what string
		args []string
		want int
		says string
	}{
		{"a command that is not there", []string{"/locks/x", "--", "/no/such/command"}, 127, "no such file"},
		{"a command that cannot run", []string{"/locks/x", "--", "/etc/passwd"}, 126, "permission denied"},
		{"a command ended by a signal", []string{"/locks/x", "--", "sh", "-c", "kill -9 $$"}, 137, ""},
		{"no command", []string{"/locks/x"}, 2, "no command"},
		{"no path", nil, 2, "give the path"},
		{"an unknown flag", []string{"/locks/x", "--frob", "--", "true"}, 2, "not known"},
		{"a bad path", []string{"locks", "--", "true"}, 2, "absolute"},
		{"slots", []string{"/locks/slots", "--slots", "2", "--", "sh", "-c", `test "$PADDOCK_LOCK_PATH" = /locks/slots/slots/slot-0`}, 0, ""},
		{"readers get no fence, also not that of an outer lock", []string{"/locks/rw", "--rw=read", "--", "sh", "-c", `test -n "$PADDOCK_TOKEN" -a "${PADDOCK_FENCE-none}" = none`}, 0, ""},
		{"writers do", []string{"/locks/rw", "--rw=write", "--", "sh", "-c", `test "$PADDOCK_FENCE" -gt 0`}, 0, ""},
		{"a negative timeout", []string{"/locks/x", "--timeout", "-5s", "--", "true"}, 2, "negative"},
		{"no session timeout", []string{"/locks/x", "--session-timeout", "0s", "--", "true"}, 2, "positive"},
		{"a wrong mode", []string{"/locks/rw", "--rw=both", "--", "true"}, 2, "read or write"},
	} {
		if out, errs, code := run(c.args...); code != c.want || !strings.Contains(errs, c.says) {
			t.Errorf("%s: exit %d (want %d), said %q %q", c.what, code, c.want, out, errs)
		}
	}
	if _, errs, code := runProgram(t, "lock", "--server", "127.0.0.1:1", "--connect-timeout", "1500ms", "/locks/x", "--", "true"); code != 69 {
		t.Errorf("no server: exit %d, %s", code, errs)
	}
	lockIsExclusive(t, server, run)
}

// lockIsExclusive: a second one waits in vain; and a holder that was stopped too long loses its command.
func lockIsExclusive(t *testing.T, server string, run func(...string) (string, string, int)) {
	mark := filepath.Join(t.TempDir(), "held")
	holder := program(t, "lock", "--server", server, "--session-timeout", "4s", "--grace", "500ms", "/locks/excl", "--", "sh", "-c", "trap '' TERM; touch "+mark+"; while :; do sleep 1; done")
	var errs bytes.Buffer
	holder.Stderr = &errs
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Process.Kill() }()
	zktest.Eventually(t, zktest.Patience, "the holder runs its command", func() bool { _, err := os.Stat(mark); return err == nil })
	for _, how := range []string{"--timeout=500ms", "--try"} {
		if _, errs, code := run("/locks/excl", how, "--", "true"); code != 75 {
			t.Errorf("%s beside a holder: exit %d, %s", how, code, errs)
		}
	}
	lockWaitEndsBySignal(t, server)
	if err := holder.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := run("/locks/excl", "--timeout", "20s", "--", "true"); code != 0 {
		t.Errorf("after the holder was stopped: exit %d, %s", code, errs)
	}
	if err := holder.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	if code := holder.ProcessState.ExitCode(); code != 76 || !strings.Contains(errs.String(), "was lost") {
		t.Errorf("the stopped holder: exit %d, %s", code, errs.String())
	}
}

// lockWaitEndsBySignal: whoever is told to end while it waits does so at once, with the code of the signal, and leaves nothing in the queue.
func lockWaitEndsBySignal(t *testing.T, server string) {
	conn, _, err := zk.Connect([]string{server}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	queue := func() int { names, _, _ := conn.Children("/locks/excl"); return len(names) }
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		waiter := program(t, "lock", "--server", server, "--session-timeout", "30s", "/locks/excl", "--", "true")
		var errs bytes.Buffer
		waiter.Stderr = &errs
		if err := waiter.Start(); err != nil {
			t.Fatal(err)
		}
		zktest.Eventually(t, zktest.Patience, "the waiter queues", func() bool { return queue() == 2 })
		if err := waiter.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = waiter.Wait()
		if code := waiter.ProcessState.ExitCode(); code != 128+int(sig) || !strings.Contains(errs.String(), "while waiting") {
			t.Errorf("%v while waiting: exit %d, %s", sig, code, errs.String())
		}
		zktest.Eventually(t, zktest.Patience, "its node goes", func() bool { return queue() == 1 })
	}
}

func TestTokenVerb(t *testing.T) {
	l := fencing.Lineage{Cluster: fencing.ID{1}, Incarnation: fencing.ID{2}}
	tok, err := fencing.FromCzxid(l, "/locks/job", fencing.Exclusive, 0x500000007)
	if err != nil {
		t.Fatal(err)
	}
	key, root := ed25519.NewKeyFromSeed(make([]byte, 32)), ed25519.NewKeyFromSeed(append(make([]byte, 31), 1))
	s, err := paseto.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(tok, paseto.Issue{})
	if err != nil {
		t.Fatal(err)
	}
	set := paseto.KeySet{Cluster: l.Cluster, Serial: 1, Keys: []paseto.Key{s.Key(time.Time{})}}
	bySet, err := paseto.SignKeySet(root, set)
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := set.Document(bySet)
	keys := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(keys, doc, 0o644); err != nil {
		t.Fatal(err)
	}
	rootText := base64.RawURLEncoding.EncodeToString(root.Public().(ed25519.PublicKey))
	other := base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	for _, c := range []struct {
		args []string
		want int
		says string
	}{
		{[]string{"inspect", tok.String()}, 0, "21474836487 (0x500000007)"},
		{[]string{"inspect", signed}, 0, "not verified"},
		{[]string{"inspect", "--json", signed}, 0, `"fence":"21474836487"`},
		{[]string{"show", signed}, 0, signed},
		{[]string{"show", "42"}, 1, "bare number"},
		{[]string{"show"}, 2, "none given"},
		{[]string{"verify", "--keys", keys, "--root", rootText, "--path", "/locks/job", signed}, 0, "verified"},
		{[]string{"verify", "--keys", keys, signed}, 0, "no pinned root"},
		{[]string{"verify", signed}, 2, "--keys FILE or --server"},
		{[]string{"verify", "--server", "127.0.0.1:1", "--connect-timeout", "500ms", signed}, 69, "no server"},
		{[]string{"verify", "--keys", keys, "--root", other, signed}, 1, "pinned root"},
		{[]string{"verify", "--keys", keys, "--root", rootText, "--path", "/locks/other", signed}, 1, "scope"},
		{[]string{"verify", "--keys", keys, "--root", rootText, tok.String()}, 1, "not verified"},
		{[]string{"verify", "--keys", keys, "--root", "x", signed}, 2, "--root"},
	} {
		out, errs, code := runProgram(t, append([]string{"token"}, c.args...)...)
		if code != c.want || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: exit %d (want %d), said %q %q", c.args, code, c.want, out, errs)
		}
	}
}
