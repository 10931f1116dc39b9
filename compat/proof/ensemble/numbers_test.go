package ensemble

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/znode"
)

// Public charts number their servers from 0, and others by addresses or dates. Three voters, an observer, and a server that is in nobody's lines but its own;
// some share the low byte that ZooKeeper takes for session ids. No two make sessions with one byte, not even after a server has lost its disk.
func TestAnyServerNumber(t *testing.T) {
	numbers := []int{0, 1, 300, 44, 2147483647}
	var lines []string
	f := &founders{t: t}
	for i, n := range numbers {
		role := ""
		if i > 2 {
			role = ":observer"
		}
		lines = append(lines, fmt.Sprintf("server.%d=127.0.0.1:%s:%s%s", n, freePort(), freePort(), role))
	}
	for i, n := range numbers {
		known := append([]string{"reconfigEnabled=true"}, lines[:4]...)
		if i == 4 {
			known = append([]string{"reconfigEnabled=true"}, lines...)
		}
		s := zktest.Prepare(t, zktest.Paddock, zktest.Config{Admin: true, Extra: known})
		f.must(os.WriteFile(filepath.Join(s.Dir(), "myid"), fmt.Appendln(nil, n), 0o644))
		f.servers = append(f.servers, s)
	}
	f.start(1, 2, 3, 4, 5)
	firsts := func() []uint8 { return f.firstBytes(numbers) }
	before := firsts()
	if before[1] != 1 || before[3] != 44 {
		t.Errorf("numbers that are bytes are not used: %v", before)
	}
	zero := &member{Server: f.servers[0], id: 0}
	zktest.Eventually(t, patience, "server.0 leads", func() bool {
		for i := range numbers {
			m := &member{Server: f.servers[i], id: numbers[i]}
			if s, err := m.status(); err == nil && s.Role == "leading" {
				return s.Server == 0 && s.Leader == 0 || m.transfer(0) != nil && false
			}
		}
		return false
	})
	for i, n := range numbers {
		zktest.Eventually(t, patience, fmt.Sprintf("server %d says whether it is a member", n), func() bool {
			s, err := (&member{Server: f.servers[i], id: n}).status()
			return err == nil && s.NoMember == (i == 4) && s.Server == n
		})
	}
	z := f.client(5)
	text, _, err := z.get("/zookeeper/config")
	f.must(err)
	if !strings.HasPrefix(text, "server.0=") || !strings.Contains(text, "\nserver.300=") {
		t.Errorf("/zookeeper/config is %q", text)
	}
	f.must(z.ensure("/a", "", znode.ModePersistent))
	f.must(z.close())
	f.must(f.servers[2].Kill())
	f.empty(3)
	f.start(3)
	f.has("/a", 1, 2, 3, 4, 5)
	f.must(zero.Restart())
	f.must(f.servers[0].WaitReady(patience))
	for i, b := range firsts() {
		if b != before[i] {
			t.Errorf("server %d makes sessions with %d, and did with %d", numbers[i], b, before[i])
		}
	}
}

// firstBytes are what sessions of the servers begin with: no two the same, and none 0 or 0xff.
func (f *founders) firstBytes(numbers []int) (all []uint8) {
	f.t.Helper()
	of := map[uint8]int{0: -1, 0xff: -1}
	for i, n := range numbers {
		z := f.client(i + 1)
		b := z.session.Peer()
		if other, taken := of[b]; taken {
			f.t.Errorf("sessions of server %d begin with %d, which is that of %d", n, b, other)
		}
		of[b] = n
		all = append(all, b)
		f.must(z.close())
	}
	return all
}

func freePort() string {
	_, port, _ := strings.Cut(zktest.FreeAddr("127.0.0.1"), ":")
	return port
}
