package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/wire"
)

// recorder is the latencies of one kind of request, over all connections.
type recorder struct {
	name string
	mu   sync.Mutex
	hist *hdrhistogram.Histogram // microseconds
}

const longest = 10 * 60 * 1_000_000 // µs that a histogram can hold; longer ones count as that long

func newRecorder(name string) *recorder {
	return &recorder{name: name, hist: hdrhistogram.New(1, longest, 3)}
}

func (k *recorder) add(samples []int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range samples {
		_ = k.hist.RecordValue(min(max(s, 1), longest))
	}
}

// worker is one connection under load.
type worker struct {
	*run
	n       int // which of the connections
	conn    *client.Conn
	rand    *rand.Rand
	data    []byte
	seq     int64  // requests made so far
	xid     int32  // of the newest request
	flight  []sent // ring: what is on the way, oldest first
	head    int    // of flight
	waiting int    // how many of flight are on the way
	samples [2][]int64
}

// sent is one request on the way.
type sent struct {
	at   time.Duration // since the run began
	kind uint8
}

// samplesAtOnce is how many latencies a connection gathers before it takes the recorder's lock.
const samplesAtOnce = 512

func newWorker(ctx context.Context, r *run, n int) (*worker, error) {
	conn, _, err := connect(ctx, r.Config, n)
	if err != nil {
		return nil, err
	}
	w := &worker{
		run: r, n: n, conn: conn, rand: rand.New(rand.NewPCG(r.Seed, uint64(n))),
		data: []byte(strings.Repeat("x", r.Shape.Size)), flight: make([]sent, r.InFlight),
	}
	return w, nil
}

// connect opens the n-th connection, with a new session and authenticated if that was asked for.
func connect(ctx context.Context, c Config, n int) (*client.Conn, client.Welcome, error) {
	addr := c.Servers[n%len(c.Servers)]
	conn, err := client.Dial(ctx, addr)
	if err != nil {
		return nil, client.Welcome{}, err
	}
	welcome, err := conn.Handshake(client.Hello{Timeout: int32(c.Shape.Timeout.Milliseconds())}, patience)
	if err == nil && c.Auth != "" {
		err = authenticate(conn, c.Auth)
	}
	if err != nil {
		_ = conn.Close()
		return nil, welcome, fmt.Errorf("bench: connection %d, to %s: %w (a server closes connections beyond its maxClientCnxns)", n+1, addr, err)
	}
	return conn, welcome, nil
}

// patience is how long a reply may take while nothing is measured.
const patience = 30 * time.Second

func authenticate(conn *client.Conn, auth string) error {
	scheme, credentials, _ := strings.Cut(auth, ":")
	r, err := conn.Call(wire.XidAuth, wire.OpAuth, func(b []byte) []byte {
		return jute.AppendBuffer(jute.AppendText(jute.AppendInt(b, 0), scheme), []byte(credentials))
	}, patience)
	if err == nil && r.Err != 0 {
		err = fmt.Errorf("authenticating with scheme %s: error %d", scheme, r.Err)
	}
	return err
}

// loop is the closed loop: keep InFlight requests on the way until the run stops, then take in what is still out.
func (w *worker) loop() error {
	defer w.flushSamples()
	if w.Workload == Watch {
		return w.watchLoop()
	}
	now := time.Since(w.began)
	for range w.InFlight {
		w.refill(now)
	}
	for w.waiting > 0 {
		if err := w.conn.Flush(); err != nil {
			return err
		}
		if err := w.drain(); err != nil {
			return fmt.Errorf("bench: connection %d: %w", w.n+1, err)
		}
	}
	return nil
}

// drain blocks for one reply, takes all others that are there, and stages a new request for each. One look at the clock serves
// the whole batch: its replies arrived together, and its requests leave together.
func (w *worker) drain() error {
	r, err := w.conn.Read()
	now := time.Since(w.began)
	done := int64(0)
	counts := w.phase.Load() == measuring
	for {
		if err != nil {
			return err
		}
		if r.Xid != wire.XidEvent {
			if err := w.answered(r, now, counts); err != nil {
				return err
			}
			done++
			w.refill(now)
		}
		if !w.conn.Buffered() {
			break
		}
		r, err = w.conn.Read()
	}
	if counts {
		w.done.Add(done)
	}
	return nil
}

// answered pairs a reply with the oldest request: replies come in order.
func (w *worker) answered(r client.Reply, now time.Duration, counts bool) error {
	if w.waiting == 0 {
		return fmt.Errorf("a reply with xid %d to nothing", r.Xid)
	}
	if want := w.xid - int32(w.waiting) + 1; r.Xid != want {
		return fmt.Errorf("the reply has xid %d, the oldest request %d", r.Xid, want)
	}
	s := w.flight[w.head]
	w.head = (w.head + 1) % len(w.flight)
	w.waiting--
	if counts {
		w.sample(s.kind, now-s.at)
	}
	if r.Err != 0 && counts {
		w.errors.add(r.Err)
	}
	return nil
}

func (w *worker) sample(kind uint8, took time.Duration) {
	w.samples[kind] = append(w.samples[kind], took.Microseconds())
	if len(w.samples[kind]) >= samplesAtOnce {
		w.kinds[kind].add(w.samples[kind])
		w.samples[kind] = w.samples[kind][:0]
	}
}

func (w *worker) flushSamples() {
	for kind := range w.samples {
		if len(w.samples[kind]) > 0 {
			w.kinds[kind].add(w.samples[kind])
			w.samples[kind] = w.samples[kind][:0]
		}
	}
}

// refill stages the next request, unless the run is over.
func (w *worker) refill(now time.Duration) {
	switch {
	case w.phase.Load() == stopping:
		return
	case w.Count > 0 && w.taken.Add(1) > w.Count:
		return
	}
	w.xid++
	kind := w.stage()
	w.flight[(w.head+w.waiting)%len(w.flight)] = sent{now, kind}
	w.waiting++
	w.seq++
}

func (w *worker) close() {
	_ = w.conn.SetReadDeadline(time.Time{})
	if err := w.conn.CloseSession(2 * time.Second); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		_ = w.conn.Close()
	}
}
