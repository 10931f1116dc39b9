package fencing

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestGateWaitsForOlderRequestsAndRefusesNewOnesOfThem(t *testing.T) {
	ctx := context.Background()
	gate, guard := &Gate{Marks: &Memory{}}, testGuard(t, nil)
	old, young := testToken(t, 10), testToken(t, 20)
	_, leaveA, err := gate.Enter(ctx, guard, old.String(), OpSeal)
	if err != nil {
		t.Fatal(err)
	}
	_, leaveB, err := gate.Enter(ctx, guard, old.String(), OpCheck)
	if err != nil {
		t.Fatalf("requests of one grant run side by side: %v", err)
	}
	entered := make(chan error, 1)
	go func() {
		_, leave, err := gate.Enter(ctx, guard, young.String(), OpSeal)
		if err == nil {
			leave()
		}
		entered <- err
	}()
	leaveA()
	// Once the newer token has raised the watermark, the old one is refused, while its request B is still inside.
	for {
		_, leave, err := gate.Enter(ctx, guard, old.String(), OpCheck)
		if errors.Is(err, ErrStaleToken) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	select {
	case err := <-entered:
		t.Fatalf("the newer token was admitted (%v) while an older request was inside", err)
	default:
	}
	leaveB()
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
}

func TestGateGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	gate, guard := &Gate{Marks: &Memory{}}, testGuard(t, nil)
	_, leave, err := gate.Enter(ctx, guard, testToken(t, 1).String(), OpSeal)
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	cancel()
	if _, _, err := gate.Enter(ctx, guard, testToken(t, 2).String(), OpSeal); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

// countedMarks counts how often the watermark's storage is asked.
type countedMarks struct {
	Memory
	asked atomic.Int64
}

func (m *countedMarks) Raise(ctx context.Context, c Claim) error {
	m.asked.Add(1)
	return m.Memory.Raise(ctx, c)
}

// TestGateWaitersRest: whoever waits for an older request asks the storage of the watermark no more until something has changed, however many wait, also
// when they are of several grants and of two incarnations. (A waiter once woke itself, and asked as fast as it could.)
func TestGateWaitersRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		reborn := testLineage()
		reborn.Incarnation = ID{9}
		guard := testGuard(t, func(p *Policy) {
			p.Successions = []Succession{{From: p.Lineage.Incarnation, To: reborn.Incarnation}}
			p.Lineage = reborn
		})
		marks := &countedMarks{}
		gate := &Gate{Marks: marks}
		_, leave, err := gate.Enter(ctx, testGuard(t, nil), testToken(t, 10).String(), OpSeal)
		if err != nil {
			t.Fatal(err)
		}
		newest := testToken(t, 40)
		newest.Incarnation = reborn.Incarnation
		var wg sync.WaitGroup
		for _, tok := range []Token{testToken(t, 20), testToken(t, 20), testToken(t, 30), newest, newest} {
			for _, op := range []Op{OpRead, OpCheck} {
				wg.Go(func() {
					if _, leave, err := gate.Enter(ctx, guard, tok.String(), op); err == nil {
						leave()
					} else if !errors.Is(err, ErrStaleToken) {
						t.Error(err)
					}
				})
			}
		}
		synctest.Wait() // returns when all of them are at rest
		if n := marks.asked.Load(); n > 100 {
			t.Errorf("ten waiters asked %d times", n)
		}
		leave()
		wg.Wait()
		if mark, _ := marks.Mark(guard.Scope()); mark.Fence != 40 {
			t.Errorf("the watermark is %v", mark)
		}
	})
}

// A token that waited for an older request is judged again when it may go on: a newer grant may have come meanwhile, and the older of the two
// must not pass it.
func TestGateJudgesAgainAfterAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, guard := &Gate{Marks: &Memory{}}, testGuard(t, nil)
		_, leave, err := gate.Enter(t.Context(), guard, testToken(t, 10).String(), OpSeal)
		if err != nil {
			t.Fatal(err)
		}
		enter := func(fence int64) chan error {
			entered := make(chan error, 1)
			go func() {
				_, leave, err := gate.Enter(t.Context(), guard, testToken(t, fence).String(), OpSeal)
				if err == nil {
					leave()
				}
				entered <- err
			}()
			synctest.Wait() // it waits for the request of token 10
			return entered
		}
		second, third := enter(20), enter(30)
		leave()
		if err := <-third; err != nil {
			t.Errorf("the newest token: %v", err)
		}
		if err := <-second; !errors.Is(err, ErrStaleToken) {
			t.Errorf("a token that waited while a newer one came: %v", err)
		}
	})
}
