package ensemble

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/znode"
)

func divergeRows() []row {
	return []row{
		{57, "state_of_a_follower_is_wrong", false, func(t *testing.T) { diverged(t, false) }},
		{57, "state_of_the_leader_is_wrong", false, func(t *testing.T) { diverged(t, true) }},
	}
}

// The state of one server is wrong: it skips a transaction that the others apply. It ends by itself, whether it leads or not, and refuses to start
// on that folder again; the others serve. Filled anew by an operator's word, it holds what they hold, and what was wrong is kept as evidence.
func diverged(t *testing.T, leads bool) {
	c := startCluster(t, options{extra: []string{"paddock.flushEveryMs=3600000"}}) // the transaction is in the log alone when the server is killed
	wrong := c.followers()[0]
	z := newZK(c.addrs(c.others(wrong.id)...), 0)
	c.must(z.connect(patience, nil))
	_, stat, err := z.create("/evidence", "what only one server lacks", znode.ModePersistent)
	c.must(err)
	zktest.Eventually(t, patience, "every server has the node", func() bool {
		for _, m := range c.members {
			if s, err := m.status(); err != nil || s.Counts.Znodes != c.znodes() {
				return false
			}
		}
		return true
	})
	c.must(wrong.Kill())
	c.operate(wrong, "log", "skip", "--yes", fmt.Sprintf("%#x", uint64(stat.Czxid)))
	c.must(wrong.Start())
	if leads {
		led := func() bool { return strings.Contains(wrong.Log(), "mode=serving leader="+fmt.Sprint(wrong.id)) }
		zktest.Eventually(t, patience, "the wrong server leads", func() bool {
			if !led() && wrong.PID() != 0 {
				_ = c.leader().transfer(wrong.id)
			}
			return led() // it may have ended since: the first digest is that of its NEWLEADER
		})
	}
	for i := range 300 { // digests are compared at every 128th transaction
		for z.conn == nil {
			c.must(z.connect(patience, nil))
		}
		_, _, _ = z.create(fmt.Sprintf("/n%d", i), "", znode.ModePersistent) // one may be lost with the leader
	}
	zktest.Eventually(t, patience, "the server whose state is wrong ends", func() bool { return wrong.PID() == 0 })
	if !strings.Contains(wrong.Log(), "the state of this server is wrong") {
		t.Errorf("server %d does not say why it ends", wrong.id)
	}
	c.refuses(wrong, "paddock refill")
	for _, m := range c.members {
		if m != wrong && m.PID() == 0 {
			t.Errorf("server %d has ended, and its state was right", m.id)
		}
	}
	c.operate(wrong, "refill", "--yes")
	kept, _ := filepath.Glob(filepath.Join(wrong.Dir(), "evidence-*", "*"))
	for i := range kept {
		kept[i] = filepath.Base(kept[i])
	}
	if want := []string{"diverged", "identity", "log", "state"}; !slices.Equal(kept, want) {
		t.Errorf("the evidence is %v, want %v", kept, want)
	}
	c.must(wrong.Start())
	c.agree()
	z = newZK(c.addrs(wrong.id), 0)
	c.must(z.connect(patience, nil))
	if _, there, err := z.exists("/evidence"); err != nil || !there {
		t.Errorf("the server that was filled anew lacks the node: %v", err)
	}
	_ = z.close()
}

// znodes is how many nodes the leader has.
func (c *cluster) znodes() int {
	s, _ := c.leader().status()
	return s.Counts.Znodes
}

// operate runs a verb of the tool on the folder of a stopped server.
func (c *cluster) operate(m *member, words ...string) {
	c.t.Helper()
	binary, err := zktest.PaddockBinary()
	c.must(err)
	verb := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") })
	cmd := exec.Command(binary, slices.Concat(words[:verb], []string{"--data-dir", m.Dir()}, words[verb:])...)
	cmd.Env = append(os.Environ(), "HOME="+c.t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}
