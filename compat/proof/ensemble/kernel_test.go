package ensemble

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// kernel is a cluster whose servers live in network namespaces of their own, where nft drops packets: acknowledgements of TCP are lost
// with the data, nothing is reset, and connections stay half open.
type kernel struct {
	*cluster
	name   string
	subnet string
}

func (k *kernel) space(id int) string { return fmt.Sprintf("%s%d", k.name, id) }
func (k *kernel) ip(id int) string    { return fmt.Sprintf("%s.%d", k.subnet, id) }

// run is a command line, split at spaces.
func run(t testing.TB, line string) {
	t.Helper()
	words := strings.Fields(line)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}

func startKernel(t testing.TB, servers int) *kernel {
	t.Helper()
	zktest.Require(t, "ip", "nft")
	which := rand.IntN(30_000) // the kernel takes its time to forget the names of the test before
	k := &kernel{name: fmt.Sprintf("pd%d-", which), subnet: fmt.Sprintf("10.%d.%d", 64+which/250, which%250)}
	bridge := k.name + "br"
	run(t, "ip link add "+bridge+" type bridge")
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", bridge).Run() })
	run(t, "ip addr add "+k.ip(250)+"/24 dev "+bridge)
	run(t, "ip link set "+bridge+" up")
	k.cluster = &cluster{network: newNetwork(t), t: t}
	for id := 1; id <= servers; id++ {
		space, outer := k.space(id), fmt.Sprintf("%sv%d", k.name, id)
		run(t, "ip netns add "+space)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", space).Run() })
		for _, line := range []string{
			"ip link add " + outer + " type veth peer name eth0 netns " + space, "ip link set " + outer + " master " + bridge + " up",
			"ip -n " + space + " addr add " + k.ip(id) + "/24 dev eth0", "ip -n " + space + " link set eth0 up", "ip -n " + space + " link set lo up",
			"ip netns exec " + space + " nft add table inet pd", "ip netns exec " + space + " nft add chain inet pd in { type filter hook input priority 0 ; }",
		} {
			run(t, line)
		}
		m := &member{id: id, line: k.ip(id) + ":2888", voter: true}
		k.members = append(k.members, m)
		k.lines = append(k.lines, fmt.Sprintf("server.%d=%s:2888:3888", id, k.ip(id)))
	}
	parent := scratch(t)
	for _, m := range k.members {
		config := zktest.Config{Dir: filepath.Join(parent, fmt.Sprint(m.id)), Admin: true, Host: k.ip(m.id), Prefix: []string{"ip", "netns", "exec", k.space(m.id)},
			Extra: append([]string{"standaloneEnabled=false", "paddock.minFreeMB=0"}, k.lines...)}
		k.must(os.MkdirAll(config.Dir, 0o755))
		k.must(os.WriteFile(filepath.Join(config.Dir, "myid"), fmt.Appendln(nil, m.id), 0o644))
		m.Server = zktest.Prepare(t, zktest.Paddock, config)
		k.must(m.Launch())
	}
	for _, m := range k.members {
		k.must(m.WaitReady(patience))
	}
	k.watch = watch(t, k.cluster)
	t.Cleanup(k.stacks)
	return k
}

// drop loses every packet of a direction.
func (k *kernel) drop(links ...link) {
	for _, l := range links {
		run(k.t, fmt.Sprintf("ip netns exec %s nft add rule inet pd in ip saddr %s drop", k.space(l.to), k.ip(l.from)))
	}
}

// pass ends all drops.
func (k *kernel) passAll() {
	for _, m := range k.members {
		run(k.t, "ip netns exec "+k.space(m.id)+" nft flush chain inet pd in")
	}
}

// TestEnsembleKernelDrops cuts directions where the kernel drops packets. It needs root, ip and nft.
func TestEnsembleKernelDrops(t *testing.T) {
	if *faultsFlag == "some" {
		zktest.LeftOut(t, "the longer faults of an ensemble", "go test ./compat/proof/ensemble -faults=all")
	}
	k := startKernel(t, 3)
	l := startLoad(k.cluster, 4, 2)
	for _, row := range []struct {
		name string
		cut  func(leader int, others []int) []link
	}{
		{"07 leader isolated", func(leader int, others []int) []link {
			return append(both(leader, others[0]), both(leader, others[1])...)
		}},
		{"08 leader to one follower", func(leader int, others []int) []link { return []link{{leader, others[0]}} }},
		{"08 leader to all followers", func(leader int, others []int) []link { return []link{{leader, others[0]}, {leader, others[1]}} }},
		{"09 followers to leader", func(leader int, others []int) []link { return []link{{others[0], leader}, {others[1], leader}} }},
		{"11 chain", func(leader int, others []int) []link { return both(leader, others[0]) }},
		{"14 ring in one direction", func(leader int, others []int) []link {
			return []link{{leader, others[0]}, {others[0], others[1]}, {others[1], leader}}
		}},
	} {
		spend(300 * time.Millisecond)
		leader := k.leader()
		before := k.watch.epochs()
		l.gap()
		k.drop(row.cut(leader.id, k.others(leader.id))...)
		spend(2 * time.Second)
		if !strings.Contains(row.name, "ring") { // no two servers hear each other there: nothing can be done before it ends
			l.progress(patience)
		}
		t.Logf("%s: %v without an acknowledged write, %d more epochs", row.name, l.gap().Round(time.Millisecond), k.watch.epochs()-before)
		k.passAll()
		l.progress(patience)
	}
	l.finish()
}

// TestEnsembleKernelLongCut cuts one server off for so long that the kernel's next try of what it has not delivered would be many seconds
// away. When the network is whole the server must be back much sooner.
func TestEnsembleKernelLongCut(t *testing.T) {
	if *faultsFlag == "some" {
		zktest.LeftOut(t, "the longer faults of an ensemble", "go test ./compat/proof/ensemble -faults=all")
	}
	k := startKernel(t, 3)
	l := startLoad(k.cluster, 2, 0)
	cut := k.followers()[0]
	for _, id := range k.others(cut.id) {
		k.drop(both(cut.id, id)...)
	}
	spend(14 * time.Second)
	l.progress(patience)
	k.passAll()
	begin := time.Now()
	k.must(cut.WaitReady(patience))
	back := time.Since(begin)
	t.Logf("back after %v", back.Round(time.Millisecond))
	if back > 10*time.Second {
		t.Errorf("the server was back only %v after the network was whole", back)
	}
	l.finish()
}
