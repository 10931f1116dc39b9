package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

var (
	_ store.Source = (*znode.State)(nil)
	_ store.Target = (*znode.State)(nil)
	_ store.Target = (*znode.Checker)(nil)
)

var testOptions = store.Options{Sum: func() store.Target { return newFake(98) }, Identity: lineage.Lineage{Cluster: lineage.ID{1}, Incarnation: lineage.ID{2}}, ReserveBytes: 1 << 20, CheckpointRate: -1}

func mustOpen(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// advance applies and commits up to z, n transactions to a batch.
func advance(t testing.TB, s *store.Store, f *fakeState, z zxid.ID, n int) {
	t.Helper()
	for f.zxid < z {
		for i := 0; i < n && f.zxid < z; i++ {
			f.apply(f.zxid + 1)
		}
		must(t, s.Commit(store.Collect(f)))
	}
}

func TestWhatIsCommittedIsLoaded(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	f := newFake(1)
	if z, err := s.Load(f); z != 0 || err != nil {
		t.Fatalf("an empty store: %v, %v", z, err)
	}
	for i := range uint64(4) {
		advance(t, s, f, f.zxid+50, 7)
		must(t, s.Close())
		s = mustOpen(t, dir)
		f = newFake(i)
		z, err := s.Load(f)
		must(t, err)
		if z != s.Zxid() {
			t.Fatalf("loaded %v of %v", z, s.Zxid())
		}
		must(t, f.equal(fakeAt(z)))
	}
	must(t, s.Rebuild(f))
	must(t, s.Close())
	s = mustOpen(t, dir)
	g := newFake(5)
	_, err := s.Load(g)
	must(t, err)
	must(t, g.equal(f))
	must(t, s.Close())
	other := testOptions
	other.Identity.Incarnation[5]++
	if _, err := store.Open(dir, other); !errors.Is(err, store.ErrForeign) {
		t.Errorf("another incarnation: %v", err)
	}
}

// childEnv makes the test binary a server that commits until it is killed.
const childEnv = "PADDOCK_STORE_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(dir string) error {
	process, _ := strconv.ParseUint(os.Getenv(childEnv+"_N"), 10, 64)
	s, err := store.Open(dir, testOptions)
	if err != nil {
		return err
	}
	f := newFake(process)
	if _, err := s.Load(f); err != nil {
		return err
	}
	if err := f.equal(fakeAt(f.zxid)); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(process, 3))
	for {
		for range 1 + rng.IntN(30) {
			f.apply(f.zxid + 1)
		}
		if err := s.Commit(store.Collect(f)); err != nil {
			return err
		}
		fmt.Println(int64(f.zxid))
	}
}

// A process that is killed in the middle of commits loses at most what was not committed, never half a batch, time after time.
func TestKillInTheMiddleOfCommits(t *testing.T) {
	dir := t.TempDir()
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	var last int64
	for n := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+dir, fmt.Sprintf("%s_N=%d", childEnv, n))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		sc := bufio.NewScanner(out)
		for lines := 20 + 7*n; lines > 0 && sc.Scan(); lines-- {
			last, err = strconv.ParseInt(sc.Text(), 10, 64)
			must(t, err)
		}
		must(t, cmd.Process.Kill())
		for sc.Scan() { // it may have come further before the signal did
			if z, err := strconv.ParseInt(sc.Text(), 10, 64); err == nil {
				last = z
			}
		}
		_ = cmd.Wait()
		s := mustOpen(t, dir)
		f := newFake(100)
		z, err := s.Load(f)
		if err != nil {
			t.Fatalf("after kill %d: %v", n, err)
		}
		if int64(z) < last {
			t.Fatalf("after kill %d: the store is at %v, %v was committed", n, z, zxid.ID(last))
		}
		must(t, f.equal(fakeAt(z)))
		must(t, s.Close())
	}
}

// A checkpoint taken while commits go on is the state at its zxid, to the last record.
func TestCheckpointUnderWrites(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	f := newFake(1)
	advance(t, s, f, 20, 5)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				advance(t, s, f, f.zxid+10, 2)
			}
		}
	})
	for range 5 {
		c, err := s.Checkpoint(context.Background(), []byte("meta"))
		must(t, err)
		g := newFake(2)
		h, err := store.LoadCheckpoint(c.Path, &testOptions.Identity, g)
		must(t, err)
		if h.Zxid != c.Zxid || string(h.Meta) != "meta" {
			t.Fatalf("header %+v of %+v", h, c)
		}
		must(t, g.equal(fakeAt(c.Zxid)))
	}
	close(stop)
	wg.Wait()
	list, err := s.Checkpoints()
	must(t, err)
	if len(list) != 3 || list[0].Zxid < list[1].Zxid {
		t.Errorf("checkpoints %+v", list)
	}
	must(t, s.Close())
}

// Images that have come from peers and are newer than the database push none of its own checkpoints out.
func TestImagesThatWaitPushNoCheckpointOut(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	advance(t, s, newFake(1), 20, 5)
	for i := range 4 {
		must(t, os.MkdirAll(filepath.Join(dir, "checkpoints"), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "checkpoints", fmt.Sprintf("%016x.img", 1<<50+i)), nil, 0o600))
	}
	c, err := s.Checkpoint(context.Background(), nil)
	must(t, err)
	if list, err := s.Checkpoints(); err != nil || len(list) != 5 || list[4].Zxid != c.Zxid {
		t.Errorf("the checkpoint at %v is gone: %+v %v", c.Zxid, list, err)
	}
	must(t, s.Close())
}

// A checkpoint that is given up leaves nothing.
func TestCheckpointGivenUp(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	advance(t, s, newFake(1), 20, 5)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Checkpoint(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("checkpoint: %v", err)
	}
	names, err := os.ReadDir(filepath.Join(dir, "checkpoints"))
	if err != nil || len(names) > 0 {
		t.Errorf("%v, %v", names, err)
	}
	must(t, s.Close())
}

// checkpointOf makes an image of some state.
func checkpointOf(t *testing.T) (*store.Store, store.Checkpoint) {
	t.Helper()
	s := mustOpen(t, t.TempDir())
	t.Cleanup(func() { must(t, s.Close()) })
	advance(t, s, newFake(1), 100, 20)
	c, err := s.Checkpoint(context.Background(), []byte("meta"))
	must(t, err)
	return s, c
}

// Every byte of an image counts: one that is inverted, or an end that is missing, is named with file and offset.
func TestDamagedImages(t *testing.T) {
	_, c := checkpointOf(t)
	whole, err := os.ReadFile(c.Path)
	must(t, err)
	path := filepath.Join(t.TempDir(), "damaged.img")
	try := func(what string, b []byte) {
		t.Helper()
		_, err := store.LoadImage(bytes.NewReader(b), path, nil, newFake(1))
		if !errors.Is(err, store.ErrImage) && !errors.Is(err, store.ErrNewer) {
			t.Fatalf("%s: %v", what, err)
		}
		if errors.Is(err, store.ErrImage) && !(strings.Contains(err.Error(), path) && strings.Contains(err.Error(), "offset")) {
			t.Fatalf("%s: the error does not say where: %v", what, err)
		}
	}
	for i := 0; i < len(whole); i += 1 + i/500 {
		b := append([]byte(nil), whole...)
		b[i] ^= 1 << (i % 8)
		try(fmt.Sprint("byte ", i), b)
		try(fmt.Sprint("end at ", i), whole[:i])
	}
	try("one byte more", append(append([]byte(nil), whole...), 0))
}

// A damaged database is never taken for a good one: loading fails and the caller rebuilds.
func TestDamagedDatabase(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	f := newFake(1)
	advance(t, s, f, 300, 20)
	must(t, s.Close())
	files, err := filepath.Glob(filepath.Join(dir, "badger", "*"))
	must(t, err)
	rng := rand.New(rand.NewPCG(4, 4))
	rebuilds := 0
	for n := range 60 {
		again := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(again, "badger"), 0o700))
		victim := files[n%len(files)]
		for _, name := range files {
			b, err := os.ReadFile(name)
			must(t, err)
			if name == victim && len(b) > 0 {
				b[rng.IntN(min(len(b), 200_000))] ^= 0x10
			}
			must(t, os.WriteFile(filepath.Join(again, "badger", filepath.Base(name)), b, 0o600))
		}
		s, err := store.Open(again, testOptions)
		g := newFake(2)
		var z zxid.ID
		if err == nil {
			z, err = s.Load(g)
		}
		switch {
		case err == nil && z > 0:
			must(t, g.equal(fakeAt(z)))
		case err == nil:
			rebuilds++ // empty: the log is replayed from a checkpoint or from its beginning
		case errors.Is(err, store.ErrRebuild):
			rebuilds++
		default:
			t.Errorf("%s: %v", victim, err)
		}
		if s != nil {
			_ = s.Close()
		}
	}
	t.Logf("%d of 60 need a rebuild", rebuilds)
}

// A store opens and loads though the disk is below the reserve; only writing is refused.
func TestOpensBelowTheReserve(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	f := newFake(1)
	advance(t, s, f, 20, 5)
	must(t, s.Close())
	opt := testOptions
	opt.ReserveBytes = 1 << 60
	s, err := store.Open(dir, opt)
	must(t, err)
	_, err = s.Load(f)
	must(t, err)
	sp, err := s.Space()
	must(t, err)
	if sp.Free == 0 || !sp.Low(0) {
		t.Errorf("%+v", sp)
	}
	f.apply(21)
	if err := s.Commit(store.Collect(f)); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("commit: %v", err)
	}
	if _, err := s.Checkpoint(context.Background(), nil); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("checkpoint: %v", err)
	}
	must(t, s.Close())
}

// A transfer goes on where it was interrupted, on the same image only, and ends with a checked checkpoint.
func TestTransferResumes(t *testing.T) {
	_, c := checkpointOf(t)
	to := mustOpen(t, t.TempDir())
	defer func() { must(t, to.Close()) }()
	var r *store.Receiver
	b := make([]byte, 1000)
	for attempt := 0; ; attempt++ {
		from, err := store.Send(c)
		must(t, err)
		r, err = to.Receive(from.Header(), from.Size())
		must(t, err)
		if attempt > 0 && r.Offset() == 0 {
			t.Fatal("it began anew")
		}
		for range 3 {
			n, err := from.Chunk(b, r.Offset())
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
			at := r.Offset()
			must(t, r.Chunk(b[:n], at))
			must(t, r.Chunk(b[:n], at)) // comes twice
		}
		done := r.Offset() == from.Size()
		must(t, from.Close())
		if done {
			break
		}
		must(t, r.Close())
	}
	if err := r.Chunk(b, r.Offset()+1); err == nil {
		t.Error("took a chunk that leaves a hole")
	}
	got, err := r.Finish()
	must(t, err)
	g := newFake(3)
	_, err = store.LoadCheckpoint(got.Path, &testOptions.Identity, g)
	must(t, err)
	must(t, g.equal(fakeAt(c.Zxid)))
}
