package zktest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// prepare writes the server's folder and settles its command line; nothing runs yet.
func prepare(t testing.TB, kind Kind, config Config, own ports, membership []string) *process {
	t.Helper()
	Require(t, string(kind))
	dir := config.Dir
	if dir == "" {
		dir = scratch(t)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{kind: kind, config: config, dir: dir, ports: own, code: -1}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := filepath.Join(dir, "zoo.cfg")
	if err := os.WriteFile(cfg, []byte(zooCfg(p, membership)), 0o644); err != nil {
		t.Fatal(err)
	}
	if kind == ZooKeeper {
		p.argv, err = zooKeeperCommand(config, dir, cfg)
	} else {
		p.argv, err = paddockCommand(cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cleanup(t) })
	return p
}

// scratch is a folder for one server; PADDOCK_KEEP=1 keeps it.
func scratch(t testing.TB) string {
	if os.Getenv("PADDOCK_KEEP") != "1" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("", "paddock-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("kept: %s", dir)
	return dir
}

// zooCfg renders the configuration: the harness's defaults, each replaced by a line of Extra with the same key.
func zooCfg(p *process, membership []string) string {
	lines := []string{
		"dataDir=" + p.dir,
		"clientPort=" + port(p.ports.client),
		"clientPortAddress=" + host(p.ports.client),
		"tickTime=500",
		"initLimit=20",
		"syncLimit=10",
		"maxClientCnxns=0",
		"4lw.commands.whitelist=*",
		"admin.enableServer=false",
	}
	if p.config.Admin {
		lines = append(lines[:len(lines)-1], "admin.enableServer=true",
			"admin.serverAddress="+host(p.ports.admin), "admin.serverPort="+port(p.ports.admin))
	}
	lines = append(lines, membership...)
	replaced := make(map[string]bool, len(p.config.Extra))
	for _, line := range p.config.Extra {
		key, _, _ := strings.Cut(line, "=")
		replaced[strings.TrimSpace(key)] = true
	}
	var out strings.Builder
	for _, line := range lines {
		if key, _, _ := strings.Cut(line, "="); !replaced[key] {
			out.WriteString(line + "\n")
		}
	}
	for _, line := range p.config.Extra {
		out.WriteString(line + "\n")
	}
	return out.String()
}

const logback = `<configuration><appender name="OUT" class="ch.qos.logback.core.ConsoleAppender"><encoder>
<pattern>%d{HH:mm:ss.SSS} %-5p [%t:%C{1}] %m%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="OUT"/></root></configuration>
`

func zooKeeperCommand(config Config, dir, cfg string) ([]string, error) {
	jars, err := FindZooKeeper()
	if err != nil {
		return nil, err
	}
	logging := filepath.Join(dir, "logback.xml")
	if err := os.WriteFile(logging, []byte(logback), 0o644); err != nil {
		return nil, err
	}
	heap := config.Heap
	if heap == "" {
		heap = "256m"
	}
	// the serial collector and the first compiler only: a JVM that starts fast and leaves the machine to the test
	argv := []string{"java", "-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dlogback.configurationFile=" + logging, "-Djava.awt.headless=true", "-Dzookeeper.jmx.log4j.disable=true"}
	argv = append(argv, config.JVM...)
	return append(argv, "-cp", filepath.Join(jars, "*"), "org.apache.zookeeper.server.quorum.QuorumPeerMain", cfg), nil
}

func paddockCommand(cfg string) ([]string, error) {
	binary, err := PaddockBinary()
	if err != nil {
		return nil, err
	}
	return []string{binary, "serve", "--config", cfg}, nil
}
