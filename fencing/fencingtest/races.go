package fencingtest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paddock-zk/paddock/fencing"
)

var errCrash = errors.New("fencingtest: the process died here")

func checkCrash(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	must(t, "write", s.Write(ctx, w.Token(10), "k", "v", nil))
	reached := false
	err := s.Write(ctx, w.Token(20), "k", "half", func() error { reached = true; return errCrash })
	if !reached {
		t.Logf("the storage has no moment between check and write in the caller's process")
		must(t, "write without such a moment", err)
		return
	}
	if !errors.Is(err, errCrash) {
		t.Fatalf("abandoned write: got %v, want the error of the crash", err)
	}
	mustRead(ctx, t, s, "k", "v")
	must(t, "the next holder after the crash", s.Write(ctx, w.Token(30), "k", "w", nil))
	mustRefuse(t, "the crashed one, restarted", s.Write(ctx, w.Token(20), "k", "stale", nil), fencing.ErrStaleToken)
	mustRead(ctx, t, s, "k", "w")
}

// pauseFor is how long a paused write leaves a newer holder's seal the time to finish. Storage that lets the seal wait for the paused write uses it up.
const pauseFor = 300 * time.Millisecond

func checkPaused(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	must(t, "old holder", s.Write(ctx, w.Token(10), "k", "old", nil))
	sealed := make(chan error, 1)
	var seenAtSeal string
	var once sync.Once
	err := s.Write(ctx, w.Token(10), "k", "late", func() error {
		once.Do(func() {
			go func() {
				err := s.Seal(ctx, w.Token(20))
				if err == nil {
					seenAtSeal, err = s.Read(ctx, "k")
				}
				sealed <- err
			}()
			// The storage either lets the seal through now (and must then refuse the paused write) or makes it wait for the write.
			timer := time.NewTimer(pauseFor)
			defer timer.Stop()
			select {
			case err := <-sealed:
				sealed <- err
			case <-timer.C:
			}
		})
		return nil
	})
	if err != nil {
		mustRefuse(t, "the paused write", err, fencing.ErrStaleToken)
	}
	once.Do(func() { sealed <- s.Seal(ctx, w.Token(20)); seenAtSeal, _ = s.Read(ctx, "k") })
	select {
	case err := <-sealed:
		must(t, "the newer holder's seal and read", err)
	case <-ctx.Done():
		t.Fatalf("the newer holder's seal does not return after the paused write has ended")
	}
	mustRead(ctx, t, s, "k", seenAtSeal)
}

// checkSealAndRead lets an older write, which was checked before the newer holder's transaction began, take effect while that transaction waits for its seal.
// A transaction that reads from a snapshot taken before the wait would not see that write, although it was admitted.
func checkSealAndRead(t TB, s Store, w World) {
	ts, ok := s.(Transactional)
	if !ok {
		t.Logf("the store has no transactions that seal and read")
		return
	}
	ctx, cancel := within()
	defer cancel()
	must(t, "old holder", s.Write(ctx, w.Token(10), "k", "old", nil))
	begun, done := make(chan struct{}), make(chan struct{})
	var seen string
	var sealErr error
	var start, begin sync.Once
	sealAndRead := func() {
		defer close(done)
		seen, sealErr = ts.SealAndRead(ctx, w.Token(20), "k", func() { begin.Do(func() { close(begun) }) })
	}
	err := s.Write(ctx, w.Token(10), "k", "late", func() error {
		start.Do(func() {
			go sealAndRead()
			timer := time.NewTimer(pauseFor) // storage with one writer at a time does not let the newer transaction begin
			defer timer.Stop()
			select {
			case <-begun:
			case <-timer.C:
			}
		})
		return nil
	})
	start.Do(func() { go sealAndRead() })
	if err != nil {
		mustRefuse(t, "the older write", err, fencing.ErrStaleToken)
	}
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatalf("the newer holder's transaction does not end after the older write has ended")
	}
	if sealErr != nil {
		t.Logf("the seal is refused: %v", sealErr)
		return
	}
	mustRead(ctx, t, s, "k", seen)
}

// Rounds of checkConcurrent: fast storage goes through many, slow storage through a few.
const (
	fewestRounds = 4
	mostRounds   = 5000
	roundsTime   = time.Second
)

// checkConcurrent lets the writers of several grants write at once and seals in the midst of it with a newer one, which reads at once and again when the
// writers have ended: a difference is a write that landed after the seal. It is for storage whose moment between check and write the suite cannot reach.
func checkConcurrent(t TB, s Store, w World) {
	start := time.Now()
	for round := range mostRounds {
		if round >= fewestRounds && time.Since(start) > roundsTime {
			return
		}
		if msg := concurrentRound(s, w, round); msg != "" {
			t.Fatalf("round %d: %s", round, msg)
		}
	}
}

func concurrentRound(s Store, w World, round int) string {
	ctx, cancel := within()
	defer cancel()
	const old, writes = 3, 12
	base, key := int64(1000*(round+1)), fmt.Sprint("k", round%4)
	var wg sync.WaitGroup
	var written atomic.Int64
	midst, ended := make(chan struct{}), make(chan struct{})
	for i := range int64(old) {
		wg.Go(func() {
			for n := range writes {
				if err := s.Write(ctx, w.Token(base+i), key, fmt.Sprintf("%d.%d.%d", round, i, n), nil); errors.Is(err, fencing.ErrStaleToken) {
					return
				}
				if written.Add(1) == int64(1+round%writes) {
					close(midst)
				}
			}
		})
	}
	go func() { wg.Wait(); close(ended) }()
	select {
	case <-midst:
	case <-ended:
	}
	if err := s.Seal(ctx, w.Token(base+old)); err != nil {
		return fmt.Sprint("seal of the highest token: ", err)
	}
	atSeal, err := s.Read(ctx, key)
	if err != nil {
		return err.Error()
	}
	<-ended
	after, err := s.Read(ctx, key)
	if err != nil {
		return err.Error()
	}
	if after != atSeal {
		return fmt.Sprintf("%s was %q when the newest holder read it after its seal, and is %q now: a stale write took effect", key, atSeal, after)
	}
	return ""
}
