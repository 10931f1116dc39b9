package clients

import (
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// An ensemble that may be reconfigured has a version from its first leader on, and a client that saw it may say so.
func TestFirstConfiguration(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		e := zktest.StartEnsemble(t, kind, 3, zktest.Config{Extra: []string{"reconfigEnabled=true", "skipACL=yes"}})
		c, _, err := zk.Connect(e.Addrs()[:1], 10*time.Second, zk.WithLogInfo(false))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var text string
		zktest.Eventually(t, zktest.Patience, "the configuration is written", func() bool {
			data, _, err := c.Get("/zookeeper/config")
			text = string(data)
			return err == nil && text != ""
		})
		if !strings.HasSuffix(text, "\nversion=100000000") {
			t.Errorf("the configuration is %q", text)
		}
		g := &goZK{T: t, conn: c}
		reconfig := func(version int64) (err error) {
			g.surely(zk.ErrBadVersion, func() error {
				if _, err = c.IncrementalReconfig(nil, []string{"2"}, version); err == zk.ErrBadVersion {
					return nil
				}
				return err
			})
			return err
		}
		if err := reconfig(7); err != zk.ErrBadVersion {
			t.Errorf("reconfig of version 7: %v", err)
		}
		g.surely(zk.ErrBadVersion, func() error { _, err := c.IncrementalReconfig(nil, []string{"2"}, 1<<32); return err })
	})
}
