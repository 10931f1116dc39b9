package ensemble

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/znode"
)

// founders are servers with zoo.cfg files as people write them: each has lines of its own, by a function of the server that has the line and of the one
// that it is about.
type founders struct {
	t       *testing.T
	servers []zktest.Server
	ports   [][2]string // quorum and election port
}

func found(t *testing.T, n int, line func(f *founders, at, of int) string) *founders {
	t.Helper()
	f := &founders{t: t}
	port := func() string { _, p, _ := strings.Cut(zktest.FreeAddr("127.0.0.1"), ":"); return p }
	for range n {
		f.ports = append(f.ports, [2]string{port(), port()})
	}
	for i := range n {
		s := zktest.Prepare(t, zktest.Paddock, zktest.Config{})
		f.servers = append(f.servers, s)
		f.must(os.WriteFile(filepath.Join(s.Dir(), "myid"), fmt.Appendln(nil, i+1), 0o644))
		f.lines(i+1, n, line)
	}
	return f
}

// plain is the line that everybody has.
func plain(f *founders, _, of int) string {
	return fmt.Sprintf("127.0.0.1:%s:%s", f.ports[of-1][0], f.ports[of-1][1])
}

// lines gives a server a zoo.cfg with n server lines; with none if it is alone.
func (f *founders) lines(at, n int, line func(f *founders, at, of int) string) {
	f.t.Helper()
	var ids []int
	for of := 1; n > 1 && of <= n; of++ {
		ids = append(ids, of)
	}
	f.linesOf(at, ids, line)
}

// linesOf gives a server a zoo.cfg with the lines of these servers.
func (f *founders) linesOf(at int, ids []int, line func(f *founders, at, of int) string) {
	f.t.Helper()
	file := filepath.Join(f.servers[at-1].Dir(), "zoo.cfg")
	b, err := os.ReadFile(file)
	f.must(err)
	var out strings.Builder
	for l := range strings.Lines(string(b)) {
		if !strings.HasPrefix(l, "server.") {
			out.WriteString(l)
		}
	}
	for _, of := range ids {
		fmt.Fprintf(&out, "server.%d=%s\n", of, line(f, at, of))
	}
	f.must(os.WriteFile(file, []byte(out.String()), 0o644))
}

func (f *founders) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// start starts servers at once, and waits until all serve.
func (f *founders) start(ids ...int) {
	f.t.Helper()
	for _, id := range ids {
		f.must(f.servers[id-1].Launch())
	}
	for _, id := range ids {
		f.must(f.servers[id-1].WaitReady(patience))
	}
}

func (f *founders) stop(ids ...int) {
	f.t.Helper()
	for _, id := range ids {
		f.must(f.servers[id-1].Stop())
	}
}

// data is what a server keeps.
var data = []string{"log", "state", "identity"}

func (f *founders) empty(ids ...int) {
	for _, id := range ids {
		for _, name := range data {
			f.must(os.RemoveAll(filepath.Join(f.servers[id-1].Dir(), name)))
		}
	}
}

func (f *founders) client(id int) *zk {
	f.t.Helper()
	z := newZK([]string{f.servers[id-1].Addr()}, 0)
	f.must(z.connect(patience, nil))
	return z
}

func (f *founders) write(id int, path string) {
	f.t.Helper()
	z := f.client(id)
	f.must(z.ensure(path, "", znode.ModePersistent))
	f.must(z.close())
}

// has demands that servers show a node.
func (f *founders) has(path string, ids ...int) {
	f.t.Helper()
	for _, id := range ids {
		z := f.client(id)
		f.must(z.sync())
		if _, ok, err := z.exists(path); !ok {
			f.t.Errorf("server %d does not have %s (%v)", id, path, err)
		}
		f.must(z.close())
	}
}

// lineage is what tokens of the ensemble are bound to, by what a server says.
func (f *founders) lineage(id int) fencing.Lineage {
	f.t.Helper()
	z := f.client(id)
	defer z.drop()
	b, _, err := z.get("/zookeeper/lineage")
	f.must(err)
	l, err := fencing.ParseLineage([]byte(b))
	f.must(err)
	return l
}

// Compose files and charts write 0.0.0.0 into the own line, and another may have a name or another election port there: each server is reached by what the
// others' files say of it.
func TestFoundWithAnyOwnLine(t *testing.T) {
	f := found(t, 3, func(f *founders, at, of int) string {
		switch {
		case at != of:
			return plain(f, at, of)
		case at == 1:
			return fmt.Sprintf("0.0.0.0:%s:%s", f.ports[of-1][0], f.ports[of-1][1])
		case at == 2:
			return fmt.Sprintf("localhost:%s:1", f.ports[of-1][0])
		}
		return plain(f, at, of) + ":participant"
	})
	f.start(1, 2, 3)
	f.write(1, "/a")
	f.has("/a", 1, 2, 3)
	if one := f.lineage(1); one != f.lineage(2) || one != f.lineage(3) {
		t.Error("the servers of one ensemble differ in what it is")
	}
	// a server whose disk died comes back with whatever lines make it a member
	f.stop(2)
	f.empty(2)
	f.lines(2, 3, plain)
	f.start(2)
	f.has("/a", 2)
}

// An ensemble that was emptied is another one, though its server lines are the same, and a server of the first life is no member of the second.
func TestTwoLives(t *testing.T) {
	f := found(t, 3, plain)
	f.start(1, 2, 3)
	f.write(1, "/first")
	first := f.lineage(1)
	f.stop(1, 2, 3)
	old := filepath.Join(t.TempDir(), "old")
	f.must(os.CopyFS(old, os.DirFS(f.servers[2].Dir())))
	f.empty(1, 2, 3)
	f.start(1, 2, 3)
	f.write(1, "/second")
	if second := f.lineage(1); second.Cluster == first.Cluster || second.Incarnation == first.Incarnation {
		t.Errorf("both lives are %v: a guard would take the tokens of one for those of the other", first)
	}
	f.stop(3)
	f.empty(3)
	for _, name := range data[:2] {
		f.must(os.CopyFS(filepath.Join(f.servers[2].Dir(), name), os.DirFS(filepath.Join(old, name))))
	}
	b, err := os.ReadFile(filepath.Join(old, "identity"))
	f.must(err)
	f.must(os.WriteFile(filepath.Join(f.servers[2].Dir(), "identity"), b, 0o600))
	f.must(f.servers[2].Launch())
	zktest.Eventually(t, patience, "the refusal names both clusters", func() bool {
		log := f.servers[2].Log() + f.servers[0].Log()
		return strings.Contains(log, fmt.Sprintf("belongs to cluster %x", first.Cluster[:])) && strings.Contains(log, fmt.Sprintf("this one to %x", first.Cluster[:]))
	})
	if mode := zktest.Mode(f.servers[2].Addr()); mode != "" {
		t.Errorf("a server of the first life is %s in the second", mode)
	}
	f.stop(3)
	f.has("/second", 1, 2)
}

// A start that fails claims nothing: the next one, with what was wrong put right, founds.
func TestFailedFirstStartClaimsNothing(t *testing.T) {
	f := found(t, 3, plain)
	f.must(os.WriteFile(filepath.Join(f.servers[0].Dir(), "myid"), []byte("7\n"), 0o644))
	if err := f.servers[0].Start(); err == nil {
		t.Fatal("server 7 of three starts")
	}
	f.must(os.WriteFile(filepath.Join(f.servers[0].Dir(), "myid"), []byte("1\n"), 0o644))
	f.start(1, 2, 3)
}

// A single server with data is given two others: whoever starts first, its data outweighs their emptiness.
func TestGrowOneToThree(t *testing.T) {
	for _, extra := range []string{"", "reconfigEnabled=true\n"} {
		t.Run(strings.TrimSpace(extra), func(t *testing.T) { growOneToThree(t, extra) })
	}
}

func growOneToThree(t *testing.T, extra string) {
	f := found(t, 3, plain)
	for _, s := range f.servers {
		file := filepath.Join(s.Dir(), "zoo.cfg")
		b, err := os.ReadFile(file)
		f.must(err)
		f.must(os.WriteFile(file, append(b, extra...), 0o644))
	}
	f.lines(1, 1, plain) // none: it stands alone
	f.start(1)
	f.write(1, "/precious")
	alone := f.lineage(1)
	f.stop(1)
	f.lines(1, 3, plain)
	f.must(f.servers[1].Launch())
	f.must(f.servers[2].Launch())
	zktest.Eventually(t, patience, "the empty servers say for whom they wait", func() bool {
		return strings.Contains(f.servers[1].Log()+f.servers[2].Log(), "waiting_for=[1]")
	})
	f.start(1)
	f.must(f.servers[1].WaitReady(patience))
	f.must(f.servers[2].WaitReady(patience))
	f.has("/precious", 1, 2, 3)
	if l := f.lineage(2); l != alone {
		t.Errorf("it was %v and is %v", alone, l)
	}
	f.counts(2, "server.3=")
	f.must(f.servers[0].Kill())
	f.write(2, "/b")
	f.has("/b", 2, 3)
}

// Two of three servers are there, and the third never was: by the operator's word they found at once, and without it after initLimit.
func TestFoundWithoutTheThird(t *testing.T) {
	f := found(t, 3, plain)
	for _, s := range f.servers[:2] {
		f.must(os.WriteFile(filepath.Join(s.Dir(), "initialize"), nil, 0o644))
	}
	begun := time.Now()
	f.start(1, 2)
	t.Logf("by the operator's word: %v", time.Since(begun))
	if log := f.servers[0].Log() + f.servers[1].Log(); strings.Contains(log, "waiting_for") {
		t.Error("it waits in spite of the operator's word")
	}
	f.stop(1, 2)
	f.empty(1, 2)
	f.start(1, 2)
	if log := f.servers[0].Log() + f.servers[1].Log(); !strings.Contains(log, "waiting_for=[3]") {
		t.Error("nothing says for whom it waited")
	}
	f.start(3)
	f.write(3, "/a")
	f.has("/a", 1, 2, 3)
}

// reconfig adds a member, as zkCli.sh does.
func (f *founders) reconfig(ask int, line string) {
	f.t.Helper()
	conn := stock(f.t, []string{f.servers[ask-1].Addr()}, 5*time.Second)
	var err error
	zktest.Within(patience, func() bool {
		_, err = conn.IncrementalReconfig([]string{line}, nil, -1)
		return err == nil
	})
	f.must(err)
}

// A server that nobody has in his lines comes with a file that lists the ensemble and itself, as ZooKeeper's documentation says: it follows before the
// reconfiguration, and is a voter after it, and after its restart.
func TestJoinByReconfig(t *testing.T) {
	f := found(t, 4, plain)
	for i := range f.servers {
		file := filepath.Join(f.servers[i].Dir(), "zoo.cfg")
		b, err := os.ReadFile(file)
		f.must(err)
		f.must(os.WriteFile(file, append(b, "reconfigEnabled=true\nstandaloneEnabled=false\nskipACL=yes\n"...), 0o644))
		f.lines(i+1, 3, plain)
	}
	f.lines(4, 4, func(f *founders, at, of int) string {
		if at == of {
			return plain(f, at, of) + ":observer"
		}
		return plain(f, at, of)
	})
	f.start(1, 2, 3)
	f.write(1, "/a")
	f.start(4)
	f.has("/a", 4)
	if mode := zktest.Mode(f.servers[3].Addr()); mode != "observer" {
		t.Errorf("before the reconfiguration it is %q", mode)
	}
	f.reconfig(1, "server.4="+plain(f, 1, 4)+":participant;"+f.servers[3].Addr())
	zktest.Eventually(t, patience, "it follows", func() bool { return zktest.Mode(f.servers[3].Addr()) == "follower" })
	f.stop(4)
	f.lines(4, 4, plain)
	f.start(4)
	f.must(f.servers[0].Kill())
	f.write(4, "/b") // three of four are a majority only with the new one
	f.has("/b", 2, 3, 4)
}

// One server begins alone, and each that comes lists those before it and itself, as observers first.
func TestGrowByReconfigFromOne(t *testing.T) {
	f := found(t, 3, plain)
	own := func(f *founders, at, of int) string {
		if at == of && at > 1 {
			return plain(f, at, of) + ":observer"
		}
		return plain(f, at, of)
	}
	for i := range f.servers {
		f.lines(i+1, i+1, own)
		file := filepath.Join(f.servers[i].Dir(), "zoo.cfg")
		b, err := os.ReadFile(file)
		f.must(err)
		b = append(b, "reconfigEnabled=true\nstandaloneEnabled=false\nskipACL=yes\n"...)
		if i == 0 {
			b = append(b, "server.1="+plain(f, 1, 1)+"\n"...)
		}
		f.must(os.WriteFile(file, b, 0o644))
	}
	f.start(1)
	f.write(1, "/a")
	for id := 2; id <= 3; id++ {
		f.start(id)
		f.reconfig(1, fmt.Sprintf("server.%d=%s:participant;%s", id, plain(f, 1, id), f.servers[id-1].Addr()))
		zktest.Eventually(t, patience, "it votes", func() bool { return zktest.Mode(f.servers[id-1].Addr()) != "observer" })
	}
	f.has("/a", 1, 2, 3)
	f.must(f.servers[0].Kill())
	f.write(2, "/b")
	f.has("/b", 2, 3)
}

// Three servers become five by a new file and a rolling restart, with reconfig off, as everybody does it: the new ones first, then the old ones one by one, the
// leader last. Then five count.
func TestScaleThreeToFiveByFile(t *testing.T) {
	f := found(t, 5, plain)
	for id := 1; id <= 3; id++ {
		f.lines(id, 3, plain)
	}
	f.start(1, 2, 3)
	f.write(1, "/a")
	f.must(f.servers[3].Launch())
	f.must(f.servers[4].Launch())
	leader := 0
	for id := 1; id <= 3; id++ {
		if zktest.Mode(f.servers[id-1].Addr()) == "leader" {
			leader = id
		}
	}
	for _, id := range append(slices.DeleteFunc([]int{1, 2, 3}, func(id int) bool { return id == leader }), leader) {
		f.stop(id)
		f.lines(id, 5, plain)
		f.must(f.servers[id-1].Launch())
		if id != leader {
			f.must(f.servers[id-1].WaitReady(patience))
		}
	}
	for _, s := range f.servers {
		f.must(s.WaitReady(patience))
	}
	f.counts(3, "server.5="+plain(f, 1, 5))
	f.must(f.servers[0].Kill())
	f.must(f.servers[1].Kill())
	f.write(3, "/b")
	f.has("/b", 3, 4, 5)
	f.has("/a", 3, 4, 5)
}

// A server moves to other ports by a change in all files, with reconfig off: the node of the configuration says what is in force.
func TestConfigNodeFollowsTheFiles(t *testing.T) {
	f := found(t, 3, plain)
	f.start(1, 2, 3)
	before := plain(f, 1, 3)
	for i := range f.ports[2] {
		_, f.ports[2][i], _ = strings.Cut(zktest.FreeAddr("127.0.0.1"), ":")
	}
	for _, id := range []int{3, 1, 2} {
		f.stop(id)
		f.lines(id, 3, plain)
		f.must(f.servers[id-1].Launch())
	}
	for _, s := range f.servers {
		f.must(s.WaitReady(patience))
	}
	if text := f.counts(1, plain(f, 1, 3)); strings.Contains(text, before) {
		t.Errorf("it has the old line as well: %s", text)
	}
}

// counts waits until a server's node of the configuration has a line.
func (f *founders) counts(at int, line string) (text string) {
	f.t.Helper()
	return f.config(at, "has "+line, func(text string) bool { return strings.Contains(text, line) })
}

// config waits until a server's node of the configuration is as wanted.
func (f *founders) config(at int, wanted string, is func(text string) bool) (text string) {
	f.t.Helper()
	zktest.Eventually(f.t, patience, "the node of the configuration "+wanted, func() bool {
		z := f.client(at)
		defer z.drop()
		var err error
		text, _, err = z.get("/zookeeper/config")
		return err == nil && is(text)
	})
	return text
}
