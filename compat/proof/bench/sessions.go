package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/wire"
)

// dialers is how many handshakes are on the way at once.
const dialers = 16

// runSessions opens sessions as fast as the servers let it, holds them with nothing but pings, and closes them. Operations are
// handshakes; the kind "ping" shows how long a ping took while all sessions were there.
func runSessions(ctx context.Context, c Config) (*Result, error) {
	r := newRun(c)
	r.kinds = []*recorder{newRecorder("handshake"), newRecorder("ping")}
	before, err := takeUsage(c.PIDs)
	if err != nil {
		return nil, err
	}
	held, timeout, err := r.openSessions(ctx)
	opened, usageErr := takeUsage(c.PIDs)
	if err == nil {
		err = usageErr
	}
	if err == nil {
		err = r.hold(ctx, held, timeout)
	}
	after, usageErr := takeUsage(c.PIDs)
	r.closeSessions(held)
	if err := errors.Join(err, usageErr); err != nil && !(errors.Is(err, ctx.Err()) && len(held) > 0) {
		return nil, err
	}
	result, err := r.untilNow(ctx, before, opened, int64(len(held)))
	if result != nil && result.Memory != nil {
		result.Memory.After = after.resident
		result.Memory.PerItem = float64(after.resident-before.resident) / float64(len(held))
	}
	return result, err
}

// openSessions opens all connections with a new session each, and returns the shortest timeout that was granted.
func (r *run) openSessions(ctx context.Context) ([]*client.Conn, time.Duration, error) {
	held := make([]*client.Conn, r.Connections)
	var next, shortest atomic.Int64
	shortest.Store(int64(r.Shape.Timeout))
	errs := make([]error, dialers)
	var wg sync.WaitGroup
	for d := range dialers {
		wg.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= r.Connections || ctx.Err() != nil {
					return
				}
				start := time.Now()
				conn, welcome, err := connect(ctx, r.Config, n)
				if err != nil {
					errs[d] = err
					next.Store(int64(r.Connections)) // the others may stop too
					return
				}
				held[n] = conn
				r.kinds[0].add([]int64{time.Since(start).Microseconds()})
				granted := int64(time.Duration(welcome.Timeout) * time.Millisecond)
				for old := shortest.Load(); granted < old && !shortest.CompareAndSwap(old, granted); old = shortest.Load() {
				}
				if n%64 == 0 {
					r.Progress("open", int64(n), int64(r.Connections))
				}
			}
		})
	}
	wg.Wait()
	err := errors.Join(errors.Join(errs...), ctx.Err())
	open := held[:0]
	for _, conn := range held {
		if conn != nil {
			open = append(open, conn)
		}
	}
	return open, time.Duration(shortest.Load()), err
}

// hold keeps the sessions for Duration: each gets a ping three times in its timeout, from one goroutine, spread evenly.
func (r *run) hold(ctx context.Context, held []*client.Conn, timeout time.Duration) error {
	end := time.NewTimer(r.Duration)
	defer end.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	round := timeout / 3
	start := time.Now()
	pinged := 0 // in all rounds
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return nil
		case <-tick.C:
		}
		due := int(time.Since(start) * time.Duration(len(held)) / round)
		for ; pinged < due; pinged++ {
			if err := r.ping(held[pinged%len(held)]); err != nil {
				return fmt.Errorf("bench: idle session %d of %d: %w", pinged%len(held)+1, len(held), err)
			}
		}
		r.Progress("hold", time.Since(start).Milliseconds(), r.Duration.Milliseconds())
	}
}

func (r *run) ping(conn *client.Conn) error {
	start := time.Now()
	if _, err := conn.Call(wire.XidPing, wire.OpPing, nil, patience); err != nil {
		return err
	}
	r.kinds[1].add([]int64{time.Since(start).Microseconds()})
	return nil
}

// closeSessions ends all sessions: first all requests, then all answers, so that the servers can batch them.
func (r *run) closeSessions(held []*client.Conn) {
	for _, conn := range held {
		conn.Stage(1, wire.OpCloseSession, nil)
		_ = conn.Flush()
	}
	for _, conn := range held {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, _ = conn.Next()
		_ = conn.Close()
	}
}
