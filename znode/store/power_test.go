package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode/store"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// powerFS writes to real files, and to a disk that knows what a power cut would leave of them.
type powerFS struct {
	atomicfile.OS
	disk  *faultfs.Disk
	known map[string]bool
}

func newPowerFS(t *testing.T, dirs ...string) *powerFS {
	p := &powerFS{disk: faultfs.New(), known: map[string]bool{}}
	for _, dir := range dirs {
		must(t, os.MkdirAll(dir, 0o700))
		must(t, p.disk.MkdirAll(dir))
		must(t, p.disk.SyncDir(filepath.Dir(dir)))
	}
	return p
}

type powerFile struct {
	*os.File
	disk txnlog.File
	off  int64
}

func (p *powerFS) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	if p.known[name] && flag&os.O_TRUNC != 0 {
		if err := p.Remove(name); err != nil {
			return nil, err
		}
	}
	d, err := p.disk.OpenFile(name, !p.known[name])
	if err != nil {
		return nil, err
	}
	p.known[name] = true
	f, err := os.OpenFile(name, flag, perm)
	return &powerFile{File: f, disk: d}, err
}

func (p *powerFS) Rename(oldName, newName string) error {
	if err := p.disk.Rename(oldName, newName); err != nil {
		return err
	}
	delete(p.known, oldName)
	p.known[newName] = true
	return os.Rename(oldName, newName)
}

func (p *powerFS) Remove(name string) error {
	if err := p.disk.Remove(name); err != nil {
		return err
	}
	delete(p.known, name)
	return os.Remove(name)
}

func (p *powerFS) SyncDir(dir string) error { return p.disk.SyncDir(dir) }

func (f *powerFile) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.off)
	f.off += int64(n)
	return n, err
}

func (f *powerFile) WriteAt(b []byte, off int64) (int, error) {
	if n, err := f.disk.WriteAt(b, off); err != nil {
		return n, err
	}
	return f.File.WriteAt(b, off)
}

func (f *powerFile) Sync() error { return f.disk.Sync() }

// cut is the folder to as the power cut leaves the folder from.
func (p *powerFS) cut(t *testing.T, rng *rand.Rand, from, to string) {
	t.Helper()
	left := p.disk.Crash(rng)
	for _, name := range left.Files() {
		rel, err := filepath.Rel(from, name)
		must(t, err)
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o700))
		must(t, os.WriteFile(filepath.Join(to, rel), left.Bytes(name), 0o600))
	}
}

// The power goes at any moment while images are taken and received. What has an image's name is whole then, and an image that was reported
// to be there is there: the log behind it may be gone.
func TestPowerCutsWhileImagesAreMade(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 12
	}
	from, image := checkpointOf(t)
	_ = from
	cuts := 0
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 9))
		dir := t.TempDir()
		p := newPowerFS(t, filepath.Join(dir, "checkpoints"), filepath.Join(dir, "incoming"))
		opt := testOptions
		opt.Files = p
		s, err := store.Open(dir, opt)
		must(t, err)
		p.disk.CrashAt(1 + rng.IntN(40))
		f := newFake(1)
		f.zxid = image.Zxid // so that images of both ways are in one order
		var promised []zxid.ID
		for err == nil {
			var c store.Checkpoint
			if seed%2 == 0 && len(promised) == 0 {
				c, err = receive(s, image)
			} else {
				advance(t, s, f, f.zxid+3, 2)
				c, err = s.Checkpoint(t.Context(), nil)
			}
			if err == nil {
				promised = append(promised, c.Zxid)
			}
		}
		if !errors.Is(err, faultfs.ErrCrashed) {
			t.Fatal(err)
		}
		_ = s.Close()
		cuts += len(promised)
		after := t.TempDir()
		p.cut(t, rng, dir, after)
		checkAfterCut(t, fmt.Sprint("seed ", seed), after, promised)
	}
	if cuts == 0 {
		t.Error("no power cut came after an image")
	}
}

func checkAfterCut(t *testing.T, where, dir string, promised []zxid.ID) {
	t.Helper()
	there := map[zxid.ID]bool{}
	all, err := store.Checkpoints(dir)
	must(t, err)
	for _, c := range all {
		there[c.Zxid] = true
		if _, err := store.VerifyImage(c.Path, newFake(1), nil); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
	for _, z := range promised[max(0, len(promised)-2):] { // the third may be on its way out
		if !there[z] {
			t.Errorf("%s: the image at %v is gone; there are %v", where, z, all)
		}
	}
}

// The power goes while the database is open: of its files that are not synced, the memtables' and those of large values, any page may be lost.
// The next start comes to the state of the model, from the database or from an image and the log.
func TestPowerCutUnderTheDatabase(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 4
	}
	rebuilt := 0
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 11))
		a, dir, after := newApplied(), t.TempDir(), t.TempDir()
		opt := store.Options{ReserveBytes: 1 << 20, CheckpointRate: -1}
		s, _, err := store.OpenState(dir, opt, store.Span{})
		must(t, err)
		f := follow(s, a)
		for range 10 {
			a.writeSome(rng, 1+rng.IntN(15))
			due, err := f.Step(t.Context(), time.Time{})
			must(t, err)
			if due {
				must(t, f.Checkpoint(t.Context()))
			}
		}
		must(t, os.CopyFS(after, os.DirFS(dir)))
		must(t, s.Close())
		losePages(t, rng, filepath.Join(after, "badger"))
		s, st, err := store.OpenState(after, opt, store.Span{Base: a.base, Last: a.last()})
		must(t, err)
		if st.LastZxid() != a.last() {
			rebuilt++
		}
		before := a.st
		a.st = st
		a.replay(t, before)
		must(t, s.Close())
	}
	if rebuilt == 0 {
		t.Error("no page was lost that mattered")
	}
	t.Logf("%d of %d starts lacked something", rebuilt, seeds)
}

// losePages takes pages away from the files that Badger leaves to the kernel. (It syncs its tables and their list.)
func losePages(t *testing.T, rng *rand.Rand, dir string) {
	t.Helper()
	const page = 4096
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range files {
		if ext := filepath.Ext(e.Name()); ext != ".mem" && ext != ".vlog" {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR, 0)
		must(t, err)
		for off := int64(0); off < 16*page; off += page { // the rest is empty
			if rng.IntN(3) == 0 {
				_, err := f.WriteAt(make([]byte, page), off)
				must(t, err)
			}
		}
		must(t, f.Close())
	}
}

// receive takes an image as from a peer.
func receive(s *store.Store, c store.Checkpoint) (store.Checkpoint, error) {
	from, err := store.Send(c)
	if err != nil {
		return c, err
	}
	defer func() { _ = from.Close() }()
	r, err := s.Receive(from.Header(), from.Size())
	if err != nil {
		return c, err
	}
	for b := make([]byte, 5000); r.Offset() < from.Size(); {
		n, _ := from.Chunk(b, r.Offset())
		if err := r.Chunk(b[:n], r.Offset()); err != nil {
			return c, errors.Join(err, r.Close())
		}
	}
	return r.Finish()
}

// holed makes an image of f that lacks one record, and whose checksums are right.
func holed(t *testing.T, path string, f *fakeState) {
	t.Helper()
	out, err := os.Create(path)
	must(t, err)
	w, err := store.NewImageWriter(out, store.ImageHeader{Identity: testOptions.Identity, Zxid: f.zxid, Digest: f.Digest()})
	must(t, err)
	f.MarkAllChanged()
	n := 0
	f.DrainChanges(func(k, v []byte) {
		if n++; n != 5 {
			must(t, w.Add(k, v))
		}
	}, func([]byte) {})
	must(t, errors.Join(w.Close(), out.Close()))
}

// An image with a hole is damaged, though each of its blocks is good.
func TestImageWithAHole(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	f := newFake(1)
	advance(t, s, f, 30, 10)
	path := filepath.Join(dir, "checkpoints", "000000000000001e.img")
	holed(t, path, f)
	if _, err := store.VerifyImage(path, newFake(2), nil); err == nil {
		t.Error("an image with a hole is called good")
	}
	all, err := s.Checkpoints()
	if must(t, err); len(all) != 1 || s.Verify(t.Context(), all[0]) == nil {
		t.Errorf("the store calls an image with a hole good: %+v", all)
	}
	if _, err := receive(mustOpen(t, t.TempDir()), all[0]); err == nil {
		t.Error("an image with a hole was taken from a peer")
	}
	c, err := s.Checkpoint(t.Context(), nil) // at the same zxid: it is taken anew
	must(t, err)
	must(t, s.Verify(t.Context(), c))
	must(t, s.Close())
}
