package clients

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/paseto"
)

// TestTokenReadByPython: kazoo's Lock, one getData, and storage in Go that believes the signature alone.
func TestTokenReadByPython(t *testing.T) {
	zktest.Require(t, "kazoo")
	folder, err := zktest.FindKazoo()
	if err != nil {
		t.Fatal(err)
	}
	readByProgram(t, func(connect string) *exec.Cmd {
		cmd := exec.Command("python3", "python/grant.py", connect)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+folder, "PYTHONDONTWRITEBYTECODE=1")
		return cmd
	})
}

// TestTokenReadByJava: the same with Curator's InterProcessMutex.
func TestTokenReadByJava(t *testing.T) {
	path := javaClasses(t, "curator/GrantMain.java", "java/Harness.java")
	readByProgram(t, func(connect string) *exec.Cmd { return java(path, "GrantMain", connect) })
}

// readByProgram runs a program that holds /locks/report and says "TOKEN czxid node token"; the token must open the guarded storage while it holds, and
// must be refused once a newer holder has sealed.
func readByProgram(t *testing.T, program func(connect string) *exec.Cmd) {
	server := zktest.StartPaddock(t, zktest.Config{})
	cmd := program(server.Addr())
	in, lines := speak(t, cmd)
	words := hear(t, lines, "TOKEN")
	czxid, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	conn := gozk(t, server.Addr())
	guard := guardOf(t, conn, "/locks/report")
	marks := &fencing.Memory{}
	if err := guard.Enrol(t.Context(), marks, fencing.Token{}); err != nil {
		t.Fatal(err)
	}
	token, err := guard.SealText(t.Context(), marks, words[3])
	if err != nil {
		t.Fatal(err)
	}
	if token.Fence != czxid || token.Mode != fencing.Exclusive || token.Audit.Path+"/"+token.Audit.Node != words[2] {
		t.Errorf("the token says %+v, the program %v", token, words)
	}
	if _, err := guard.CheckText(t.Context(), marks, words[3]); err != nil {
		t.Error(err)
	}
	if text, _, err := conn.Get("/zookeeper/token" + words[2]); !errors.Is(err, zk.ErrNoAuth) {
		t.Errorf("another session reads %q, %v", text, err)
	}
	_, _ = io.WriteString(in, "\n")
	hear(t, lines, "DONE")
	lock := zk.NewLock(conn, "/locks/report", zk.WorldACL(zk.PermAll))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	names, _, err := conn.Children("/locks/report")
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	newer, _, err := conn.Get("/zookeeper/token/locks/report/" + names[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := guard.SealText(t.Context(), marks, string(newer)); err != nil {
		t.Error(err)
	}
	if _, err := guard.CheckText(t.Context(), marks, words[3]); !errors.Is(err, fencing.ErrStaleToken) {
		t.Errorf("the program's token after a newer grant: %v", err)
	}
}

// speak starts a program that talks line by line.
func speak(t testing.TB, cmd *exec.Cmd) (io.Writer, *bufio.Scanner) {
	t.Helper()
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(programWithin, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		watchdog.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return in, bufio.NewScanner(out)
}

// hear waits for the line that begins with a word.
func hear(t testing.TB, lines *bufio.Scanner, word string) []string {
	t.Helper()
	var chatter []string
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) > 0 && words[0] == word {
			return words
		}
		chatter = append(chatter, lines.Text())
	}
	t.Fatalf("the program ended without %s:\n%s", word, strings.Join(chatter, "\n"))
	return nil
}

func gozk(t testing.TB, addr string) *zk.Conn {
	t.Helper()
	conn, events, err := zk.Connect([]string{addr}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	go func() {
		for range events {
		}
	}()
	return conn
}

// guardOf protects something with a lock of that ensemble: what a storage author configures, once.
func guardOf(t testing.TB, conn *zk.Conn, path string) *fencing.Guard {
	t.Helper()
	doc, _, err1 := conn.Get("/zookeeper/keys")
	text, _, err2 := conn.Get("/zookeeper/lineage")
	var keys paseto.KeySet
	if err := errors.Join(err1, err2, json.Unmarshal(doc, &keys)); err != nil {
		t.Fatal(err)
	}
	lineage, err1 := fencing.ParseLineage(text)
	verifier, err2 := paseto.NewVerifier(paseto.Config{Cluster: lineage.Cluster, Keys: keys})
	scope, err3 := fencing.ScopeOf(lineage.Cluster, path)
	guard, err4 := fencing.NewGuard(fencing.Policy{Lineage: lineage, Scope: scope, Verifier: verifier})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return guard
}
