package store_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode/store"
)

// bulk is a source of batches of random records.
type bulk struct {
	zxid zxid.ID
	rng  *rand.Rand
	n    int
}

func (b *bulk) DrainChanges(put func(k, v []byte), _ func(k []byte)) zxid.ID {
	b.zxid++
	v := make([]byte, 2000)
	for range b.n {
		for i := range v {
			v[i] = byte(b.rng.Uint32())
		}
		put(slotKey(b.rng.Uint32N(200_000)), v)
	}
	return b.zxid
}
func (b *bulk) DrainSome(int, func(k, v []byte), func(k []byte)) {}
func (b *bulk) MarkAllChanged()                                  {}
func (b *bulk) LastZxid() zxid.ID                                { return b.zxid }
func (b *bulk) Digest() uint64                                   { return uint64(b.zxid) }

// A real file system is filled until the store refuses: the process lives, what was committed is there, and with room again it goes on.
func TestFullFileSystem(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 300 MB")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=420m"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
	ballast := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 100<<20), 0o600))
	opt := testOptions
	opt.ReserveBytes = 128 << 20
	s, err := store.Open(filepath.Join(dir, "data"), opt)
	must(t, err)
	src := &bulk{rng: rand.New(rand.NewPCG(1, 1)), n: 500}
	least := uint64(1 << 60)
	var refused *store.Batch
	for refused == nil {
		b := store.Collect(src)
		if err := s.Commit(b); errors.Is(err, store.ErrNoSpace) {
			refused = b
		} else {
			must(t, err)
		}
		sp, err := s.Space()
		must(t, err)
		least = min(least, sp.Free)
	}
	t.Logf("refused at %v; at least %d MiB of the reserve of %d were left", refused.Zxid, least>>20, opt.ReserveBytes>>20)
	if sp, err := s.Space(); err != nil || sp.Reserve < uint64(opt.ReserveBytes)+8<<20 {
		t.Errorf("%+v, %v: the reserve does not grow with what a compaction may write anew", sp, err)
	}
	must(t, os.Remove(ballast))
	must(t, s.Commit(refused))
	must(t, s.Close())
	s, err = store.Open(filepath.Join(dir, "data"), opt)
	must(t, err)
	if s.Zxid() != refused.Zxid {
		t.Fatalf("the store is at %v, want %v", s.Zxid(), refused.Zxid)
	}
	must(t, s.Close())
}
