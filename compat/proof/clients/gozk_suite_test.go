package clients

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// zkServer stands in for ZooKeeper's start script, which go-zookeeper's tests call as `zkServer.sh start-foreground zoo.cfg` with
// the JVM's properties in SERVER_JVMFLAGS.
const zkServer = `#!/bin/sh
%s
`

const startZooKeeper = `exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlogback.configurationFile=%q $SERVER_JVMFLAGS -cp %q org.apache.zookeeper.server.quorum.QuorumPeerMain "$2"`

// Paddock takes from zoo.cfg what ZooKeeper takes from properties.
const startPaddock = `for flag in $SERVER_JVMFLAGS; do printf '%%s\n' "${flag#-Dzookeeper.}" >>"$2"; done
exec %q serve --config "$2"`

// TestGoZKOwnSuite runs go-zookeeper's own tests, as they are in the module cache, against both servers. Each of its tests starts
// the servers it needs, many of them ensembles of three.
func TestGoZKOwnSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("starts dozens of servers")
	}
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		if kind == zktest.ZooKeeper && os.Getenv("PADDOCK_SLOW") != "1" {
			zktest.LeftOut(t, "go-zookeeper's own suite against ZooKeeper", "PADDOCK_SLOW=1 go test ./compat/proof/clients")
		}
		zktest.Require(t, string(kind))
		suite := copySuite(t)
		command := exec.Command("go", "test", "-v", "-count=1", "-vet=off", "-timeout=8m", ".")
		command.Dir = suite
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "ZK_VERSION="+zktest.ZooKeeperVersion, "ZOOKEEPER_BIN_PATH="+startScript(t, kind))
		out, err := command.CombinedOutput()
		reportGoTest(t, out)
		if err != nil && !t.Failed() {
			t.Errorf("%v; the output ends:\n%s", err, ending(out))
		}
	})
}

// copySuite copies the module out of the cache, whose files are read-only.
func copySuite(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/go-zookeeper/zk").Output()
	if err != nil {
		t.Fatalf("go list -m go-zookeeper/zk: %v", err)
	}
	module := strings.TrimSpace(string(out))
	if module == "" {
		t.Fatal("go-zookeeper/zk is not in the module cache: go mod download github.com/go-zookeeper/zk")
	}
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(module, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if ext := filepath.Ext(file); ext != ".go" && ext != ".mod" && ext != ".sum" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) == "server_help_test.go" {
			text = patched(t, text)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// patched makes the suite's own check of a server's health work: it parses the date in srvr's first line as ZooKeeper 3.4 wrote it, and
// would find no later server healthy. Asking each server whether it is in charge of anything does as well.
func patched(t *testing.T, text []byte) []byte {
	t.Helper()
	const before, after = "_, ok := FLWSrvr(serverAddrs, time.Second)", "ok := healthy(serverAddrs)"
	if bytes.Count(text, []byte(before)) != 1 {
		t.Fatal("go-zookeeper's server_help_test.go is not the one this test knows")
	}
	text = bytes.Replace(text, []byte(before), []byte(after), 1)
	return append(text, `
func healthy(servers []string) bool {
	for _, server := range servers {
		said, err := fourLetterWord(server, "srvr", time.Second)
		if err != nil || !strings.Contains(string(said), "Mode: ") {
			return false
		}
	}
	return true
}
`...)
}

// startScript writes the stand-in and returns its folder.
func startScript(t *testing.T, kind zktest.Kind) string {
	t.Helper()
	dir := t.TempDir()
	var body string
	if kind == zktest.Paddock {
		binary, err := zktest.PaddockBinary()
		if err != nil {
			t.Fatal(err)
		}
		body = fmt.Sprintf(startPaddock, binary)
	} else {
		jars, err := zktest.FindZooKeeper()
		if err != nil {
			t.Fatal(err)
		}
		quiet := filepath.Join(dir, "logback.xml")
		if err := os.WriteFile(quiet, []byte(`<configuration><root level="OFF"/></configuration>`), 0o644); err != nil {
			t.Fatal(err)
		}
		body = fmt.Sprintf(startZooKeeper, quiet, filepath.Join(jars, "*"))
	}
	if err := os.WriteFile(filepath.Join(dir, "zkServer.sh"), fmt.Appendf(nil, zkServer, body), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// reportGoTest turns the verdicts of `go test -v` into subtests.
func reportGoTest(t *testing.T, out []byte) {
	t.Helper()
	var since bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		verdict, rest, found := strings.Cut(strings.TrimPrefix(line, "--- "), ": ")
		if !strings.HasPrefix(line, "--- ") || !found {
			since.WriteString(line + "\n")
			continue
		}
		name, _, _ := strings.Cut(rest, " ")
		said := ending(since.Bytes())
		since.Reset()
		t.Run(name, func(t *testing.T) {
			switch verdict {
			case "FAIL":
				t.Error(said)
			case "SKIP":
				t.Skip(said)
			}
		})
	}
}

func ending(out []byte) string {
	const limit = 3000
	if len(out) > limit {
		out = out[len(out)-limit:]
	}
	return string(out)
}
