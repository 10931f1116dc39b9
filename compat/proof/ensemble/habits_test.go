package ensemble

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

var habitsFlag = flag.String("habits", "paddock", `which servers the files of testdata/ensemble are run on: "paddock", "zookeeper" or "both"`)

// TestHabits founds, grows, moves and rebuilds ensembles the way people do it: with the files that compose files, charts, roles and operators write. Each row is
// a file of testdata/ensemble, and the table in docs/operate.md names them all. The same steps are run on ZooKeeper 3.9.5 when they are asked for (nightly);
// where the two differ on purpose a step says for which of them it is.
func TestHabits(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/ensemble/*.txt")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	table, err := os.ReadFile("../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.Contains(string(table), strings.TrimPrefix(file, "../../../")) {
			t.Errorf("the table in docs/operate.md has no row for %s", file)
		}
	}
	for _, kind := range []zktest.Kind{zktest.Paddock, zktest.ZooKeeper} {
		t.Run(string(kind), func(t *testing.T) {
			if *habitsFlag != "both" && *habitsFlag != string(kind) {
				zktest.LeftOut(t, "the habits of founding and changing on "+string(kind), "go test ./compat/proof/ensemble -run TestHabits -habits=both")
			}
			for _, file := range files {
				h := readHabit(t, file)
				t.Run(h.name, func(t *testing.T) {
					t.Parallel()
					p := &play{machine: machine{t: t, ports: map[string]string{}, servers: map[string]zktest.Server{}}, habit: h, kind: kind}
					if err := p.prepare(h, kind); err != nil {
						t.Fatal(err)
					}
					for _, step := range h.steps {
						if err := p.step(step); err != nil {
							t.Fatalf("%s: %v", step, err)
						}
					}
				})
			}
		})
	}
}

// play is one row on one kind of server.
type play struct {
	machine
	*habit
	kind zktest.Kind
}

// step does one line. "paddock: STEP" and "zookeeper: STEP" are for one of them alone.
func (p *play) step(line string) error {
	if of, rest, only := strings.Cut(line, ": "); only && (of == string(zktest.Paddock) || of == string(zktest.ZooKeeper)) {
		if of != string(p.kind) {
			return nil
		}
		line = rest
	}
	words := strings.Fields(line)
	verb, args := words[0], words[1:]
	do, ok := map[string]func([]string) error{
		"start": p.start, "launch": p.each(zktest.Server.Launch), "serve": p.serve, "stop": p.each(zktest.Server.Stop), "kill": p.each(zktest.Server.Kill), "empty": p.empty,
		"initialize": p.initialize, "give": p.giveTo, "roll": p.roll, "write": p.write, "read": p.read, "missing": p.missing, "members": p.members, "mode": p.mode, "reconfig": p.reconfig,
		"ends": p.ends, "says": p.says, "one-leader": p.oneLeader, "line": p.line,
	}[verb]
	if !ok {
		return fmt.Errorf("%s is no step", verb)
	}
	return do(args)
}

// each is a step that does the same to several servers.
func (p *play) each(do func(zktest.Server) error) func(ids []string) error {
	return func(ids []string) error {
		for _, id := range ids {
			if err := do(p.servers[id]); err != nil {
				return err
			}
		}
		return nil
	}
}

// serve waits until servers give sessions.
func (p *play) serve(ids []string) error {
	return p.each(func(s zktest.Server) error { return s.WaitReady(patience) })(ids)
}

func (p *play) start(ids []string) error {
	return errors.Join(p.each(zktest.Server.Launch)(ids), p.serve(ids))
}

// empty takes all that a server keeps, and leaves its files and myid.
func (p *play) empty(ids []string) error {
	return p.each(func(s zktest.Server) error {
		for _, name := range []string{"log", "state", "identity", "version-2", "datalog"} {
			if err := os.RemoveAll(filepath.Join(s.Dir(), name)); err != nil {
				return err
			}
		}
		return nil
	})(ids)
}

func (p *play) initialize(ids []string) error {
	return p.each(func(s zktest.Server) error { return os.WriteFile(filepath.Join(s.Dir(), "initialize"), nil, 0o644) })(ids)
}

// giveTo gives servers another zoo.cfg: "give zoo.cfg.new 1 2".
func (p *play) giveTo(args []string) error {
	for _, id := range args[1:] {
		if err := p.give(p.habit, id, args[0], "zoo.cfg"); err != nil {
			return err
		}
	}
	return nil
}

// roll is a rolling restart with another zoo.cfg, the leader last: "roll zoo.cfg.new 1 2 3".
func (p *play) roll(args []string) error {
	ids := slices.Clone(args[1:])
	slices.SortStableFunc(ids, func(a, b string) int {
		rank := map[bool]int{true: 1}
		return rank[zktest.Mode(p.servers[a].Addr()) == "leader"] - rank[zktest.Mode(p.servers[b].Addr()) == "leader"]
	})
	for _, id := range ids {
		if err := errors.Join(p.servers[id].Stop(), p.give(p.habit, id, args[0], "zoo.cfg"), p.servers[id].Launch()); err != nil {
			return err
		}
		if id != ids[len(ids)-1] { // the last ones may need each other
			if err := p.servers[id].WaitReady(patience); err != nil {
				return err
			}
		}
	}
	return p.serve(ids)
}

func (p *play) client(id string) (*zk, error) {
	z := newZK([]string{p.servers[id].Addr()}, 0)
	return z, z.connect(patience, nil)
}

// write creates a node through a server: "write 1 /a".
func (p *play) write(args []string) error {
	z, err := p.client(args[0])
	if err != nil {
		return err
	}
	return errors.Join(z.ensure(args[1], "", znode.ModePersistent), z.close())
}

// has is how many of the servers show a node.
func (p *play) has(path string, ids []string) (n int, err error) {
	for _, id := range ids {
		z, err := p.client(id)
		if err != nil {
			return n, err
		}
		if err := z.sync(); err != nil {
			return n, err
		}
		_, ok, err := z.exists(path)
		if ok {
			n++
		} else if err != nil && !refused(err, znode.ErrNoNode) {
			return n, err
		}
		z.drop()
	}
	return n, nil
}

func refused(err error, code znode.Code) bool {
	r, ok := err.(refusal)
	return ok && znode.Code(r) == code
}

// read demands that servers show a node: "read /a 1 2 3".
func (p *play) read(args []string) error {
	if n, err := p.has(args[0], args[1:]); err != nil || n < len(args)-1 {
		return fmt.Errorf("%d of %d servers have it (%v)", n, len(args)-1, err)
	}
	return nil
}

// missing demands that they do not.
func (p *play) missing(args []string) error {
	if n, err := p.has(args[0], args[1:]); err != nil || n > 0 {
		return fmt.Errorf("%d servers have it (%v)", n, err)
	}
	return nil
}

// ensembleOf is what /zookeeper/config says at a server.
func (p *play) ensembleOf(id string) (zab.Ensemble, string, error) {
	z, err := p.client(id)
	if err != nil {
		return zab.Ensemble{}, "", err
	}
	defer z.drop()
	text, _, err := z.get("/zookeeper/config")
	if err != nil {
		return zab.Ensemble{}, "", err
	}
	e, err := zab.ParseEnsemble(text)
	return e, text, err
}

// members waits until /zookeeper/config has these and no others: "members 1 2 3 4:observer at 1".
func (p *play) members(args []string) error {
	at := args[0]
	if i := slices.Index(args, "at"); i > 0 {
		at, args = args[i+1], args[:i]
	}
	at, _, _ = strings.Cut(at, ":")
	want, text, err := strings.Join(args, " "), "", error(nil)
	if zktest.Within(patience, func() bool {
		var e zab.Ensemble
		if e, text, err = p.ensembleOf(at); err != nil {
			return false
		}
		var have []string
		for _, m := range e.Members {
			name := m.ID.String()
			if m.Role == zab.Observer {
				name += ":observer"
			}
			have = append(have, name)
		}
		return strings.Join(have, " ") == want
	}) {
		return nil
	}
	return fmt.Errorf("/zookeeper/config at %s is %q (%v)", at, text, err)
}

// line waits until /zookeeper/config has a line, as it is written in the files: "line 1 server.3=zoo3:4888:5888".
func (p *play) line(args []string) error {
	number, value, _ := strings.Cut(strings.TrimPrefix(args[1], "server."), "=")
	want, text, err := "server."+number+"="+p.serverLine(number, value), "", error(nil)
	if zktest.Within(patience, func() bool { _, text, err = p.ensembleOf(args[0]); return strings.Contains(text, want) }) {
		return nil
	}
	return fmt.Errorf("/zookeeper/config is %q, and should have %s (%v)", text, want, err)
}

// mode waits until a server is in one: "mode 1 observer".
func (p *play) mode(args []string) error {
	if !zktest.Within(patience, func() bool { return slices.Contains(args[1:], zktest.Mode(p.servers[args[0]].Addr())) }) {
		return fmt.Errorf("it is %q", zktest.Mode(p.servers[args[0]].Addr()))
	}
	return nil
}

// oneLeader holds that of these servers one leads, and all are of one ensemble.
func (p *play) oneLeader(ids []string) error {
	var modes []string
	if zktest.Within(patience, func() bool {
		modes = nil
		leaders := 0
		for _, id := range ids {
			m := zktest.Mode(p.servers[id].Addr())
			if modes = append(modes, m); m == "leader" {
				leaders++
			}
		}
		return leaders == 1 && !slices.Contains(modes, "")
	}) {
		return nil
	}
	return fmt.Errorf("they are %v", modes)
}

// reconfig changes the ensemble through a server: "reconfig 1 add server.4=zoo4:2888:3888;2181", "reconfig 1 remove 4". ZooKeeper refuses while an election
// has not settled, and both while joiners are not there yet: it is said again.
func (p *play) reconfig(args []string) error {
	var joining, leaving []string
	if args[1] == "add" {
		for _, s := range args[2:] {
			number, value, _ := strings.Cut(strings.TrimPrefix(s, "server."), "=")
			joining = append(joining, "server."+number+"="+p.serverLine(number, value))
		}
	} else {
		leaving = args[2:]
	}
	conn := stock(p.t, []string{p.servers[args[0]].Addr()}, 10*time.Second)
	var err error
	if !zktest.Within(patience, func() bool {
		_, err = conn.IncrementalReconfig(joining, leaving, -1)
		return err == nil
	}) {
		return err
	}
	return nil
}

// ends starts a server that must end, and say why: "ends 1 SOME WORDS".
func (p *play) ends(args []string) error {
	s := p.servers[args[0]]
	if err := s.Launch(); err != nil {
		return err
	}
	if !zktest.Within(patience, func() bool { return s.PID() == 0 }) {
		return errors.New("it runs on")
	}
	return p.says(args)
}

// says waits until the log of a server, or of one of several, has some words: "says 2,3 SOME WORDS".
func (p *play) says(args []string) error {
	words, log := strings.Join(args[1:], " "), ""
	if !zktest.Within(patience, func() bool {
		log = ""
		for _, id := range strings.Split(args[0], ",") {
			log += p.servers[id].Log()
		}
		return strings.Contains(log, words)
	}) {
		return fmt.Errorf("it says:\n%s", log[max(0, len(log)-2000):])
	}
	return nil
}
