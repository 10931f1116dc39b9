package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/paddock-zk/paddock/znode/store"
)

// faulty is a real database whose operations are refused now and then.
type faulty struct {
	*store.Store
	ask func() error
}

func (d *faulty) Commit(b *store.Batch) error {
	if err := d.ask(); err != nil {
		return err
	}
	return d.Store.Commit(b)
}

func (d *faulty) Checkpoint(ctx context.Context, meta []byte) (store.Checkpoint, error) {
	if err := d.ask(); err != nil {
		return store.Checkpoint{}, err
	}
	return d.Store.Checkpoint(ctx, meta)
}

func (d *faulty) CheckpointNow(ctx context.Context, meta []byte) (store.Checkpoint, error) {
	return d.Checkpoint(ctx, meta)
}

// The same on Badger: what TestFollowerUnderFaults holds of the policy holds of the real database under it.
func TestRealDatabaseUnderFaults(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 2
	}
	opt := store.Options{ReserveBytes: 1 << 20, CheckpointRate: -1}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 13))
		a, dir := newApplied(), t.TempDir()
		s, _, err := store.OpenState(dir, opt, store.Span{})
		must(t, err)
		every, n := 2+rng.IntN(4), 0
		cancel := context.CancelFunc(func() {}) // of the request that is under way
		ask := func() error {
			if rng.IntN(6) == 0 {
				cancel()
			}
			if n++; n%every == 0 {
				return fmt.Errorf("operation %d: %w", n, store.ErrNoSpace)
			}
			return nil
		}
		for range 4 {
			f := follow(&faulty{s, ask}, a)
			a.live(t, rng, f, 20, &cancel)
			a.imagesAreGood(t, s)
			must(t, f.Stop(t.Context()))
			if rng.IntN(3) == 0 {
				must(t, store.Wipe(dir))
			}
			st := a.st
			s, a.st, err = store.OpenState(dir, opt, store.Span{Base: a.base, Last: a.last()})
			must(t, err)
			a.replay(t, st)
		}
		must(t, s.Close())
	}
}
