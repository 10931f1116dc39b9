package transport

import (
	"bufio"
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// link is one outgoing lane to one server: a queue of encoded frames and the goroutine that dials and writes.
type link struct {
	t      *Transport
	to     zab.PeerID
	lane   lane
	reach  *reach // of the server, shared by its lanes
	cancel context.CancelFunc

	mu    sync.Mutex
	addrs []string // where it may be reached, in order of preference
	buf   []byte   // frames that wait
	up    bool     // a handshaken connection exists; while it does not, frames are dropped
	wake  chan struct{}
}

func newLink(t *Transport, to zab.PeerID, l lane, addrs []string, r *reach) *link {
	ctx, cancel := context.WithCancel(t.ctx)
	k := &link{t: t, to: to, lane: l, reach: r, cancel: cancel, addrs: addrs, wake: make(chan struct{}, 1)}
	t.running.Go(func() { k.run(ctx) })
	return k
}

// send encodes m behind what waits, or drops it.
func (k *link) send(m *zab.Message) {
	k.mu.Lock()
	if !k.up || len(k.buf) > k.t.cfg.QueueBytes {
		dropped := k.up
		k.mu.Unlock()
		if dropped {
			k.t.count.dropped.Add(1)
		}
		return
	}
	at := len(k.buf)
	k.buf = zab.AppendMessage(beginFrame(k.buf), m)
	endFrame(k.buf, at)
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// steady is how long a connection must have lived to be dialled anew at once when it breaks.
const steady = 500 * time.Millisecond

// run dials, writes until the connection breaks, waits a little and dials again, until it is cancelled. A connection that has lived for a
// while is dialled anew at once; if that fails, its server is gone.
func (k *link) run(ctx context.Context) {
	failures, lived := 0, false
	for ctx.Err() == nil {
		again := lived
		lived = false
		c, err := k.dial(ctx, failures)
		if err == nil {
			failures = 0
			begin := time.Now()
			k.reach.connected(k.lane, begin)
			err = k.write(ctx, c)
			lived = time.Since(begin) > steady
		} else if again && k.t.cfg.Gone != nil && ctx.Err() == nil {
			k.t.cfg.Gone(k.to)
		}
		if ctx.Err() != nil {
			return
		}
		if lived {
			continue
		}
		failures++
		k.t.findAgain(k)
		k.reach.failed(k.lane, time.Now(), err)
		wait := min(20*time.Millisecond<<min(failures, 5), 500*time.Millisecond)
		wait += time.Duration(rand.Int64N(int64(wait)/2 + 1))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// dial connects to the next address in turn and shakes hands.
func (k *link) dial(ctx context.Context, try int) (net.Conn, error) {
	addrs := k.addresses()
	return k.t.connect(ctx, addrs[try%len(addrs)], k.to, k.lane)
}

// addresses is where the server may be reached, in order of preference.
func (k *link) addresses() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.addrs
}

// write sends what waits, all of it at once, until the connection breaks.
func (k *link) write(ctx context.Context, c net.Conn) error {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	broken := make(chan error, 1)
	k.t.running.Go(func() { // the accepter never says anything more: reading finds out that it is gone
		_, err := bufio.NewReaderSize(c, 16).ReadByte()
		broken <- err
	})
	k.mu.Lock()
	k.up, k.buf = true, k.buf[:0]
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		k.up = false
		k.mu.Unlock()
	}()
	var out []byte
	for {
		select {
		case err := <-broken:
			return err
		case <-k.wake:
		}
		k.mu.Lock()
		out, k.buf = k.buf, out[:0]
		k.mu.Unlock()
		if len(out) == 0 {
			continue
		}
		if err := k.pour(c, out); err != nil {
			return err
		}
		k.t.count.sentBytes.Add(uint64(len(out)))
		if cap(out) > 4<<20 {
			out = nil
		}
	}
}

// slice is how much a link must take within WriteTimeout: one that is slow but moves is not broken, however much waits for it.
const slice = 256 << 10

func (k *link) pour(c net.Conn, out []byte) error {
	for len(out) > 0 {
		n := min(len(out), slice)
		_ = c.SetWriteDeadline(time.Now().Add(k.t.cfg.WriteTimeout))
		if _, err := c.Write(out[:n]); err != nil {
			return err
		}
		out = out[n:]
	}
	return nil
}
