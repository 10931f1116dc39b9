package ensemble

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// habit is a file of testdata/ensemble: what somebody does, step by step, and the configuration files as he writes them. A file of a server is named
// N/zoo.cfg; one that several have begins with their numbers, 1,2,3/zoo.cfg; what is given to a server later has another name, 1/zoo.cfg.new. They are as on
// machines of their own: the servers' hosts have names, all have the same ports, and data is in /data. The test translates that to one machine.
type habit struct {
	name  string
	steps []string
	files map[string]string // by "N/name"
}

// readHabit reads such a file: steps, then files behind lines "-- name --".
func readHabit(t *testing.T, file string) *habit {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h := &habit{name: strings.TrimSuffix(filepath.Base(file), ".txt"), files: map[string]string{}}
	var names []string
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok {
			servers, what, _ := strings.Cut(strings.TrimSuffix(name, " --"), "/")
			names = nil
			for _, s := range strings.Split(servers, ",") {
				names = append(names, s+"/"+what)
			}
			continue
		}
		if step := strings.TrimSpace(line); names == nil && step != "" && !strings.HasPrefix(step, "#") {
			h.steps = append(h.steps, step)
		}
		for _, name := range names {
			h.files[name] += line
		}
	}
	return h
}

// numbers are those of the servers, which have a zoo.cfg.
func (h *habit) numbers() (ids []string) {
	for name := range h.files {
		if id, ok := strings.CutSuffix(name, "/zoo.cfg"); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// machine is one machine in the place of many: each port of each server is another one here.
type machine struct {
	t       *testing.T
	ports   map[string]string // "N:port" as written → port
	servers map[string]zktest.Server
}

// port is where server id listens that is written to listen at port.
func (m *machine) port(id, written string) string {
	key := id + ":" + written
	if m.ports[key] == "" {
		m.ports[key] = freePort()
		if s := m.servers[id]; written == "2181" && s != nil {
			m.ports[key] = strings.TrimPrefix(s.Addr(), "127.0.0.1:")
		}
	}
	return m.ports[key]
}

var peerSpec = regexp.MustCompile(`^(\[[^\]]*\]|[^:\[]+):(\d+):(\d+)`)

// host leaves what means the same here, and names that nobody has.
func host(name string) string {
	if name == "0.0.0.0" || name == "localhost" || name == "[::]" || strings.HasSuffix(name, ".invalid") {
		return name
	}
	return "127.0.0.1"
}

// serverLine translates the right side of a server line.
func (m *machine) serverLine(id, value string) string {
	peers, client, hasClient := strings.Cut(value, ";")
	specs := strings.Split(peers, "|")
	for i, spec := range specs {
		if f := peerSpec.FindStringSubmatch(spec); f != nil {
			specs[i] = host(f[1]) + ":" + m.port(id, f[2]) + ":" + m.port(id, f[3]) + spec[len(f[0]):]
		}
	}
	out := strings.Join(specs, "|")
	if !hasClient {
		return out
	}
	at := strings.LastIndexByte(client, ':') + 1
	if at > 0 {
		return out + ";" + host(client[:at-1]) + ":" + m.port(id, client[at:])
	}
	return out + ";" + m.port(id, client)
}

// translate makes a file of server id one of this machine. Times are shorter, since nobody wants to wait for them.
func (m *machine) translate(id, text string) string {
	dir := m.servers[id].Dir()
	out := "tickTime=500\ninitLimit=20\nsyncLimit=10\n4lw.commands.whitelist=*\nadmin.enableServer=false\n"
	if strings.HasPrefix(text, "server.") { // a dynamic file
		out = ""
	}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch number, isServer := strings.CutPrefix(key, "server."); {
		case isServer:
			value = m.serverLine(number, value)
		case key == "dataDir":
			value = dir
		case key == "dataLogDir":
			value = filepath.Join(dir, "datalog")
		case key == "clientPort":
			value = m.port(id, value)
		case key == "dynamicConfigFile":
			value = filepath.Join(dir, filepath.Base(value))
		case key == "tickTime" || key == "initLimit" || key == "syncLimit" || key == "4lw.commands.whitelist" || key == "admin.enableServer":
			continue
		}
		if key != "" {
			out += key + "=" + value + "\n"
		}
	}
	return out
}

// give writes a file of the habit into the folder of a server; zoo.cfg.new becomes zoo.cfg.
func (m *machine) give(h *habit, id, from, to string) error {
	text, ok := h.files[id+"/"+from]
	if !ok {
		return fmt.Errorf("there is no file %s/%s", id, from)
	}
	return os.WriteFile(filepath.Join(m.servers[id].Dir(), to), []byte(m.translate(id, text)), 0o644)
}

// prepare makes the folders of all servers.
func (m *machine) prepare(h *habit, kind zktest.Kind) error {
	for _, id := range h.numbers() {
		m.servers[id] = zktest.Prepare(m.t, kind, zktest.Config{JVM: []string{"-Dzookeeper.multiAddress.enabled=true"}}) // a JVM takes it from there alone
	}
	for _, id := range h.numbers() {
		if err := os.WriteFile(filepath.Join(m.servers[id].Dir(), "myid"), []byte(id+"\n"), 0o644); err != nil {
			return err
		}
		for name := range h.files {
			if of, file, _ := strings.Cut(name, "/"); of == id && (file == "zoo.cfg" || strings.HasPrefix(file, "zoo.cfg.dynamic")) {
				if err := m.give(h, id, file, file); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
