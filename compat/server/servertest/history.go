package servertest

import (
	"slices"
	"sync"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// History orders proposals. Make it with NewHistory.
type History struct {
	mu      sync.Mutex
	wake    sync.Cond
	queue   []step
	next    zxid.ID
	prev    zxid.ID
	hold    bool
	stopped bool
	busy    bool
	wall    func() int64
	members []*Member
	done    chan struct{}
	refuse  error

	ensemble zab.Ensemble
	digests  map[zxid.ID]uint64
	lastAsk  uint64
	asks     map[uint64]func([]byte, error)
}

// step is one thing to do, in order.
type step struct {
	entry zab.Entry
	call  func()
}

// Member is one server's Orderer.
type Member struct {
	h       *History
	id      zab.PeerID
	machine *server.Server
	leading bool
}

var _ server.Orderer = (*Member)(nil)

// NewHistory starts epoch 1. wall stamps the entries, ms.
func NewHistory(wall func() int64) *History {
	h := &History{next: zxid.New(zxid.NewEpoch(0, 1), 1), wall: wall, done: make(chan struct{}),
		digests: map[zxid.ID]uint64{}, asks: map[uint64]func([]byte, error){}}
	h.wake.L = &h.mu
	go h.run()
	return h
}

// Join makes a place for a server; the first one leads. Give the Member as Orderer to server.New, then call Start.
func (h *History) Join(id zab.PeerID) *Member {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := &Member{h: h, id: id, leading: len(h.members) == 0}
	h.members = append(h.members, m)
	return m
}

// Start makes the server active.
func (m *Member) Start(s *server.Server) {
	m.h.mu.Lock()
	m.machine = s
	m.h.mu.Unlock()
	m.Soft(m.Active())
}

// Active is the soft state of a member that can serve.
func (m *Member) Active() zab.SoftState {
	role := zab.Following
	if m.leading {
		role = zab.Leading
	}
	return zab.SoftState{Role: role, Leader: m.h.members[0].id, Epoch: 1, Active: true, Confirmed: true, Link: 1}
}

// Soft tells the server a soft state, in order with everything else.
func (m *Member) Soft(s zab.SoftState) {
	m.h.do(func() { m.machine.SoftStateChanged(s) })
	m.h.Settle()
}

// do puts a call behind what is there.
func (h *History) do(call func()) {
	h.mu.Lock()
	h.queue = append(h.queue, step{call: call})
	h.mu.Unlock()
	h.wake.Signal()
}

// Hold stops transactions from being applied until Commit or Release; other steps behind them wait too.
func (h *History) Hold() {
	h.mu.Lock()
	h.hold = true
	h.mu.Unlock()
}

// Release ends Hold.
func (h *History) Release() {
	h.mu.Lock()
	h.hold = false
	h.mu.Unlock()
	h.wake.Signal()
	h.Settle()
}

// Refuse makes Propose fail with err; nil ends that.
func (h *History) Refuse(err error) {
	h.mu.Lock()
	h.refuse = err
	h.mu.Unlock()
}

// Waiting is the number of steps that are held.
func (h *History) Waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.queue)
}

// Commit applies the next n held steps, all together, and waits for that.
func (h *History) Commit(n int) {
	h.mu.Lock()
	steps := append([]step(nil), h.queue[:min(n, len(h.queue))]...)
	h.queue = h.queue[len(steps):]
	h.mu.Unlock()
	h.perform(steps)
}

// Lose forgets everything that is held, as a broken link would.
func (h *History) Lose() {
	h.mu.Lock()
	h.queue, h.hold = nil, false
	h.mu.Unlock()
}

// Settle waits until nothing is left to do (or what is left is held).
func (h *History) Settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for (len(h.queue) > 0 && !h.hold || h.busy) && !h.stopped {
		h.wake.Wait()
	}
}

// Stop ends the history.
func (h *History) Stop() {
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
	h.wake.Broadcast()
	<-h.done
}

// Skip moves the next zxid on, as an epoch or other servers' work would.
func (h *History) Skip(z zxid.ID) {
	h.mu.Lock()
	h.next = z
	h.mu.Unlock()
}

func (h *History) run() {
	defer close(h.done)
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		for (len(h.queue) == 0 || h.hold) && !h.stopped {
			h.wake.Wait()
		}
		if h.stopped {
			return
		}
		steps := h.queue
		h.queue, h.busy = nil, true
		h.mu.Unlock()
		h.perform(steps)
		h.mu.Lock()
		h.busy = false
		h.wake.Broadcast()
	}
}

// perform applies runs of entries together and makes calls between them.
func (h *History) perform(steps []step) {
	h.mu.Lock()
	members := append([]*Member(nil), h.members...)
	h.mu.Unlock()
	var run []zab.Entry
	flush := func() {
		for _, m := range members {
			if m.machine != nil && len(run) > 0 {
				m.machine.Apply(run)
			}
		}
		run = nil
	}
	for _, s := range steps {
		if s.call == nil {
			run = append(run, s.entry)
			continue
		}
		flush()
		s.call()
	}
	flush()
}

// Propose implements server.Orderer.
func (m *Member) Propose(payloads [][]byte) error {
	h := m.h
	now := h.wall()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse != nil {
		return h.refuse
	}
	if leader := h.members[0]; m != leader && leader.machine != nil { // what another server forwards
		payloads = slices.Clone(payloads)
		leader.machine.Vet(m.id, payloads)
	}
	for _, p := range payloads {
		e := zab.Entry{Zxid: h.next, Prev: h.prev, Kind: zab.EntryTxn, Time: now, Data: p}
		h.prev, h.next = h.next, h.next+1
		h.queue = append(h.queue, step{entry: e})
	}
	h.wake.Broadcast()
	return nil
}

// ReadIndex implements server.Orderer.
func (m *Member) ReadIndex(done func(error)) { m.h.do(func() { done(nil) }) }

// Ask implements server.Orderer.
func (m *Member) Ask(data []byte, done func([]byte, error)) {
	h := m.h
	h.do(func() {
		h.mu.Lock()
		leader := h.members[0]
		h.mu.Unlock()
		leader.machine.Deliver(zab.Delivery{Kind: zab.DeliverAsk, From: m.id, Ctx: h.ask(done), Data: data})
	})
}

// ask keeps done until Answer.
func (h *History) ask(done func([]byte, error)) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastAsk++
	h.asks[h.lastAsk] = done
	return h.lastAsk
}

// Answer implements server.Orderer.
func (m *Member) Answer(_ zab.PeerID, ctx uint64, data []byte) {
	m.h.mu.Lock()
	done := m.h.asks[ctx]
	delete(m.h.asks, ctx)
	m.h.mu.Unlock()
	if done != nil {
		m.h.do(func() { done(data, nil) })
	}
}

// Touch implements server.Orderer.
func (m *Member) Touch(data []byte) {
	m.h.do(func() { m.h.members[0].machine.Deliver(zab.Delivery{Kind: zab.DeliverTouch, From: m.id, Data: data}) })
}

// SetDigest implements server.Orderer: it remembers, and the states must agree.
func (m *Member) SetDigest(z zxid.ID, digest uint64) {
	m.h.mu.Lock()
	defer m.h.mu.Unlock()
	if d, ok := m.h.digests[z]; ok && d != digest {
		panic("servertest: two servers applied the same history and differ")
	}
	m.h.digests[z] = digest
}

// Reconfig implements server.Orderer.
func (m *Member) Reconfig(next zab.Ensemble, extra []byte, done func(error)) {
	h := m.h
	h.mu.Lock()
	next.Version = h.next
	e := zab.Entry{Zxid: h.next, Prev: h.prev, Kind: zab.EntryReconfig, Time: h.wall(), Data: zab.EncodeReconfig(next, extra)}
	h.prev, h.next = h.next, h.next+1
	h.ensemble = next
	h.queue = append(h.queue, step{entry: e})
	h.mu.Unlock()
	h.wake.Broadcast()
	done(nil)
}

// SetEnsemble says what Status tells.
func (h *History) SetEnsemble(e zab.Ensemble) {
	h.mu.Lock()
	h.ensemble = e
	h.mu.Unlock()
}

// Status implements server.Orderer.
func (m *Member) Status() zab.Status {
	m.h.mu.Lock()
	defer m.h.mu.Unlock()
	return zab.Status{ID: m.id, Soft: m.Active(), Ensemble: zab.EnsembleChange{Committed: m.h.ensemble}}
}
