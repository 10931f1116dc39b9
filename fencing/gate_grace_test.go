package fencing

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A request of an older grant that goes on and on is told to end: its context is cancelled when the first newer token has waited for the grace, also
// when that one gave up long before. The newer token is admitted when the request has left, not sooner.
func TestGateEndsOlderRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, guard := &Gate{Marks: &Memory{}, Grace: time.Minute}, testGuard(t, nil)
		if _, leave, err := gate.Enter(t.Context(), guard, testToken(t, 10).String(), OpSeal); err != nil {
			t.Fatal(err)
		} else {
			leave()
		}
		start := time.Now()
		old, leaveOld, err := gate.Enter(t.Context(), guard, testToken(t, 10).String(), OpRead) // an open stream of a reader
		if err != nil {
			t.Fatal(err)
		}
		for range 5 { // each gives up after a part of the grace
			short, cancel := context.WithTimeout(t.Context(), 11*time.Second)
			if _, _, err := gate.Enter(short, guard, testToken(t, 20).String(), OpSeal); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("admitted beside an older request: %v", err)
			}
			cancel()
		}
		entered := make(chan error, 1)
		go func() {
			_, leave, err := gate.Enter(t.Context(), guard, testToken(t, 20).String(), OpSeal)
			if err == nil {
				leave()
			}
			entered <- err
		}()
		<-old.Context().Done()
		if now := time.Since(start); now != time.Minute {
			t.Errorf("ended after %v", now)
		}
		var stale *StaleToken
		if err := context.Cause(old.Context()); !errors.As(err, &stale) || stale.Seen.Fence != 20 || stale.Token.Fence != 10 {
			t.Errorf("ended because of %v", err)
		}
		synctest.Wait()
		select {
		case err := <-entered:
			t.Fatalf("the newer token is inside beside the older request, which has not left: %v", err)
		default:
		}
		leaveOld()
		leaveOld()
		if err := <-entered; err != nil {
			t.Error(err)
		}
	})
}

// Work that goes on after the one who entered has given up keeps the gate shut; work that begins too late does not begin.
func TestGateIsHeldByWorkThatWasLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, guard := &Gate{Marks: &Memory{}, Grace: -1}, testGuard(t, nil)
		old, leave, err := gate.Enter(t.Context(), guard, testToken(t, 10).String(), OpSeal)
		if err != nil {
			t.Fatal(err)
		}
		release, ok := old.Hold()
		if !ok {
			t.Fatal("a request that is inside cannot be held")
		}
		leave()
		short, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, _, err := gate.Enter(short, guard, testToken(t, 20).String(), OpSeal); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("admitted beside work of an older grant: %v", err)
		}
		if err := old.Context().Err(); err != nil {
			t.Errorf("the work was ended though the gate is to wait for ever: %v", err)
		}
		release()
		release()
		if _, leave, err := gate.Enter(t.Context(), guard, testToken(t, 20).String(), OpSeal); err != nil {
			t.Error(err)
		} else {
			leave()
		}
		if _, ok := old.Hold(); ok {
			t.Error("work of a request that has left may begin")
		}
	})
}
