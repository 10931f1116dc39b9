package node

import (
	"context"
	"errors"
	"time"
)

const (
	settleMost  = 5 * time.Second
	settleEvery = 20 * time.Millisecond
)

// errUnsettled leaves the outcome open: the leader that a proposal was on its way to may have ended.
var errUnsettled = errors.New("it was asked for, but does not show on this server yet, and may be lost: look, and try again")

// settled waits until something that was proposed shows here. A confirmation by a quorum (confirm) alone does not say so: on a follower the
// question goes in the lane of heartbeats and may be answered before the leader has the proposal.
func settled(ctx context.Context, confirm func(done func(error)), shows func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, settleMost)
	defer cancel()
	for {
		done := make(chan error, 1)
		confirm(func(err error) { done <- err })
		select {
		case err := <-done:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return errUnsettled
		}
		if shows() {
			return nil
		}
		select {
		case <-time.After(settleEvery):
		case <-ctx.Done():
			return errUnsettled
		}
	}
}
