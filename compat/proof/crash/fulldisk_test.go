package crash

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// A server whose disk runs full, gets room again and runs full once more: a backup that is given up meanwhile costs nothing, the backup after it
// can be restored, a stop ends in time, and the next start has everything.
func TestFullDisk(t *testing.T) {
	zktest.Require(t, "root")
	binary, err := zktest.PaddockBinary()
	must(t, err)
	d := &smallDisk{dir: t.TempDir()}
	must(t, unix.Mount("tmpfs", d.dir, "tmpfs", 0, "size=700m"))
	t.Cleanup(func() { must(t, unix.Unmount(d.dir, unix.MNT_DETACH)) })
	server := zktest.Start(t, zktest.Paddock, zktest.Config{Dir: d.dir, Admin: true, Extra: []string{"snapCount=30"}})
	tool := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(binary, append([]string{"--server", server.Addr()}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("paddock %v: %v\n%s\nthe server says:\n%s", args, err, out, server.Log())
		}
		return string(out)
	}
	save := func(name string) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), name)
		tool("snapshot", "save", "--admin", server.AdminAddr(), file)
		return file
	}
	for i := range 5 {
		tool("create", fmt.Sprintf("/n%d", i), "here")
	}
	save("before") // it is in the database now
	d.fill(t)
	zktest.Eventually(t, zktest.Patience, "the alarm of a nearly full disk", func() bool { return strings.Contains(server.Log(), "nearly full") })
	tool("delete", "/n3")
	giveUpABackup(t, server)
	d.clear(t)
	zktest.Eventually(t, zktest.Patience, "room again", func() bool { return strings.Contains(server.Log(), "has room again") })
	for i := range 60 {
		tool("set", "/n1", fmt.Sprint("now ", i))
	}
	backup := save("after")
	d.fill(t)
	tool("delete", "/n4")
	begun := time.Now()
	must(t, server.Stop())
	if took := time.Since(begun); took > 20*time.Second { // it gives itself less than ten, on a machine that is its own
		t.Errorf("the stop took %v", took)
	}
	if !strings.Contains(server.Log(), "in the log only") {
		t.Errorf("the stop does not say what is left to the log:\n%s", server.Log())
	}
	d.clear(t)
	tool("verify", "--data-dir", d.dir)
	must(t, server.Start())
	if got := strings.Fields(tool("ls", "/")); fmt.Sprint(got) != "[n0 n1 n2 zookeeper]" {
		t.Errorf("after the restart there are %v", got)
	}
	must(t, server.Stop())
	restored := filepath.Join(t.TempDir(), "restored")
	tool("snapshot", "restore", "--data-dir", restored, "--nothing-newer", backup)
	tool("verify", "--data-dir", restored)
}

// giveUpABackup asks for a backup and waits for it for two seconds.
func giveUpABackup(t *testing.T, server zktest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://admin/paddock/snapshot", nil)
	must(t, err)
	resp, err := zktest.Operator(server).Do(req)
	if err != nil {
		return // it was given up
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode == http.StatusOK {
		t.Errorf("a backup on a full disk: %s, %v", resp.Status, err)
	}
}

// smallDisk is a file system that can be filled.
type smallDisk struct{ dir string }

func (d *smallDisk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves 150 MiB.
func (d *smallDisk) fill(t *testing.T) {
	t.Helper()
	var st unix.Statfs_t
	must(t, unix.Statfs(d.dir, &st))
	free := int64(st.Bavail) * int64(st.Bsize)
	f, err := os.Create(d.ballast())
	must(t, err)
	must(t, unix.Fallocate(int(f.Fd()), 0, 0, free-150<<20))
	must(t, f.Close())
}

func (d *smallDisk) clear(t *testing.T) {
	t.Helper()
	must(t, os.Remove(d.ballast()))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
