package peer

import (
	"errors"
	"fmt"
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
	TickEvery time.Duration // default 50 ms
	Clock     Clock
	Logger    *slog.Logger
}

// Environment is what a running peer works for and with. Its parts are made with the peer at hand, so they come with [Peer.Run].
type Environment struct {
	Machine   StateMachine
	Transport Transport // nil for an ensemble of one
	Images    Images    // nil for an ensemble of one
	// Ship sends images in the place of Images.Send, and must not wait; simulators, which have no goroutines, need it. Nil: Images.Send, on
	// a goroutine of its own.
	Ship func(zab.SnapSend)
}

// Peer is one server of the ensemble. Make it with New, start it with Run.
type Peer struct {
	cfg        Config
	env        Environment // set before the loops start
	core       *zab.Core   // owned by the core loop
	box        mailbox
	logQ       queue[logJob]
	applyQ     queue[applyJob]
	soft       atomic.Pointer[zab.SoftState]
	ticker     *time.Ticker
	delivering atomic.Int64 // bytes of deliveries in applyQ
	waiting    waiting      // owned by the core loop
	applier    applier      // owned by the apply loop

	begin    sync.Once
	stopOnce sync.Once
	stop     chan struct{} // closed: no more work
	done     chan struct{} // closed: all loops have ended
	errOnce  sync.Once
	err      error
}

// New makes a peer from what its log holds. It is an Orderer at once, and refuses whatever is asked until [Peer.Run] starts it.
func New(cfg Config) (*Peer, error) {
	if cfg.TickEvery <= 0 {
		cfg.TickEvery = 50 * time.Millisecond
	}
	if cfg.Clock.Now == nil {
		cfg.Clock.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Core.Log = cfg.Log
	core, err := zab.New(cfg.Core)
	if err != nil {
		return nil, fmt.Errorf("peer: start from the log: %w", err)
	}
	p := &Peer{cfg: cfg, core: core, stop: make(chan struct{}), done: make(chan struct{})}
	p.waiting.reads, p.waiting.asks = map[uint64]func(error){}, map[uint64]func([]byte, error){}
	p.applier.applied = cfg.Core.Applied
	p.box.init()
	p.logQ.init()
	p.applyQ.init()
	p.soft.Store(&zab.SoftState{})
	return p, nil
}

// Run starts the three loops, once; a peer that was stopped before does not start. A peer that is an ensemble of its own is active after a
// few disk writes.
func (p *Peer) Run(env Environment) {
	p.begin.Do(func() {
		p.open(env)
		if p.cfg.Clock.Tick == nil {
			p.ticker = time.NewTicker(p.cfg.TickEvery)
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
	})
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

// Stop ends the loops and waits for them. What was handed to the log is durable when it returns; nothing else is promised. Whoever waits for
// an answer gets an error.
func (p *Peer) Stop() {
	p.end(nil)
	p.begin.Do(func() { // it never ran
		p.refuseAll()
		close(p.done)
	})
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

// ended is nil while the peer runs.
func (p *Peer) ended() error {
	select {
	case <-p.stop:
		return errStopped
	default:
		return nil
	}
}

// ErrNotRunning refuses what is asked of a peer before [Peer.Run].
var ErrNotRunning = errors.New("peer: this server's part of the ensemble is not running yet")

// errStopped answers what was in flight when the peer ended.
var errStopped = errors.New("peer: stopped")
