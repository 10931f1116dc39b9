package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
	"github.com/paddock-zk/paddock/znode/store/storetest"
)

// One seed is some lives of a server. Commits find no room, contexts end in the middle of everything, power cuts take the database; every
// image that stays is the state at its zxid, the log reaches back to one, and every start comes to the state of the model.
func TestFollowerUnderFaults(t *testing.T) {
	seeds := 200
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { livesUnderFaults(t, uint64(seed)) })
	}
}

func livesUnderFaults(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 5))
	a, disk := newApplied(), storetest.NewDisk()
	every, n := 2+rng.IntN(5), 0
	cancel := context.CancelFunc(func() {})
	disk.Fault(func(op string) error {
		if rng.IntN(8) == 0 {
			cancel()
		}
		if n++; op != storetest.OpVerify && n%every == 0 {
			return fmt.Errorf("commit %d: %w", n, store.ErrNoSpace)
		}
		return nil
	})
	for range 6 {
		f := follow(disk, a)
		a.live(t, rng, f, 25, &cancel)
		a.imagesAreGood(t, disk)
		must(t, f.Stop(t.Context()))
		if rng.IntN(2) == 0 {
			disk.Lose()
		}
		a.restart(t, disk)
	}
}

// live is a part of a server's life, of so many acts; cancel is set to what ends the one that is under way.
func (a *applied) live(t *testing.T, rng *rand.Rand, f *store.Follower, acts int, cancel *context.CancelFunc) {
	t.Helper()
	for range acts {
		var ctx context.Context
		ctx, *cancel = context.WithCancel(t.Context())
		a.writeSome(rng, rng.IntN(8))
		act(t, rng, ctx, f, a)
		(*cancel)()
	}
}

// imagesAreGood holds that each image loads as the state that it is of, and that the log goes on from it.
func (a *applied) imagesAreGood(t *testing.T, disk store.Database) {
	t.Helper()
	all, err := disk.Checkpoints()
	must(t, err)
	for _, c := range all {
		a.loadsAs(t, disk, c)
		if c.Zxid < a.base {
			t.Fatalf("the log begins after %v, which leaves nothing to go on with after the image at %v", a.base, c.Zxid)
		}
	}
}

// act does one thing that a server does with its follower. What fails must have failed for want of room or of patience.
func act(t *testing.T, rng *rand.Rand, ctx context.Context, f *store.Follower, a *applied) {
	t.Helper()
	var err error
	switch rng.IntN(4) {
	case 0:
		_, err = f.ImageAt(ctx, a.st.LastZxid())
	case 1:
		err = f.Flush(ctx)
	default:
		var due bool
		if due, err = f.Step(ctx, time.Time{}); due && err == nil {
			err = f.Checkpoint(ctx)
		}
	}
	if err != nil && !errors.Is(err, store.ErrNoSpace) && !errors.Is(err, context.Canceled) && a.last() != 0 {
		t.Fatal(err)
	}
}

// restart begins a new life from the disk and the log, and holds it to the model.
func (a *applied) restart(t *testing.T, disk *storetest.Disk) {
	t.Helper()
	before := a.st
	err := store.ErrNoSpace
	for errors.Is(err, store.ErrNoSpace) { // it starts when there is room
		_, a.st, err = store.Start(disk.Open, disk.Wipe, store.Span{Base: a.base, Last: a.last()}, silent)
	}
	must(t, err)
	a.replay(t, before)
}

// replay brings the loaded state up to the end of the log, and holds it to that of the life before.
func (a *applied) replay(t *testing.T, before *znode.State) {
	t.Helper()
	from := a.st.LastZxid()
	for _, l := range a.log {
		if l.zxid > a.st.LastZxid() {
			a.apply(l)
		}
	}
	if a.st.Digest() != before.Digest() || a.st.LastZxid() != before.LastZxid() {
		t.Fatalf("from %v the next life comes to %v with digest %x, the last ended at %v with %x", from, a.st.LastZxid(), a.st.Digest(), before.LastZxid(), before.Digest())
	}
}
