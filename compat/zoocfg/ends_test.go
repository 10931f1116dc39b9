package zoocfg_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

func connect(t *testing.T, addr string) *zk.Conn {
	t.Helper()
	c, _, err := zk.Connect([]string{addr}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestValuesAtTheEnds: a standalone server of either kind serves with values that mean "off", that are raised, or that nobody reads, and on the
// address that an empty one means.
func TestValuesAtTheEnds(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		s := zktest.Start(t, kind, zktest.Config{Extra: []string{"clientPortAddress=", "maxClientCnxns=-1", "maxCnxns=-1", "autopurge.purgeInterval=-1", "autopurge.snapRetainCount=-1",
			"globalOutstandingLimit=0", "snapCount=1", "preAllocSize=0", "jute.maxbuffer=2147483647", "admin.serverPort=-1", "fsync.warningthresholdms=-1", "initLimit=0", "syncLimit=0",
			"znode.container.checkIntervalMs=0", "znode.container.maxPerMinute=0", "minSessionTimeout=-2", "clientPortListenBacklog=-5", "connectToLearnerMasterLimit=-1", "largeRequestMaxBytes=0",
			"largeRequestThreshold=0", "throttled_op_wait_time=-1", "request_throttle_max_requests=-1", "observerMasterPort=70000", "snapSizeLimitInKb=-1", "commitLogCount=-1", "skipACL=true"}})
		c := connect(t, s.Addr())
		for i := range 20 { // more than snapCount, and than globalOutstandingLimit
			if _, err := c.Create("/n"+string(rune('a'+i)), nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Create("/mine", nil, 0, []zk.ACL{{Perms: zk.PermAll, Scheme: "digest", ID: "a:b"}}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Get("/mine"); err != zk.ErrNoAuth {
			t.Errorf("with skipACL=true, which is not yes, a node of somebody else is read: %v", err)
		}
		_, port, _ := strings.Cut(s.Addr(), ":")
		if other, err := net.DialTimeout("tcp", "127.0.0.2:"+port, 5*time.Second); err == nil {
			other.Close()
			t.Error("with an empty clientPortAddress it listens on more than 127.0.0.1")
		}
	})
}

// TestValuesAtTheEndsInAnEnsemble: a member of an ensemble serves with the same values, but for those that an ensemble needs.
func TestValuesAtTheEndsInAnEnsemble(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		e := zktest.StartEnsemble(t, kind, 1, zktest.Config{Extra: []string{"admin.enableServer=true", "admin.serverPort=-1", "maxClientCnxns=-1", "autopurge.purgeInterval=-1",
			"globalOutstandingLimit=-1", "snapCount=-1", "preAllocSize=-1", "fsync.warningthresholdms=-1", "znode.container.checkIntervalMs=-1", "jute.maxbuffer=-1",
			"connectToLearnerMasterLimit=-1", "electionPortBindRetry=-1", "quorumCnxnTimeoutMs=-1", "observerMasterPort=-1", "minSessionTimeout=0"}})
		if _, err := connect(t, e.Servers[0].Addr()).Create("/n", nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRefusedAlike: what 3.9.5 does not start with, we do not start with, so that no server stands alone by accident.
func TestRefusedAlike(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		for _, lines := range [][]string{
			{"server.one=127.0.0.1:2888:3888"}, {"localSessionsEnabled=yes"}, {"tickTime=-1"}, {"maxSessionTimeout=0"}, {"admin.serverPort=-1", "admin.enableServer=true"},
			{"initLimit=0", "standaloneEnabled=false", "server.1=127.0.0.1:2888:3888"}, {"syncLimit=0", "standaloneEnabled=false", "server.1=127.0.0.1:2888:3888"},
		} {
			s := zktest.Prepare(t, kind, zktest.Config{Extra: lines})
			if err := os.WriteFile(filepath.Join(s.Dir(), "myid"), []byte("1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := s.Start(); err == nil || s.ExitCode() <= 0 {
				t.Errorf("%v: it serves (%v, exit code %d)", lines, err, s.ExitCode())
			}
		}
	})
}

// TestLeaderServes: with leaderServes=no the leader of an ensemble turns clients away, and the others serve them, of either kind.
func TestLeaderServes(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		e := zktest.StartEnsemble(t, kind, 3, zktest.Config{})
		for _, s := range e.Servers {
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(filepath.Join(s.Dir(), "zoo.cfg"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString("leaderServes=no\n"); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		for _, s := range e.Servers {
			if err := s.Launch(); err != nil {
				t.Fatal(err)
			}
		}
		zktest.Eventually(t, zktest.Patience, "two of three serve, and take a write", func() bool {
			var serving []string
			for _, s := range e.Servers {
				if zktest.Handshake(s.Addr(), 5*time.Second) == nil {
					serving = append(serving, s.Addr())
				}
			}
			return len(serving) == 2 && writes(serving)
		})
	})
}

// writes says whether a client of these servers can write now.
func writes(addrs []string) bool {
	c, _, err := zk.Connect(addrs, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		return false
	}
	defer c.Close()
	_, err = c.Create("/n", nil, 0, zk.WorldACL(zk.PermAll))
	return err == nil || err == zk.ErrNodeExists
}
