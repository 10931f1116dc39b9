package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/go-zookeeper/zk"
)

// unknown reports errors after which nobody can say whether the request took effect, or after which it is worth trying again. go-zookeeper passes on the bare error of the socket
// when writing fails.
func unknown(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, zk.ErrConnectionClosed) || errors.Is(err, zk.ErrNoServer) || errors.Is(err, zk.ErrSessionExpired) || errors.Is(err, zk.ErrSessionMoved)
}

type reply[T any] struct {
	value T
	err   error
}

// call runs one request of go-zookeeper, which knows no contexts. If ctx ends first the request goes on; late, if not nil, gets its outcome.
func call[T any](ctx context.Context, fn func() (T, error), late func(T, error)) (T, error) {
	done := make(chan reply[T], 1)
	go func() {
		v, err := fn()
		done <- reply[T]{v, err}
	}()
	select {
	case r := <-done:
		if errors.Is(r.err, zk.ErrClosing) {
			r.err = ErrClosed
		}
		return r.value, r.err
	case <-ctx.Done():
		if late != nil {
			go func() { r := <-done; late(r.value, r.err) }()
		}
		var zero T
		return zero, context.Cause(ctx)
	}
}

// retry repeats a request that may be repeated (a read, an idempotent write) over reconnects until it is answered.
func retry[T any](ctx context.Context, s *Session, fn func() (T, error)) (T, error) {
	for {
		if _, err := s.attached(ctx); err != nil {
			var zero T
			return zero, err
		}
		v, err := call(ctx, fn, nil)
		if err == nil || !unknown(err) {
			return v, err
		}
		if ctx.Err() != nil {
			return v, context.Cause(ctx)
		}
	}
}

// ensure makes a persistent node and its parents. It looks before it creates: a look is local to the server, and a parent that others own may not let us create beside it.
func (s *Session) ensure(ctx context.Context, path string) error {
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		_, err := retry(ctx, s, func() (string, error) {
			if ok, _, err := s.conn.Exists(path[:i]); ok || err != nil {
				return "", err
			}
			return s.conn.Create(path[:i], nil, 0, s.cfg.ACL)
		})
		if err != nil && !errors.Is(err, zk.ErrNodeExists) {
			return fmt.Errorf("lock: create %s: %w", path[:i], err)
		}
	}
	return nil
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
