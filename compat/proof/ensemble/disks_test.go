package ensemble

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/znode"
)

func diskRows() []row {
	return []row{
		{35, "disk_rolled_back_on_one_server", false, rolledBack},
		{42, "disk_full", true, diskFull},
		{42, "disk_full_of_a_follower", false, diskFullOfFollower},
		{43, "disk_full_during_checkpoints", false, diskFullOfCheckpoints},
		{44, "torn_last_record", false, tornTail},
		{45, "bit_flip_in_the_log", true, flippedLog},
		{46, "bit_flips_in_different_logs", false, flippedLogs},
		{47, "checkpoints_damaged_and_missing", false, damagedCheckpoints},
		{48, "log_folder_deleted", false, logDeleted},
		{48, "emptied_server_does_not_vote", false, emptiedServer},
		{48, "founder_that_comes_late", false, lateFounder},
		{55, "no_file_descriptors", false, descriptors},
	}
}

// logFiles are the segments of a server's log that hold records, oldest first.
func (m *member) logFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.Dir(), "log", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no log of server %d: %v", m.id, err)
	}
	var out []string
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && used(b) > 200 { // the next one is there already, without records
			out = append(out, f)
		}
	}
	return out
}

// edit changes a file of a stopped server.
func edit(t testing.TB, file string, change func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// used is where the bytes of a preallocated file end.
func used(b []byte) int { return len(bytes.TrimRight(b, "\x00")) }

// refuses holds that a server does not start, exits with an error, and says one of these words.
func (c *cluster) refuses(m *member, words ...string) {
	c.t.Helper()
	before := len(m.Log())
	c.must(m.Launch())
	if !zktest.Within(patience, func() bool { return m.PID() == 0 }) {
		c.t.Errorf("server %d runs with damaged files; its log goes on:\n%s", m.id, m.Log()[before:])
		return
	}
	said := m.Log()[before:]
	for _, w := range words {
		if strings.Contains(said, w) {
			c.t.Logf("server %d: %s", m.id, strings.TrimSpace(said[max(0, len(said)-400):]))
			return
		}
	}
	c.t.Errorf("server %d stopped with code %d and says none of %q:\n%s", m.id, m.ExitCode(), words, said)
}

// rebuild empties the folder of a stopped server, as an operator does, and starts it again.
func (c *cluster) rebuild(m *member) {
	c.t.Helper()
	for _, name := range []string{"log", "state", "identity"} {
		c.must(os.RemoveAll(filepath.Join(m.Dir(), name)))
	}
	c.must(m.Start())
}

// One server goes on with its folder of some time ago.
func rolledBack(t *testing.T) {
	c, l := startLoaded(t, options{})
	f := c.followers()[0]
	c.must(f.Kill())
	old := filepath.Join(t.TempDir(), "old")
	c.must(os.RemoveAll(filepath.Join(f.Dir(), "admin"))) // the socket that a killed server leaves is no file to be copied
	c.must(os.CopyFS(old, os.DirFS(f.Dir())))
	c.must(f.Start())
	spend(500 * time.Millisecond)
	l.progress(patience)
	c.must(f.Kill())
	for _, name := range []string{"log", "state"} {
		c.must(os.RemoveAll(filepath.Join(f.Dir(), name)))
		c.must(os.CopyFS(filepath.Join(f.Dir(), name), os.DirFS(filepath.Join(old, name))))
	}
	c.must(f.Start())
	l.finish()
}

// small mounts a tmpfs of that many megabytes as the data folder of one server.
func small(t testing.TB, megabytes string, on int) func(int, *zktest.Config) {
	return func(id int, config *zktest.Config) {
		if id != on {
			return
		}
		zktest.Require(t, "root")
		if err := os.MkdirAll(config.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("tmpfs", config.Dir, "tmpfs", 0, "size="+megabytes+"m"); err != nil {
			t.Skipf("no tmpfs can be mounted here: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(config.Dir, syscall.MNT_DETACH) })
	}
}

// The disk of one server fills up, by somebody else's file. It must not spoil the others; with room it must come back.
func diskFull(t *testing.T) {
	c := startCluster(t, options{own: small(t, "400", 1)})
	l := startLoad(c, 4, 2)
	l.noRoom = true
	spend(300 * time.Millisecond)
	full := c.members[0]
	if leader := c.leader(); leader != full {
		if err := leader.transfer(full.id); err != nil {
			t.Log(err)
		}
	}
	filler := filepath.Join(full.Dir(), "filler")
	_ = os.WriteFile(filler, make([]byte, 400<<20), 0o600)
	z := newZK(c.addrs(), 0)
	zktest.Within(patience, func() bool {
		err := z.ensure("/fill", "", znode.ModePersistent)
		return err == nil || errors.Is(err, quota)
	})
	zktest.Eventually(t, patience, "the server says that its disk is low", func() bool {
		s, err := full.status()
		return full.PID() == 0 || err == nil && s.DiskLow
	})
	blob := strings.Repeat("x", 100_000)
	refused := 0
	for i := range 60 {
		if z.conn == nil && z.connect(patience, nil) != nil {
			break
		}
		if _, _, err := z.create("/fill/n"+string(rune('0'+i%10))+"-", blob, znode.ModePersistentSequential); err != nil {
			refused++
		}
	}
	t.Logf("%d of 60 large creates were refused or unanswered; server 1 runs: %v", refused, full.PID() != 0)
	c.must(os.Remove(filler))
	l.finish()
	_ = z.close()
}

// The disk of one follower is nearly full. The whole ensemble refuses writes that grow, and says which server it is; reads and deletes go on, no
// server ends, and all is as before when there is room again.
func diskFullOfFollower(t *testing.T) {
	c := startCluster(t, options{own: small(t, "900", 3)})
	low := c.members[2]
	if c.leader() == low {
		c.must(low.transfer(1))
		zktest.Eventually(t, patience, "another server leads", func() bool { return c.leader() != low })
	}
	z := newZK(c.addrs(c.leader().id), 0)
	zktest.Eventually(t, patience, "a node is made", func() bool { return z.ensure("/fill", "", znode.ModePersistent) == nil })
	filler := filepath.Join(low.Dir(), "filler")
	var space syscall.Statfs_t
	c.must(syscall.Statfs(low.Dir(), &space))
	c.must(os.WriteFile(filler, make([]byte, int64(space.Bavail)*space.Bsize-150<<20), 0o600))
	says := func(want []int) func() bool {
		return func() bool {
			for _, m := range c.members {
				if s, err := m.status(); err != nil || !slices.Equal(s.LowDisks, want) {
					return false
				}
			}
			return true
		}
	}
	zktest.Eventually(t, patience, "every server says that the disk of server 3 is low", says([]int{3}))
	blob := strings.Repeat("x", 900_000)
	for range 300 { // more than the disk has room for
		if _, _, err := z.create("/fill/n-", blob, znode.ModePersistentSequential); !errors.Is(err, quota) {
			t.Fatalf("a client of the leader grows the tree while server 3 has no room: %v", err)
		}
	}
	for _, m := range c.members {
		if m.PID() == 0 {
			t.Fatalf("server %d has ended", m.id)
		}
	}
	c.must(z.delete("/fill"))
	c.must(os.Remove(filler))
	zktest.Eventually(t, patience, "no server says that a disk is low", says(nil))
	_, _, err := z.create("/room", blob, znode.ModePersistent)
	c.must(err)
	_ = z.close()
}

// Checkpoints do not fit beside the log and the store.
func diskFullOfCheckpoints(t *testing.T) {
	c := startCluster(t, options{own: small(t, "400", 2), extra: []string{"snapCount=100"}})
	l := startLoad(c, 4, 2)
	l.noRoom = true
	z := newZK(c.addrs(), 0)
	c.must(z.ensure("/fill", "", znode.ModePersistent))
	noise := make([]byte, 400_000)
	_, _ = rand.Read(noise)
	for range 300 {
		if z.conn == nil && z.connect(patience, nil) != nil {
			break
		}
		_, _, _ = z.create("/fill/n-", string(noise), znode.ModePersistentSequential)
	}
	t.Logf("server 2 runs: %v", c.members[1].PID() != 0)
	l.halt()
	_ = z.close()
	names := []string(nil)
	z = newZK(c.addrs(1, 3), 0)
	c.must(z.connect(patience, nil))
	names, err := z.children("/fill")
	c.must(err)
	for _, name := range names {
		c.must(z.delete("/fill/" + name))
	}
	_ = z.close()
	if full := c.members[1]; full.PID() == 0 { // an operator gives it a larger disk
		c.must(syscall.Mount("tmpfs", full.Dir(), "tmpfs", syscall.MS_REMOUNT, "size=600m"))
		c.must(full.Start())
	}
	c.agree()
}

// The last record of a server's log is torn; nobody had its acknowledgement, or the others have it too.
func tornTail(t *testing.T) {
	c, l := startLoaded(t, options{})
	for _, cut := range []int{1, 5, 40} {
		f := c.followers()[0]
		c.must(f.Kill())
		files := f.logFiles(t)
		edit(t, files[len(files)-1], func(b []byte) []byte {
			end := used(b)
			clear(b[end-cut : end])
			return b
		})
		c.must(f.Start())
		spend(100 * time.Millisecond)
	}
	l.finish()
}

// A bit of an acknowledged record flips on one server, leader or follower: it says so and stays out; an operator rebuilds it.
func flippedLog(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	spend(500 * time.Millisecond)
	for _, m := range []*member{c.followers()[0], c.leader()} {
		c.must(m.Kill())
		c.flip(m, 0.5)
		c.refuses(m, "damage", "corrupt")
		l.progress(patience)
		c.rebuild(m)
	}
	l.finish()
}

// flip turns one bit at a place (0 to 1) of the newest log file with records.
func (c *cluster) flip(m *member, at float64) {
	files := m.logFiles(c.t)
	edit(c.t, files[0], func(b []byte) []byte {
		b[int(float64(used(b))*at)] ^= 4
		return b
	})
}

// Two of five servers have a flipped bit, in different places.
func flippedLogs(t *testing.T) {
	c := startCluster(t, options{voters: 5})
	l := startLoad(c, 4, 2)
	spend(500 * time.Millisecond)
	f := c.followers()
	for i, m := range f[:2] {
		c.must(m.Kill())
		c.flip(m, 0.4+0.2*float64(i))
	}
	for _, m := range f[:2] {
		c.refuses(m, "damage", "corrupt")
	}
	l.progress(patience)
	for _, m := range f[:2] {
		c.rebuild(m)
	}
	l.finish()
}

// The state's files are damaged, emptied or gone: the server rebuilds them from checkpoints and the log, or says what is missing.
func damagedCheckpoints(t *testing.T) {
	c := startCluster(t, options{extra: []string{"snapCount=150"}})
	l := startLoad(c, 4, 2)
	f := c.followers()[0]
	zktest.Eventually(t, patience, "a checkpoint", func() bool { return len(checkpoints(f)) > 0 })
	spend(500 * time.Millisecond)
	for _, damage := range []func(){
		func() {
			for _, file := range checkpoints(f) {
				edit(t, file, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
			}
		},
		func() { c.must(os.Truncate(checkpoints(f)[0], 0)) },
		func() {
			files, _ := filepath.Glob(filepath.Join(f.Dir(), "state", "*", "*"))
			for _, file := range files {
				if strings.HasSuffix(file, ".vlog") || strings.HasSuffix(file, ".sst") || strings.HasSuffix(file, "MANIFEST") {
					edit(t, file, func(b []byte) []byte {
						if len(b) > 40 {
							b[len(b)/3] ^= 1
						}
						return b
					})
				}
			}
		},
		func() { c.must(os.RemoveAll(filepath.Join(f.Dir(), "state"))) },
	} {
		c.must(f.Kill())
		damage()
		before := len(f.Log())
		if err := f.Start(); err != nil {
			said := f.Log()[before:]
			t.Logf("it refuses: %s", said[max(0, len(said)-400):])
			if f.PID() != 0 {
				t.Errorf("server %d neither serves nor stops: %v", f.id, err)
				c.must(f.Kill())
			}
			c.rebuild(f)
		}
		spend(300 * time.Millisecond)
	}
	l.finish()
}

// checkpoints are the checkpoint files of a server.
func checkpoints(m *member) []string {
	var out []string
	_ = filepath.WalkDir(filepath.Join(m.Dir(), "state"), func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(p, "checkpoint") {
			out = append(out, p)
		}
		return nil
	})
	return out
}

// The log's folder is gone, and so is all that the server promised: it must not vote before it has caught up. With its identity it
// is the same server, so it refuses; without, it comes back empty and learns.
func logDeleted(t *testing.T) {
	c, l := startLoaded(t, options{})
	f := c.followers()[0]
	c.must(f.Kill())
	c.must(os.RemoveAll(filepath.Join(f.Dir(), "log")))
	if err := f.Start(); err != nil {
		said := f.Log()
		t.Logf("it refuses: %s", said[max(0, len(said)-400):])
		if f.PID() != 0 {
			t.Errorf("server %d neither serves nor stops: %v", f.id, err)
			c.must(f.Kill())
		}
		c.rebuild(f)
	}
	l.progress(patience)
	l.finish()
}

// A server has no file descriptors left for clients: its peers keep theirs, and when clients leave it serves again.
func descriptors(t *testing.T) {
	c := startCluster(t, options{own: func(id int, config *zktest.Config) {
		if id == 1 {
			config.Prefix = []string{"sh", "-c", `ulimit -n 96; exec "$@"`, "sh"}
		}
	}})
	if c.members[0].id != c.leader().id {
		_ = c.leader().transfer(1)
	}
	l := startLoad(c, 4, 2)
	crowd := storm(c.members[0].Addr(), 200, nil)
	l.progress(patience)
	spend(time.Second)
	l.progress(patience)
	for _, s := range crowd {
		s.Close()
	}
	c.must(c.members[0].WaitReady(patience))
	l.finish()
}

// A write is on two of three disks. One of the two loses its folder while the other is down: with the third, which missed the write, it
// must found nothing, since a majority of disks survives and so must the write.
func emptiedServer(t *testing.T) {
	c := startCluster(t, options{})
	leader := c.leader()
	f := c.followers()
	lagging, emptied := f[0], f[1]
	z := newZK(c.addrs(leader.id), 0)
	c.must(z.ensure("/before", "", znode.ModePersistent))
	c.part([]int{lagging.id}, c.others(lagging.id))
	c.must(z.ensure("/kept", "", znode.ModePersistent))
	z.drop()
	c.must(leader.Kill())
	c.must(emptied.Kill())
	for _, name := range []string{"log", "state", "identity"} {
		c.must(os.RemoveAll(filepath.Join(emptied.Dir(), name)))
	}
	c.heal(true)
	c.must(emptied.Launch())
	z = newZK([]string{lagging.Addr(), emptied.Addr()}, 0)
	if z.connect(4*time.Second, nil) == nil {
		_, _, err := z.create("/lost", "", znode.ModePersistent)
		_, kept, _ := z.exists("/kept")
		t.Errorf("an emptied server and one that lags lead on: a write gave %v, the acknowledged write is there: %v", err, kept)
	}
	z.drop()
	c.must(leader.Start())
	z = newZK(c.addrs(), 0)
	c.must(z.connect(patience, nil))
	c.must(z.sync())
	if _, kept, err := z.exists("/kept"); !kept {
		t.Errorf("an acknowledged write is lost (%v)", err)
	}
	_ = z.close()
	c.agree()
}

// One of three servers was never started. One of the others dies for good: the third comes up empty, and nothing tells it from one that has
// lost its disk, so that it must not help the survivor to lead. By the operator's word, a file named initialize as ZooKeeper has it, it does.
func lateFounder(t *testing.T) {
	c := prepareCluster(t, options{})
	late, gone, survivor := c.members[0], c.members[1], c.members[2]
	c.must(gone.Launch())
	c.must(survivor.Launch())
	c.must(gone.WaitReady(patience))
	c.must(survivor.WaitReady(patience))
	c.watch = watch(t, c)
	t.Cleanup(c.stacks)
	z := newZK(c.addrs(gone.id, survivor.id), 0)
	c.must(z.ensure("/kept", "", znode.ModePersistent))
	z.drop()
	c.must(gone.Kill())
	zktest.Eventually(t, patience, "the survivor leads no more: a leader may fill anybody", func() bool { return zktest.Mode(survivor.Addr()) == "" })
	c.must(late.Launch())
	c.logged("make an empty file named initialize")
	z = newZK(c.addrs(late.id, survivor.id), 0)
	if z.connect(2*time.Second, nil) == nil {
		t.Error("an empty server and a survivor lead on without the operator's word")
	}
	z.drop()
	c.must(late.Stop())
	word := filepath.Join(late.Dir(), "initialize")
	c.must(os.WriteFile(word, nil, 0o644))
	c.must(late.Launch())
	c.must(late.WaitReady(patience))
	c.must(survivor.WaitReady(patience))
	if _, err := os.Stat(word); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there (%v): the next time that the disk is lost it would lie", err)
	}
	z = newZK(c.addrs(late.id), 0)
	c.must(z.connect(patience, nil))
	if _, kept, err := z.exists("/kept"); !kept {
		t.Errorf("an acknowledged write is lost (%v)", err)
	}
	_ = z.close()
	c.agree(late, survivor)
}
