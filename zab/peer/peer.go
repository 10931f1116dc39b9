package peer

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Log is the durable history: the read side that the core asks for, and one way to write.
type Log interface {
	zab.Log
	// Append makes the batches durable, in order, under as few syncs as it likes (one, usually). It returns when all of them are
	// durable. An error is final.
	Append(batches ...zab.Persist) error
}

// Transport carries messages to other servers. Send must encode or copy the message before it returns, must not block, and may
// drop: the core repeats what matters.
type Transport interface {
	Send(m *zab.Message)
	// EnsembleChanged says whom to dial and whom to let in.
	EnsembleChanged(zab.EnsembleChange)
}

// StateMachine is what the history is for. All calls but Vet come from one goroutine, in the order of the history.
type StateMachine interface {
	// Apply takes committed entries of every kind in zxid order. The entries are immutable; the slice is valid during the call.
	Apply(entries []zab.Entry)
	// SoftStateChanged says who leads now and whether clients can be served.
	SoftStateChanged(s zab.SoftState)
	// Vet may replace payloads that another server forwards, on the leader, before they are proposed. Called from the core loop: it must be quick.
	Vet(from zab.PeerID, payloads [][]byte)
	// Deliver hands over an opaque payload of another server: DeliverAsk, DeliverAnswer or DeliverTouch.
	Deliver(d zab.Delivery)
}

// Images ships and installs images of the applied state, for servers too far behind for the log. Nil on a standalone server.
type Images interface {
	// Send takes an exact image at some zxid >= s.Min and ships it; meta is asked with the zxid of the image, message with its meta.
	// It runs on a goroutine of its own and returns when the receiver has staged the image or the try has failed.
	Send(s zab.SnapSend, meta func(zxid.ID) zab.SnapshotMeta, message func(zab.SnapshotMeta) zab.Message) (zxid.ID, error)
	// Install makes a staged image the state. It is called from the apply loop, before entries after the image are applied.
	Install(s zab.Snapshot) error
}

// Clock is where time comes from. The zero value is the real one.
type Clock struct {
	Now  func() time.Time // wall and monotonic; default time.Now
	Tick <-chan time.Time // default: a ticker of Config.TickEvery
}

// Config is what a peer is made of.
type Config struct {
	Core      zab.Config
	Log       Log
	Transport Transport // nil for an ensemble of one
	Machine   StateMachine
	Images    Images // nil for an ensemble of one
	TickEvery time.Duration
	Clock     Clock
	Logger    *slog.Logger
}

// Peer is a running server of the ensemble. Make it with Start.
type Peer struct {
	cfg    Config
	core   *zab.Core // owned by the core loop
	box    mailbox
	logQ   queue[logJob]
	applyQ queue[applyJob]
	soft   atomic.Pointer[zab.SoftState]
	ticker *time.Ticker
	held   [][]byte // owned by the core loop: proposals that met ErrBusy or ErrLimit
	ctx    uint64   // owned by the core loop: the last read or ask number given out
	reads  map[uint64]func(error)
	asks   map[uint64]func([]byte, error)
	blank  bool // owned by the core loop: the operator was told of an empty disk

	stopOnce sync.Once
	stop     chan struct{} // closed: no more work
	done     chan struct{} // closed: all loops have ended
	errOnce  sync.Once
	err      error
}

// Start runs a peer from what its log holds. A peer that is an ensemble of its own is active after a few disk writes.
func Start(cfg Config) (*Peer, error) {
	if cfg.TickEvery <= 0 {
		cfg.TickEvery = 50 * time.Millisecond
	}
	if cfg.Clock.Now == nil {
		cfg.Clock.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	cfg.Core.Log = cfg.Log
	core, err := zab.New(cfg.Core)
	if err != nil {
		return nil, fmt.Errorf("peer: start from the log: %w", err)
	}
	p := &Peer{
		cfg: cfg, core: core, stop: make(chan struct{}), done: make(chan struct{}),
		reads: map[uint64]func(error){}, asks: map[uint64]func([]byte, error){},
	}
	p.box.wake = make(chan struct{}, 1)
	p.logQ.init()
	p.applyQ.init()
	p.soft.Store(&zab.SoftState{})
	if p.cfg.Clock.Tick == nil {
		p.ticker = time.NewTicker(cfg.TickEvery)
		p.cfg.Clock.Tick = p.ticker.C
	}
	var loops sync.WaitGroup
	for _, loop := range []func(){p.coreLoop, p.logLoop, p.applyLoop} {
		loops.Go(loop)
	}
	go func() {
		loops.Wait()
		close(p.done)
	}()
	return p, nil
}

// Soft is who leads and whether clients can be served, as of the core loop's last turn.
func (p *Peer) Soft() zab.SoftState { return *p.soft.Load() }

// Done is closed when the peer has ended; Err then says why (nil after Stop).
func (p *Peer) Done() <-chan struct{} { return p.done }

// Err is why the peer ended, nil while it runs or after a plain Stop.
func (p *Peer) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Stop ends the loops and waits for them. What was handed to the log is durable when it returns; nothing else is promised.
func (p *Peer) Stop() {
	p.end(nil)
	<-p.done
}

// end closes the peer once, for the first reason given.
func (p *Peer) end(err error) {
	p.errOnce.Do(func() { p.err = err })
	p.stopOnce.Do(func() {
		close(p.stop)
		p.logQ.close()
		p.applyQ.close()
	})
}

// errStopped answers what was in flight when the peer ended.
var errStopped = errors.New("peer: stopped")
