package audit_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// want is what both servers note of the same client. S is its session.
const want = `session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=create	znode=/a	znode_type=persistent	result=success
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=create	znode=/a	znode_type=persistent	result=failure
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=create	znode=/a/q-0000000000	znode_type=ephemeral_sequential	result=success
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=create	znode=/c	znode_type=container	result=success
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=setData	znode=/a	result=success
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=setData	znode=/a	result=failure
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=setAcl	znode=/c	acl=world:anyone:rdigest:ann:x:cdrwa	result=success
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=create	znode=/m	znode_type=persistent	result=success
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=setData	znode=/m	result=success
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=delete	znode=/m	result=success
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=multiOperation	result=failure
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=delete	znode=/c	result=success
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=delete	znode=/nothing	result=failure
session=S	user=127.0.0.1,ann	ip=127.0.0.1	operation=reconfig	result=failure
session=S	user=ME	operation=ephemeralZNodeDeletionOnSessionCloseOrExpire	znode=/a/q-0000000000	result=success
user=ME	operation=serverStop	result=invoked`

// The same client leaves the same lines in the audit logs of ZooKeeper and of Paddock.
func TestLines(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		server := zktest.Start(t, kind, zktest.Config{Extra: []string{"audit.enable=true"}})
		do(t, server.Addr())
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
		text := server.Log()
		if kind == zktest.Paddock {
			b, err := os.ReadFile(find(t, server.Dir(), "audit.log"))
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		got := lines(text)
		if !strings.HasPrefix(got, "user=ME\toperation=serverStart\tresult=success\n") {
			t.Errorf("no start in\n%s", got)
		}
		if _, got, _ = strings.Cut(got, "\n"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func find(t *testing.T, dir, name string) (path string) {
	t.Helper()
	filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == name {
			path = p
		}
		return nil
	})
	if path == "" {
		t.Fatalf("there is no %s in %s", name, dir)
	}
	return path
}

// lines are the audit lines of a text with what differs from run to run taken out.
func lines(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		at := strings.Index(line, "session=0x")
		if u := strings.Index(line, "user="); at < 0 || u >= 0 && u < at {
			at = u
		}
		if at < 0 || !strings.Contains(line, "operation=") {
			continue
		}
		line = regexp.MustCompile(`session=0x[0-9a-f]+`).ReplaceAllString(strings.TrimRight(line[at:], "\n"), "session=S")
		line = strings.Replace(line, "user=ann,127.0.0.1", "user=127.0.0.1,ann", 1) // ZooKeeper keeps them in a hash set
		if strings.Contains(line, "operation=server") || strings.Contains(line, "operation=ephemeral") {
			line = regexp.MustCompile(`user=[^\t]+`).ReplaceAllString(line, "user=ME")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func do(t *testing.T, addr string) {
	t.Helper()
	c, _, err := zk.Connect([]string{addr}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.AddAuth("digest", []byte("ann:secret")); err != nil {
		t.Fatal(err)
	}
	open := zk.WorldACL(zk.PermAll)
	c.Create("/a", nil, 0, open)
	c.Create("/a", nil, 0, open)
	c.Create("/a/q-", nil, zk.FlagEphemeral|zk.FlagSequence, open)
	c.CreateContainer("/c", nil, zk.FlagContainer, open)
	c.Set("/a", nil, 0)
	c.Set("/a", nil, 77)
	c.SetACL("/c", slices.Concat(zk.WorldACL(zk.PermRead), []zk.ACL{{Perms: zk.PermAll, Scheme: "digest", ID: "ann:x"}}), -1)
	c.Multi(
		&zk.CreateRequest{Path: "/m", Acl: open}, &zk.CheckVersionRequest{Path: "/m", Version: 0},
		&zk.SetDataRequest{Path: "/m", Version: 0}, &zk.DeleteRequest{Path: "/m", Version: -1})
	c.Multi(&zk.CreateRequest{Path: "/m", Acl: open}, &zk.CheckVersionRequest{Path: "/m", Version: 5})
	c.Get("/a")
	c.Delete("/c", -1)
	c.Delete("/nothing", -1)
	c.IncrementalReconfig(nil, []string{"7"}, -1)
}
