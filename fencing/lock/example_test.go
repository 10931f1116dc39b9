package lock_test

import (
	"context"
	"fmt"
	"time"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/lock"
)

// storage is whatever the lock protects, behind a guard of its own.
type storage interface {
	Seal(ctx context.Context, token string) error
	Write(ctx context.Context, token, value string) error
}

func ExampleSession_NewLock() {
	run := func(ctx context.Context, servers []string, lineage fencing.Lineage, store storage) error {
		s, err := lock.Connect(ctx, lock.Config{Servers: servers, Timeout: 10 * time.Second, Lineage: lineage})
		if err != nil {
			return err
		}
		defer s.Close()
		grant, err := s.NewLock("/locks/job").Lock(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = grant.Unlock(context.WithoutCancel(ctx)) }()
		token, err := grant.Presented()
		if err != nil {
			return err
		}
		if err := store.Seal(ctx, token); err != nil { // before the first read
			return err
		}
		select {
		case <-grant.Lost():
			return lock.ErrLost
		default:
			return store.Write(ctx, token, fmt.Sprint("done under ", grant.Token().Fence))
		}
	}
	_ = run
}
