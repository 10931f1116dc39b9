package node

import (
	"context"
	"errors"
	"testing"
)

// TestSettledWaitsForTheProposal: a quorum may confirm before the leader has what this server has forwarded.
func TestSettledWaitsForTheProposal(t *testing.T) {
	rounds := 0
	confirm := func(done func(error)) { rounds++; done(nil) }
	if err := settled(t.Context(), confirm, func() bool { return rounds == 3 }); err != nil || rounds != 3 {
		t.Errorf("after %d rounds: %v", rounds, err)
	}

	lost := errors.New("the leader changed")
	if err := settled(t.Context(), func(done func(error)) { done(lost) }, func() bool { return true }); !errors.Is(err, lost) {
		t.Errorf("nothing was confirmed: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	confirm = func(done func(error)) { done(nil); cancel() }
	if err := settled(ctx, confirm, func() bool { return false }); !errors.Is(err, errUnsettled) {
		t.Errorf("it never shows: %v", err)
	}
}
