package fencing

import (
	"context"
	"errors"
	"testing"
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
