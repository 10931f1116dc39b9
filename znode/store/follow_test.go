package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
	"github.com/paddock-zk/paddock/znode/store/storetest"
)

// applied is a server as far as a follower sees it: a state under a lock, the log behind it, and the digest at every zxid.
type applied struct {
	mu      sync.Mutex
	st      *znode.State
	flags   znode.Flags
	base    zxid.ID
	log     []logged
	full    error // what Reserve says
	digests map[zxid.ID]uint64
}

type logged struct {
	zxid zxid.ID
	txn  znode.Txn
}

func newApplied() *applied {
	return &applied{st: znode.NewState(znode.Options{}), digests: map[zxid.ID]uint64{}}
}

func (a *applied) Change(f func(*znode.State)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a.st)
}

func (a *applied) SetFlag(f znode.Flags, on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.flags &^= f; on {
		a.flags |= f
	}
}

func (a *applied) Reserve() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.full
}

func (a *applied) CompactBefore(z zxid.ID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.base = max(a.base, z)
	a.log = slices.DeleteFunc(a.log, func(l logged) bool { return l.zxid <= z })
	return nil
}

func (a *applied) last() zxid.ID {
	if len(a.log) == 0 {
		return a.base
	}
	return a.log[len(a.log)-1].zxid
}

// write logs and applies one transaction.
func (a *applied) write(op znode.Op) znode.Code {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := logged{a.last() + 1, znode.Txn{Op: op}}
	if l.zxid == 1 {
		l.zxid = zxid.New(1, 1)
	}
	a.log = append(a.log, l)
	return a.apply(l)
}

func (a *applied) apply(l logged) znode.Code {
	var r znode.Result
	a.st.Apply(l.zxid, 1_700_000_000_000+int64(l.zxid.Counter()), &l.txn, &r)
	a.digests[l.zxid] = a.st.Digest()
	return r.Code
}

var openACL = []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}

// writeSome makes n random transactions over few paths, so that slots are freed and used again.
func (a *applied) writeSome(rng *rand.Rand, n int) {
	for range n {
		path := fmt.Sprintf("/n%d", rng.IntN(12))
		if rng.IntN(2) == 0 {
			path += fmt.Sprintf("/c%d", rng.IntN(6))
		}
		data := make([]byte, rng.IntN(40))
		switch rng.IntN(5) {
		case 0:
			a.write(znode.Op{Kind: znode.KindDelete, Path: path, Version: -1, Wire: 2})
		case 1:
			a.write(znode.Op{Kind: znode.KindSetData, Path: path, Data: data, Version: -1, Wire: 5})
		case 2:
			acl := []znode.ACL{{Perms: znode.Perm(1 + rng.IntN(31)), Scheme: "world", ID: "anyone"}}
			a.write(znode.Op{Kind: znode.KindSetACL, Path: path, ACL: acl, Version: -1, Wire: 7})
		default:
			a.write(znode.Op{Kind: znode.KindCreate, Path: path, Data: data, ACL: openACL, Wire: 1})
		}
	}
}

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

func follow(db store.Database, a *applied) *store.Follower {
	return store.Follow("test", db, a, a, store.FollowOptions{SnapCount: 20})
}

// Whoever has given up changes nothing, although the lock is free: a select that may take either draws one.
func TestWhoHasGivenUpFlushesNothing(t *testing.T) {
	a, disk := newApplied(), storetest.NewDisk()
	f := follow(disk, a)
	a.writeSome(rand.New(rand.NewPCG(3, 3)), 10)
	gone, giveUp := context.WithCancel(t.Context())
	giveUp()
	for range 50 {
		if err := f.Flush(gone); !errors.Is(err, context.Canceled) || disk.Zxid() != 0 {
			t.Fatalf("%v, and the database is at %v", err, disk.Zxid())
		}
	}
}

// loadsAs fails the test if the image at c is not the state that the model had there.
func (a *applied) loadsAs(t *testing.T, db store.Database, c store.Checkpoint) {
	t.Helper()
	st := znode.NewState(znode.Options{})
	if err := db.LoadInto(c, st); err != nil {
		t.Fatalf("the image at %v does not load: %v", c.Zxid, err)
	}
	if want, ok := a.digests[c.Zxid]; !ok || st.LastZxid() != c.Zxid || st.Digest() != want {
		t.Fatalf("the image at %v holds the state at %v with digest %x, want %x", c.Zxid, st.LastZxid(), st.Digest(), want)
	}
}

// A backup that is refused, or given up, while the disk is low changes nothing: the batch that was collected for it is written before the next.
func TestRefusedBackupLosesNothing(t *testing.T) {
	a, disk := newApplied(), storetest.NewDisk()
	f := follow(disk, a)
	for i := range 5 {
		a.write(znode.Op{Kind: znode.KindCreate, Path: fmt.Sprintf("/n%d", i), ACL: openACL, Wire: 1})
	}
	must(t, f.Flush(t.Context()))
	disk.SetFree(0)
	a.write(znode.Op{Kind: znode.KindDelete, Path: "/n3", Version: -1, Wire: 2})
	if _, err := f.ImageAt(t.Context(), a.last()); !errors.Is(err, store.ErrNoSpace) {
		t.Fatalf("a backup on a full disk: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.ImageAt(ended, a.last()); err == nil {
		t.Fatal("a backup that nobody waits for was made")
	}
	disk.SetFree(1 << 40)
	a.write(znode.Op{Kind: znode.KindSetData, Path: "/n1", Data: []byte("later"), Version: -1, Wire: 5}) // a create would take the slot of /n3
	c, err := f.ImageAt(t.Context(), a.last())
	must(t, err)
	a.loadsAs(t, disk, c)
}

// The alarm is raised for the disk of the database and for that of the log, and ends with room; steps go on meanwhile.
func TestAlarmForBothDisks(t *testing.T) {
	a, disk, said := newApplied(), storetest.NewDisk(), new(bytes.Buffer)
	f := store.Follow("test", disk, a, a, store.FollowOptions{SnapCount: 20, Logger: slog.New(slog.NewTextHandler(said, nil))})
	step := func(want znode.Flags) {
		t.Helper()
		if _, err := f.Step(t.Context(), time.Time{}); err != nil || a.flags != want {
			t.Fatalf("flags %v, want %v; %v", a.flags, want, err)
		}
	}
	step(0)
	a.full = errors.New("no space left on the device of the log")
	step(znode.FlagNoGrow)
	a.full = nil
	step(0)
	if !strings.Contains(said.String(), "no space left on the device of the log") {
		t.Errorf("nothing is said of the disk of the log: %s", said)
	}
	said.Reset()
	disk.SetFree(10)
	step(znode.FlagNoGrow)
	if !strings.Contains(said.String(), "free=10 ") || strings.Contains(said.String(), "nil") {
		t.Errorf("the disk of the log has room: %s", said)
	}
	disk.SetFree(1 << 40)
	step(0)
}

// While an image is taken, steps look at the disks and write what has changed.
func TestStepsGoOnBesideACheckpoint(t *testing.T) {
	a, disk, taken := newApplied(), storetest.NewDisk(), make(chan struct{})
	f := store.Follow("test", disk, a, a, store.FollowOptions{SnapCount: 20, Took: func(time.Duration) { close(taken) }})
	rng := rand.New(rand.NewPCG(1, 1))
	a.writeSome(rng, 30)
	began, goOn := make(chan struct{}), make(chan struct{})
	disk.Fault(func(op string) error {
		if op == storetest.OpKeep {
			close(began)
			<-goOn
		}
		return nil
	})
	ticks, ran := make(chan time.Time), make(chan error)
	go func() { ran <- f.Run(t.Context(), ticks) }()
	ticks <- time.Time{}
	<-began
	a.mu.Lock()
	a.full = errors.New("no space left on the device of the log")
	a.mu.Unlock()
	a.writeSome(rng, 10)
	for range 2 { // when the second is taken the first has been worked on
		ticks <- time.Time{}
	}
	if disk.Zxid() != a.last() {
		t.Errorf("the database is at %v, the state at %v", disk.Zxid(), a.last())
	}
	close(goOn)
	<-taken
	must(t, f.Stop(t.Context()))
	must(t, <-ran)
	if a.flags != znode.FlagNoGrow {
		t.Error("nobody looked at the disk of the log")
	}
	a.loadsAs(t, disk, store.Checkpoint{Zxid: zxid.New(1, 30)})
}

// stuck is a database whose disk does not answer any more.
type stuck struct {
	*storetest.Disk
	asked chan struct{}
}

func (s *stuck) Commit(*store.Batch) error { close(s.asked); select {} }

// A stop ends when it must, whether the disk is full or does not answer at all.
func TestStopWhateverTheDiskDoes(t *testing.T) {
	a, disk := newApplied(), storetest.NewDisk()
	f := follow(disk, a)
	a.writeSome(rand.New(rand.NewPCG(2, 2)), 10)
	disk.SetFree(0)
	must(t, f.Stop(t.Context())) // and does not wait for room

	a = newApplied()
	s := &stuck{storetest.NewDisk(), make(chan struct{})}
	f = follow(s, a)
	a.writeSome(rand.New(rand.NewPCG(2, 2)), 10)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-s.asked; cancel() }()
	must(t, f.Stop(ctx))
}

// beginning is a file system that tells when an image is begun.
type beginning struct {
	atomicfile.OS
	begun chan struct{}
}

func (b beginning) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	close(b.begun)
	return b.OS.OpenFile(name, flag, perm)
}

// A stop ends an image that is being made for somebody, and nothing is left of it.
func TestStopEndsAnImage(t *testing.T) {
	a, dir := newApplied(), t.TempDir()
	begun := make(chan struct{})
	s, _, err := store.OpenState(dir, store.Options{ReserveBytes: 1 << 20, CheckpointRate: 1, Files: beginning{begun: begun}}, store.Span{})
	must(t, err)
	for i := range 300 {
		a.write(znode.Op{Kind: znode.KindCreate, Path: fmt.Sprintf("/n%d", i), Data: make([]byte, 1000), ACL: openACL, Wire: 1})
	}
	f := follow(s, a)
	ended := make(chan error)
	go func() {
		_, err := f.ImageAt(context.Background(), a.last()) // at 4 bytes a second
		ended <- err
	}()
	<-begun
	must(t, f.Stop(t.Context()))
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the image: %v", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "checkpoints"))
	if err != nil || len(left) > 0 {
		t.Errorf("there are %v, %v", left, err)
	}
	s, st, err := store.OpenState(dir, store.Options{}, store.Span{Last: a.last()})
	must(t, err)
	if st.Digest() != a.st.Digest() {
		t.Error("the stop lost a batch")
	}
	must(t, s.Close())
}

// An image of a peer takes the place of everything: what was collected before, and a checkpoint that is being taken.
func TestInstallTakesThePlaceOfAll(t *testing.T) {
	leader, peer := newApplied(), storetest.NewDisk()
	rng := rand.New(rand.NewPCG(6, 6))
	leader.writeSome(rng, 50)
	sent, err := follow(peer, leader).ImageAt(t.Context(), leader.last())
	must(t, err)
	im, _ := peer.Image(sent.Zxid)

	a, disk := newApplied(), storetest.NewDisk()
	f := follow(disk, a)
	a.writeSome(rng, 10)
	must(t, f.Flush(t.Context()))
	a.writeSome(rng, 10)
	disk.SetFree(0)
	if err := f.Flush(t.Context()); !errors.Is(err, store.ErrNoSpace) {
		t.Fatal(err)
	}
	disk.SetFree(1 << 40)
	disk.Put(sent.Zxid, im)
	must(t, f.Install(sent.Zxid))
	a.digests = leader.digests
	a.log, a.base = nil, sent.Zxid
	a.writeSome(rng, 5)
	c, err := f.ImageAt(t.Context(), a.last())
	must(t, err)
	a.loadsAs(t, disk, c)
	if err := f.Install(c.Zxid + 1); err == nil {
		t.Error("an image that is not there was installed")
	}
}

// Nothing is compacted behind an image that does not add up, neither a new one nor one that was there before.
func TestNothingIsCompactedBehindABadImage(t *testing.T) {
	a, disk := newApplied(), storetest.NewDisk()
	f := follow(disk, a)
	rng := rand.New(rand.NewPCG(3, 3))
	a.writeSome(rng, 30)
	must(t, f.Flush(t.Context()))
	must(t, f.Checkpoint(t.Context()))
	first := a.base
	if first != a.last() {
		t.Fatalf("the log begins after %v, the image is at %v", a.base, a.last())
	}
	a.writeSome(rng, 30)
	must(t, f.Flush(t.Context()))
	im, _ := disk.Image(first)
	for k := range im.Records { // it rots
		delete(im.Records, k)
		break
	}
	f = follow(disk, a) // the next life has not read it
	must(t, f.Checkpoint(t.Context()))
	if a.base != a.last() {
		t.Errorf("the log begins after %v; of two images the good one is at %v", a.base, a.last())
	}
	before := a.base
	a.writeSome(rng, 30)
	must(t, f.Flush(t.Context()))
	disk.Forget(7)
	if err := f.Checkpoint(t.Context()); !errors.Is(err, store.ErrRebuild) || a.base != before {
		t.Errorf("a checkpoint of a database that lacks a record: %v; the log begins after %v, before %v", err, a.base, before)
	}
	if all, _ := disk.Checkpoints(); len(all) != 2 {
		t.Errorf("images %v", all)
	}
}

// Images of peers that were never installed push none of the server's own out, and nothing is compacted behind them.
func TestImagesThatWaitDoNotCount(t *testing.T) {
	a, disk := newApplied(), storetest.NewDisk()
	f := follow(disk, a)
	rng := rand.New(rand.NewPCG(4, 4))
	a.writeSome(rng, 30)
	must(t, f.Flush(t.Context()))
	must(t, f.Checkpoint(t.Context()))
	first := a.base
	im, _ := disk.Image(first)
	for i := range zxid.ID(4) {
		disk.Put(first+1000+i, im)
	}
	a.writeSome(rng, 30)
	must(t, f.Flush(t.Context()))
	must(t, f.Checkpoint(t.Context()))
	if _, ok := disk.Image(a.last()); !ok || a.base != first {
		t.Errorf("the image at %v is there: %v; the log begins after %v, want %v", a.last(), ok, a.base, first)
	}
	other := newApplied() // has nothing but an image that came
	other.writeSome(rng, 5)
	empty := storetest.NewDisk()
	empty.Put(first, im)
	must(t, follow(empty, other).Compact(t.Context()))
	if other.base != 0 {
		t.Errorf("the log begins after %v, and the image at %v is not installed", other.base, first)
	}
}

// An image of an earlier life that has rotted meanwhile is nobody's backup.
func TestNoBackupFromARottenImage(t *testing.T) {
	a, disk := newApplied(), storetest.NewDisk()
	a.writeSome(rand.New(rand.NewPCG(7, 7)), 30)
	c, err := follow(disk, a).ImageAt(t.Context(), a.last())
	must(t, err)
	im, _ := disk.Image(c.Zxid)
	for k := range im.Records {
		delete(im.Records, k)
		break
	}
	c, err = follow(disk, a).ImageAt(t.Context(), a.last())
	must(t, err)
	a.loadsAs(t, disk, c)
}

// A batch that is taken in pieces beside writers is exact at the zxid of its end.
func TestBatchInPieces(t *testing.T) {
	a, disk := newApplied(), storetest.NewDisk()
	for i := range 30_000 {
		if code := a.write(znode.Op{Kind: znode.KindCreate, Path: fmt.Sprintf("/n%d", i), ACL: openACL, Wire: 1}); code != 0 {
			t.Fatal(code)
		}
	}
	b := &between{applied: a, rng: rand.New(rand.NewPCG(4, 4))}
	f := store.Follow("test", disk, b, a, store.FollowOptions{SnapCount: 20})
	c, err := f.ImageAt(t.Context(), a.last())
	must(t, err)
	if b.most > 10_000 || b.holds < 4 || c.Zxid == zxid.New(1, 30_000) {
		t.Errorf("%d records came in %d pieces, the largest of %d; the image is at %v", 30_000, b.holds, b.most, c.Zxid)
	}
	a.loadsAs(t, disk, c)
}

// between writes between any two times that the state is held.
type between struct {
	*applied
	rng         *rand.Rand
	holds, most int
}

func (b *between) Change(f func(*znode.State)) {
	b.applied.Change(func(st *znode.State) {
		n := st.Pending()
		f(st)
		b.holds, b.most = b.holds+1, max(b.most, n-st.Pending())
	})
	for range 100 {
		path := fmt.Sprintf("/n%d", b.rng.IntN(30_000))
		if b.rng.IntN(2) == 0 {
			b.write(znode.Op{Kind: znode.KindDelete, Path: path, Version: -1, Wire: 2})
		} else {
			b.write(znode.Op{Kind: znode.KindCreate, Path: path + "x", Data: []byte("x"), ACL: openACL, Wire: 1})
		}
	}
}
