package ensemble

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// member is one server of a cluster.
type member struct {
	zktest.Server
	id    int
	line  string // host:port in its server line: the network's
	peer  string // host:port where it really listens for peers
	via   string // host:port of the network for clients
	voter bool
}

// options of a cluster. The zero value is three voters.
type options struct {
	voters, observers int
	spare             int                            // servers that are prepared, in no server line, and not started
	extra             []string                       // zoo.cfg lines of all
	own               func(id int, c *zktest.Config) // what is different on one server
}

// cluster is an ensemble of real processes on one network.
type cluster struct {
	*network
	t       testing.TB
	members []*member // members[i] has id i+1
	lines   []string  // the server lines
	watch   *watcher
}

// startCluster starts an ensemble and returns when every member serves.
func startCluster(t testing.TB, o options) *cluster {
	t.Helper()
	c := prepareCluster(t, o)
	founders := c.members[:len(c.members)-o.spare]
	for _, m := range founders {
		c.must(m.Launch())
	}
	for _, m := range founders {
		c.must(m.WaitReady(patience))
	}
	c.watch = watch(t, c)
	t.Cleanup(c.stacks)
	return c
}

// stacks tells what every server of a failed row says of itself, and has it write its goroutines into its log, if PADDOCK_KEEP=1 keeps it.
func (c *cluster) stacks() {
	if !c.t.Failed() {
		return
	}
	for _, m := range c.members {
		s, err := m.status()
		c.t.Logf("server %d: %+v %v", m.id, s, err)
	}
	if os.Getenv("PADDOCK_KEEP") != "1" {
		return
	}
	for _, m := range c.members {
		if pid := m.PID(); pid != 0 {
			_ = m.Continue()
			_ = syscall.Kill(pid, syscall.SIGQUIT)
			zktest.Within(5*time.Second, func() bool { return m.PID() == 0 })
		}
	}
}

// scratch is the folder of a cluster; PADDOCK_KEEP=1 keeps it.
func scratch(t testing.TB) string {
	if os.Getenv("PADDOCK_KEEP") != "1" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("", "paddock-ensemble-")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("kept: %s", dir)
	return dir
}

func prepareCluster(t testing.TB, o options) *cluster {
	t.Helper()
	if o.voters == 0 {
		o.voters = 3
	}
	c := &cluster{network: newNetwork(t), t: t}
	parent := scratch(t)
	for id := 1; id <= o.voters+o.observers+o.spare; id++ {
		m := &member{id: id, line: zktest.FreeAddr("127.0.0.1"), peer: zktest.FreeAddr("127.0.0.1"), via: zktest.FreeAddr("127.0.0.1"), voter: id <= o.voters}
		c.members = append(c.members, m)
		if id <= o.voters+o.observers {
			c.lines = append(c.lines, c.serverLine(m))
		}
	}
	for _, m := range c.members {
		config := zktest.Config{
			Dir: filepath.Join(parent, fmt.Sprint(m.id)), Admin: true,
			Extra: slices.Concat([]string{"standaloneEnabled=false", "paddock.peerAddr=" + m.peer, "paddock.minFreeMB=0", "preAllocSize=4096"}, c.lines, o.extra),
		}
		if o.own != nil {
			o.own(m.id, &config)
		}
		c.must(os.MkdirAll(config.Dir, 0o755))
		c.must(os.WriteFile(filepath.Join(config.Dir, "myid"), fmt.Appendln(nil, m.id), 0o644))
		m.Server = zktest.Prepare(t, zktest.Paddock, config)
		c.listen(t, m.line, m.id, m.peer, true)
		c.listen(t, m.via, m.id, m.Addr(), false)
	}
	return c
}

// patience is for what must happen, on a machine that may be busy with much else.
const patience = zktest.Patience

// serverLine is "server.N=…", as in zoo.cfg.
func (c *cluster) serverLine(m *member) string { return fmt.Sprintf("server.%d=%s", m.id, c.spec(m)) }

// spec is the right side of a server line.
func (c *cluster) spec(m *member) string {
	host, port, _ := net.SplitHostPort(m.line)
	_, other, _ := net.SplitHostPort(m.via) // nobody listens on an election port; it only must be one
	role := "participant"
	if !m.voter {
		role = "observer"
	}
	return fmt.Sprintf("%s:%s:%s:%s", host, port, other, role)
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// addrs are the client addresses of the given servers, or of all.
func (c *cluster) addrs(ids ...int) []string {
	var out []string
	for _, m := range c.members {
		if len(ids) == 0 || slices.Contains(ids, m.id) {
			out = append(out, m.Addr())
		}
	}
	return out
}

func (c *cluster) ids() []int {
	var out []int
	for _, m := range c.members {
		out = append(out, m.id)
	}
	return out
}

// others are the ids of all servers but these.
func (c *cluster) others(ids ...int) []int {
	return slices.DeleteFunc(c.ids(), func(id int) bool { return slices.Contains(ids, id) })
}

// status is what a server says of itself at /paddock/status.
type status struct {
	Server      int    `json:"server"`
	Cluster     string `json:"cluster"`
	Incarnation string `json:"incarnation"`
	Role        string `json:"role"`
	Leader      int    `json:"leader"`
	Epoch       uint32 `json:"epoch"`
	Active      bool   `json:"active"`
	NoMember    bool   `json:"noMember"`
	Zxid        string `json:"zxid"`
	Durable     string `json:"durable"`
	Committed   string `json:"committed"`
	Ensemble    string `json:"ensemble"`
	DiskLow     bool   `json:"diskLow"`
	LowDisks    []int  `json:"lowDisks"`
	Learners    []struct {
		Server int    `json:"server"`
		State  string `json:"state"`
		Lag    int64  `json:"lag"`
	} `json:"learners"`
	Counts struct{ Sessions, Znodes, Watches int } `json:"counts"`
}

var quick = &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (m *member) status() (s status, err error) {
	if m.PID() == 0 {
		return s, fmt.Errorf("server %d does not run", m.id)
	}
	r, err := quick.Get("http://" + m.AdminAddr() + "/paddock/status")
	if err != nil {
		return s, err
	}
	defer r.Body.Close()
	return s, json.NewDecoder(r.Body).Decode(&s)
}

// transfer asks the leader to hand over.
func (m *member) transfer(to int) error {
	r, err := zktest.Operator(m).Post(fmt.Sprintf("http://admin/paddock/transfer?to=%d", to), "", nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	if r.StatusCode >= 300 {
		return fmt.Errorf("transfer to %d: %s: %s", to, r.Status, text)
	}
	return nil
}

// leader waits for an active leader among the given servers, or all.
func (c *cluster) leader(among ...int) *member {
	c.t.Helper()
	var found *member
	ok := zktest.Within(patience, func() bool {
		found = nil
		var epoch uint32
		for _, m := range c.members {
			if len(among) > 0 && !slices.Contains(among, m.id) {
				continue
			}
			if s, err := m.status(); err == nil && s.Role == "leading" && s.Active && s.Epoch >= epoch {
				found, epoch = m, s.Epoch
			}
		}
		return found != nil
	})
	if !ok {
		c.t.Fatalf("no leader among %v after %v", among, patience)
	}
	return found
}

// followers are the running voters that do not lead, in the order of their ids.
func (c *cluster) followers() []*member {
	leader := c.leader()
	var out []*member
	for _, m := range c.members {
		if m != leader && m.voter && m.PID() != 0 {
			out = append(out, m)
		}
	}
	return out
}

// recover is the liveness phase: the network is whole, every server that was started before runs, and serves.
func (c *cluster) recover(members ...*member) {
	c.t.Helper()
	if len(members) == 0 {
		members = c.members
	}
	c.heal(true)
	for _, m := range members {
		if m.PID() == 0 {
			c.must(m.Launch())
		} else {
			c.must(m.Continue())
		}
	}
	for _, m := range members {
		c.must(m.WaitReady(patience))
	}
}

// digestLine is an answer to the word hash: "zxid: digest".
var digestLine = regexp.MustCompile(`^[0-9a-f]+: -?[0-9]+$`)

// digest is "zxid: digest" of a server.
func (m *member) digest() string {
	text, err := zktest.FourLetters(m.Addr(), "hash")
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(text)
}

// agree waits until all servers have the same digest at the same zxid.
func (c *cluster) agree(members ...*member) {
	c.t.Helper()
	if len(members) == 0 {
		members = c.members
	}
	all := make([]string, len(members))
	ok := zktest.Within(patience, func() bool {
		for i, m := range members {
			all[i] = m.digest()
		}
		return len(slices.Compact(slices.Clone(all))) == 1 && digestLine.MatchString(all[0])
	})
	if !ok {
		c.t.Errorf("digests differ after %v:\n%s", patience, strings.Join(all, "\n"))
		for _, m := range members {
			s, err := m.status()
			c.t.Logf("server %d: %+v %v", m.id, s, err)
		}
	}
}

// watcher looks at every server ten times a second: no epoch has two leaders. It counts the epochs with a leader.
type watcher struct {
	mu      sync.Mutex
	leaders map[uint32]int
	wrong   []string
	stop    chan struct{}
	done    sync.WaitGroup
}

func watch(t testing.TB, c *cluster) *watcher {
	w := &watcher{leaders: map[uint32]int{}, stop: make(chan struct{})}
	for _, m := range c.members {
		w.done.Go(func() {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-w.stop:
					return
				case <-tick.C:
				}
				if s, err := m.status(); err == nil && s.Role == "leading" && s.Active {
					w.saw(s.Epoch, m.id)
				}
			}
		})
	}
	t.Cleanup(func() { close(w.stop); w.done.Wait() })
	return w
}

func (w *watcher) saw(epoch uint32, id int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if was, ok := w.leaders[epoch]; ok && was != id {
		w.wrong = append(w.wrong, fmt.Sprintf("epoch %d is led by %d and by %d", epoch, was, id))
	}
	w.leaders[epoch] = id
}

// epochs is how many epochs have been seen with an active leader.
func (w *watcher) epochs() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.leaders)
}

// fewEpochs holds that there were not more elections than a busy machine explains. Without an excuse there are none; with one processor for
// three servers and much else, a leader may be late now and then.
func (c *cluster) fewEpochs(most int, why string) {
	c.t.Helper()
	n := c.watch.epochs()
	if n > 1 {
		c.t.Logf("%d epochs", n)
	}
	if n > most+8 {
		c.t.Errorf("%d epochs, %d at most: %s", n, most, why)
	}
}

// vias are the addresses of all servers on the network, where the clients' bytes meet faults too.
func (c *cluster) vias() []string {
	var out []string
	for _, m := range c.members {
		out = append(out, m.via)
	}
	return out
}

// logged holds that some server has said this.
func (c *cluster) logged(words string) {
	c.t.Helper()
	if !zktest.Within(patience, func() bool {
		return slices.ContainsFunc(c.members, func(m *member) bool { return strings.Contains(m.Log(), words) })
	}) {
		c.t.Errorf("no server's log says %q", words)
	}
}
