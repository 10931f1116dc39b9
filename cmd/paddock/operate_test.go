package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// operation plays docs/operate.md on one machine: each host of it is a folder, and each of its ports a free one.
type operation struct {
	t     *testing.T
	dir   string
	ports map[string]string // "a 2281" → free port
}

// newOperation begins to play a page; text is what it says.
func newOperation(t *testing.T, page string) (o *operation, text string) {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts ensembles")
	}
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	o = &operation{t: t, dir: t.TempDir(), ports: map[string]string{}}
	o.prepare(binary)
	t.Cleanup(func() {
		for _, h := range []string{"a", "b", "c", "d"} {
			_ = o.command(h, "systemctl stop paddock").Run()
		}
	})
	return o, string(b)
}

// TestOperate runs every command of docs/operate.md in its order.
func TestOperate(t *testing.T) {
	o, text := newOperation(t, "../../docs/operate.md")
	boxes := 0
	for _, m := range regexp.MustCompile("(?ms)^```(\\w+) ?([^\\n]*)\\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		boxes++
		switch m[1] {
		case "ini":
			o.file(strings.Fields(m[2]), m[3])
		case "sh":
			hosts := strings.Fields(m[2])
			if len(hosts) == 0 {
				hosts = []string{""}
			}
			for _, h := range hosts {
				for line := range strings.Lines(m[3]) {
					o.run(h, strings.TrimSpace(line))
				}
			}
		default:
			t.Fatalf("docs/operate.md: a box of %q: sh or ini", m[1])
		}
	}
	if boxes < 30 {
		t.Errorf("only %d boxes were found", boxes)
	}
}

// prepare makes the hosts' folders and a systemctl that does what the unit says.
func (o *operation) prepare(binary string) {
	for _, h := range []string{"bin", "installed", "me", "a/etc", "a/backup", "b/etc", "c/etc", "d/etc"} {
		o.must(os.MkdirAll(filepath.Join(o.dir, h), 0o755))
	}
	o.must(os.Symlink(binary, filepath.Join(o.dir, "bin", "paddock")))
	o.must(os.WriteFile(filepath.Join(o.dir, "bin", "systemctl"), []byte(`#!/bin/bash
case $1 in
start) nohup paddock serve --config "$ETC/zoo.cfg" >> "$ETC/../log" 2>&1 & echo $! > "$ETC/../pid" ;;
stop) [ -e "$ETC/../pid" ] || exit 0; kill "$(cat "$ETC/../pid")"; tail --pid="$(cat "$ETC/../pid")" -f /dev/null; rm "$ETC/../pid" ;;
esac
`), 0o755))
}

// at rewrites hosts, ports and folders of the page into those of this machine.
func (o *operation) at(host, text string) string {
	text = regexp.MustCompile(`\b([abcd])\.example((?::\d+)+)`).ReplaceAllStringFunc(text, func(s string) string {
		parts := strings.Split(s, ":")
		for i := range parts[1:] {
			parts[i+1] = o.port(s[:1], parts[i+1])
		}
		return "127.0.0.1:" + strings.Join(parts[1:], ":")
	})
	text = regexp.MustCompile(`\b[abcd]\.example\b`).ReplaceAllString(text, "127.0.0.1")
	text = regexp.MustCompile(`\b(2281|8080)\b`).ReplaceAllStringFunc(text, func(p string) string { return o.port(host, p) })
	for from, to := range map[string]string{"/etc/paddock": "etc", "/var/lib": "lib", "/backup": "backup"} {
		text = strings.ReplaceAll(text, from, filepath.Join(o.dir, host, to))
	}
	text = strings.ReplaceAll(text, "/usr/local/bin", filepath.Join(o.dir, "installed"))
	text = strings.ReplaceAll(text, filepath.Join(o.dir, "b", "backup"), filepath.Join(o.dir, "a", "backup")) // carried over
	text = strings.ReplaceAll(text, filepath.Join(o.dir, "c", "backup"), filepath.Join(o.dir, "a", "backup"))
	return strings.ReplaceAll(text, "/copy/of/a", filepath.Join(o.dir, "a", "lib"))
}

func (o *operation) port(host, number string) string {
	key := host + " " + number
	if o.ports[key] == "" {
		_, o.ports[key], _ = net.SplitHostPort(zktest.FreeAddr("127.0.0.1"))
	}
	return o.ports[key]
}

// file writes a box that is a file, for the hosts that it is for; servers of one machine gossip at different ports.
func (o *operation) file(words []string, text string) {
	hosts := []string{"a", "b", "c"}
	if len(words) > 1 {
		hosts = words[1:]
	}
	for _, h := range hosts {
		own := strings.ReplaceAll(text, "gossipAddr=:7946", "gossipAddr=:"+o.port(h, "7946"))
		o.must(os.WriteFile(filepath.Join(o.dir, h, "etc", words[0]), []byte(o.at(h, own)), 0o600))
	}
}

func (o *operation) command(host, line string) *exec.Cmd {
	c := exec.Command("bash", "-c", o.at(host, line))
	c.Dir = filepath.Join(o.dir, "me")
	c.Env = append(os.Environ(), "PATH="+filepath.Join(o.dir, "bin")+":"+os.Getenv("PATH"), "XDG_CONFIG_HOME="+filepath.Join(o.dir, host, "config"), "ETC="+filepath.Join(o.dir, host, "etc"),
		"PADDOCK_TIMEOUT=30s", "PADDOCK_CHECK_WARN_LATENCY=100000", "PADDOCK_CHECK_FAIL_LATENCY=200000")
	return c
}

func (o *operation) run(host, line string) {
	o.t.Helper()
	c := o.command(host, line)
	if strings.HasPrefix(line, "go build") { // from the repository, and into a folder of the test's
		c = exec.Command("go", "build", "-o", filepath.Join(o.dir, "me", "paddock"), ".")
	}
	out, err := c.CombinedOutput()
	if err != nil && regexp.MustCompile(`^paddock (health|status|check|get|whoami) `).MatchString(line+" ") { // these judge a moment, and an election may be in it
		zktest.Within(zktest.Patience, func() bool { out, err = o.command(host, line).CombinedOutput(); return err == nil })
	}
	if err != nil {
		o.t.Fatalf("docs/operate.md, on %q:\n  %s\n%v\n%s\n%s", host, line, err, out, o.logs())
	}
	if strings.Contains(line, "certs issue") { // handed out, as the page says
		name := line[strings.LastIndex(line, " ")+1:]
		for file, to := range map[string]string{name + ".pem": "server.pem", "ca.pem": "ca.pem", "peer.secret": "peer.secret", "gossip.key": "gossip.key"} {
			if b, err := os.ReadFile(filepath.Join(o.dir, "me", "certs", file)); err == nil && len(name) == 1 {
				o.must(os.WriteFile(filepath.Join(o.dir, name, "etc", to), b, 0o600))
			}
		}
	}
}

// logs are the ends of what the servers said.
func (o *operation) logs() string {
	out := ""
	for _, h := range []string{"a", "b", "c", "d"} {
		b, _ := os.ReadFile(filepath.Join(o.dir, h, "log"))
		out += fmt.Sprintf("--- %s\n%s", h, b[max(0, len(b)-2000):])
	}
	return out
}

func (o *operation) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}
