package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// migration plays docs/migrate.md on one machine: the hosts of an operation, on which servers of ZooKeeper run.
type migration struct {
	*operation
	servers map[string]zktest.Server
}

// TestMigrate runs every command of docs/migrate.md in its order, against the real ZooKeeper.
func TestMigrate(t *testing.T) {
	zktest.Require(t, "zookeeper")
	o, text := newOperation(t, "../../docs/migrate.md")
	e := zktest.StartEnsemble(t, zktest.ZooKeeper, 3, zktest.Config{Extra: []string{"tickTime=2000", "extendedTypesEnabled=true"}})
	m := &migration{o, map[string]zktest.Server{}}
	m.house(e)
	m.run("", `paddock -s a.example:2181 create /app "written to ZooKeeper"`)
	for _, section := range strings.Split(text, "\n## ")[1:] {
		title, _, _ := strings.Cut(section, "\n")
		if title == "Back, with what was written to Paddock" { // the section before is the other way, and was taken
			m.must(stopAll(e))
			for _, h := range []string{"a", "b", "c"} {
				m.run(h, "systemctl start paddock")
			}
			m.run("", "paddock -s a.example:2181,b.example:2181,c.example:2181 wait --all")
		}
		m.section(section)
		if want, ok := map[string]string{"Start, and verify": "written to Paddock", "Back, without what was written to Paddock": "written to ZooKeeper", "Back, with what was written to Paddock": "written to Paddock"}[title]; ok {
			out, err := m.command("", "paddock -s a.example:2181 get /app").CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) {
				t.Fatalf("after %q: %s, %v; want %q", title, out, err, want)
			}
		}
	}
}

func stopAll(e *zktest.Ensemble) error {
	for _, s := range e.Servers {
		if err := s.Stop(); err != nil {
			return err
		}
	}
	return nil
}

// house gives each host a server; the leader is c's.
func (m *migration) house(e *zktest.Ensemble) {
	m.t.Helper()
	if !zktest.Within(zktest.Patience, func() bool { return e.Leader() != nil && len(e.Followers()) == 2 }) {
		m.t.Fatal("no leader")
	}
	m.servers["a"], m.servers["b"], m.servers["c"] = e.Followers()[0], e.Followers()[1], e.Leader()
	for h, s := range m.servers {
		_, port, err := net.SplitHostPort(s.Addr())
		m.must(err)
		m.ports[h+" 2181"] = port
		m.must(os.MkdirAll(filepath.Join(m.dir, h, "lib"), 0o755))
		m.must(os.Symlink(s.Dir(), filepath.Join(m.dir, h, "lib", "zookeeper")))
		m.must(os.MkdirAll(filepath.Join(m.dir, h, "etc-zookeeper"), 0o755))
		m.must(os.Symlink(filepath.Join(s.Dir(), "zoo.cfg"), filepath.Join(m.dir, h, "etc-zookeeper", "zoo.cfg")))
	}
}

// section runs the boxes of a section.
func (m *migration) section(text string) {
	m.t.Helper()
	for _, box := range regexp.MustCompile("(?ms)^```sh ?([^\\n]*)\\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		hosts := strings.Fields(box[1])
		if len(hosts) == 0 {
			hosts = []string{""}
		}
		for line := range strings.Lines(box[2]) {
			for _, h := range hosts {
				m.run(h, strings.TrimSpace(line))
			}
		}
	}
}

// run runs one line on a host. The servers of ZooKeeper are the harness's.
func (m *migration) run(host, line string) {
	m.t.Helper()
	switch line {
	case "systemctl stop zookeeper":
		m.must(m.servers[host].Stop())
		return
	case "systemctl start zookeeper":
		m.must(m.servers[host].Launch()) // it serves when the others have come
		return
	}
	out, err := m.command(host, line).CombinedOutput()
	if err != nil && regexp.MustCompile(`^paddock .*(status|check|count|get|sync) `).MatchString(line+" ") { // these judge a moment, and an election may be in it
		zktest.Within(zktest.Patience, func() bool { out, err = m.command(host, line).CombinedOutput(); return err == nil })
	}
	if err != nil {
		m.t.Fatalf("docs/migrate.md, on %q:\n  %s\n%v\n%s\n%s", host, line, err, out, m.logs())
	}
}

// command is that of an operation, with the folders of this page.
func (m *migration) command(host, line string) *exec.Cmd {
	for from, to := range map[string]string{"/rehearsal": filepath.Join(m.dir, host, "rehearsal"), "/etc/zookeeper": filepath.Join(m.dir, host, "etc-zookeeper"),
		"/copy/zookeeper": m.servers["c"].Dir(), "/copy/exported": filepath.Join(m.dir, "c", "lib", "exported")} {
		line = strings.ReplaceAll(line, from, to)
	}
	return m.operation.command(host, strings.ReplaceAll(line, "127.0.0.1:12181", "127.0.0.1:"+m.port(host, "12181")))
}
