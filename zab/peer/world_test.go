package peer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/zab/zxid"
)

const patience = 2 * time.Minute

// disk is a log whose writes can be held and can fail.
type disk struct {
	mu      sync.Mutex
	log     *zabtest.Disk
	hold    chan struct{}      // not nil: Append waits until it is closed
	entered chan []zab.Persist // tells of each Append that has to wait
	fail    error
	failed  int // Appends that were refused
	after   int // Appends after a refused one
}

func newDisk() *disk { return &disk{log: zabtest.NewDisk(), entered: make(chan []zab.Persist, 16)} }

// freeze lets the next Append wait until the returned function is called.
func (d *disk) freeze() (thaw func()) {
	hold := make(chan struct{})
	d.mu.Lock()
	d.hold = hold
	d.mu.Unlock()
	return sync.OnceFunc(func() {
		d.mu.Lock()
		d.hold = nil
		d.mu.Unlock()
		close(hold)
	})
}

func (d *disk) Append(batches ...zab.Persist) error {
	d.mu.Lock()
	hold := d.hold
	d.mu.Unlock()
	if hold != nil {
		d.entered <- batches
		<-hold
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed > 0 {
		d.after++
	}
	if d.fail != nil {
		d.failed++
		return d.fail
	}
	for _, b := range batches {
		d.log.Write(b)
		d.log.Sync(b.Seq)
	}
	return nil
}

func (d *disk) Base() zab.SnapshotMeta { d.mu.Lock(); defer d.mu.Unlock(); return d.log.Base() }
func (d *disk) Last() zxid.ID          { d.mu.Lock(); defer d.mu.Unlock(); return d.log.Last() }
func (d *disk) Floor(z zxid.ID) zxid.ID {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Floor(z)
}
func (d *disk) Entries(after zxid.ID, n int) ([]zab.Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Entries(after, n)
}
func (d *disk) Reconfigs() []zab.Entry   { d.mu.Lock(); defer d.mu.Unlock(); return d.log.Reconfigs() }
func (d *disk) HardState() zab.HardState { d.mu.Lock(); defer d.mu.Unlock(); return d.log.HardState() }

// machine notes what it is told, in order, and judges it.
type machine struct {
	w    *world
	id   zab.PeerID
	mu   sync.Mutex
	seen []string // payloads, and "soft …"
	last zxid.ID
	hold chan struct{} // not nil: Apply waits until it is closed
}

func (m *machine) Apply(entries []zab.Entry) {
	m.mu.Lock()
	hold := m.hold
	m.mu.Unlock()
	if hold != nil {
		<-hold
	}
	durable := m.w.disks[m.id].Last()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		if e.Zxid > durable {
			m.w.wrong("server %d applies %v, and its log ends at %v", m.id, e.Zxid, durable)
		}
		if e.Zxid <= m.last {
			m.w.wrong("server %d applies %v after %v", m.id, e.Zxid, m.last)
		}
		m.last = e.Zxid
		if e.Kind == zab.EntryTxn {
			m.seen = append(m.seen, string(e.Data))
		}
	}
}

func (m *machine) SoftStateChanged(s zab.SoftState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = append(m.seen, fmt.Sprintf("soft role=%d active=%v", s.Role, s.Active))
}

func (m *machine) Vet(zab.PeerID, [][]byte) {}
func (m *machine) Deliver(zab.Delivery)     {}

// payloads are what was applied.
func (m *machine) payloads() (out []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.seen {
		if !strings.HasPrefix(s, "soft ") {
			out = append(out, s)
		}
	}
	return out
}

// wire is one server's transport: it hands messages over, unless they are cut, and judges them.
type wire struct {
	w    *world
	from zab.PeerID
}

func (t wire) EnsembleChanged(zab.EnsembleChange) {}

// Send checks the contract: what a message claims to be durable is.
func (t wire) Send(m *zab.Message) {
	d := t.w.disks[t.from]
	switch {
	case m.Type == zab.MsgAck && !m.Reject && m.Zxid > d.Last():
		t.w.wrong("server %d acknowledges %v, and its log ends at %v", t.from, m.Zxid, d.Last())
	case m.Type == zab.MsgVoteResp && !m.Reject && d.HardState().Promised < m.Epoch:
		t.w.wrong("server %d promises epoch %v, and its log says %v", t.from, m.Epoch, d.HardState().Promised)
	}
	t.w.mu.Lock()
	to, cut := t.w.peers[m.To], t.w.cut[t.from] || t.w.cut[m.To]
	if m.Type == zab.MsgAck && !m.Reject {
		t.w.acked[t.from] = max(t.w.acked[t.from], m.Zxid)
	}
	t.w.mu.Unlock()
	if to == nil || cut {
		return
	}
	var copied zab.Message
	if err := zab.DecodeMessage(zab.AppendMessage(nil, m), &copied); err != nil {
		t.w.wrong("a message cannot be read: %v", err)
		return
	}
	to.Deliver(copied)
}

// world is some peers with fake logs, a fake network and one hand on the clock.
type world struct {
	t        *testing.T
	disks    map[zab.PeerID]*disk
	machines map[zab.PeerID]*machine
	ticks    map[zab.PeerID]chan time.Time
	ensemble zab.Ensemble

	mu    sync.Mutex
	now   time.Time
	peers map[zab.PeerID]*Peer
	cut   map[zab.PeerID]bool
	acked map[zab.PeerID]zxid.ID
}

func (w *world) wrong(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf(format, args...)
}

// newWorld starts n servers.
func newWorld(t *testing.T, n int, limits zab.Limits) *world {
	t.Helper()
	w := &world{t: t, disks: map[zab.PeerID]*disk{}, machines: map[zab.PeerID]*machine{}, ticks: map[zab.PeerID]chan time.Time{},
		now: time.Unix(1e9, 0), peers: map[zab.PeerID]*Peer{}, cut: map[zab.PeerID]bool{}, acked: map[zab.PeerID]zxid.ID{}}
	var lines []string
	for id := 1; id <= n; id++ {
		lines = append(lines, fmt.Sprintf("server.%d=h%d:1:1", id, id))
	}
	ensemble, err := zab.ParseEnsemble(strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	w.ensemble = ensemble
	for _, m := range ensemble.Members {
		w.disks[m.ID], w.machines[m.ID], w.ticks[m.ID] = newDisk(), &machine{w: w, id: m.ID}, make(chan time.Time)
	}
	for _, m := range ensemble.Members {
		p, err := New(Config{
			Core: zab.Config{ID: m.ID, Ensemble: ensemble, Rand: rand.NewPCG(uint64(m.ID), 1), Limits: limits},
			Log:  w.disks[m.ID], TickEvery: time.Second, Clock: Clock{Now: w.clock, Tick: w.ticks[m.ID]},
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Run(Environment{Machine: w.machines[m.ID], Transport: wire{w, m.ID}})
		w.mu.Lock()
		w.peers[m.ID] = p
		w.mu.Unlock()
		t.Cleanup(p.Stop)
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// tick lets a second pass on every server, and each of them take a turn.
func (w *world) tick() {
	w.mu.Lock()
	w.now = w.now.Add(time.Second)
	now := w.now
	w.mu.Unlock()
	for id, p := range w.peers {
		select {
		case w.ticks[id] <- now:
		case <-p.Done():
		}
	}
	for _, p := range w.peers {
		p.Status()
	}
}

// until waits for something, and lets time pass now and then if it is told to.
func (w *world) until(what string, ticking bool, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within %v: %s", patience, what)
		}
		<-pace.C
		if ticking {
			w.tick()
		}
	}
}

// leader waits until one leads and all others follow.
func (w *world) leader() (*Peer, zab.PeerID) {
	w.t.Helper()
	var id zab.PeerID
	w.until("a leader", true, func() bool {
		active := 0
		for i, p := range w.peers {
			if s := p.Soft(); s.Active {
				active++
				if s.Role == zab.Leading {
					id = i
				}
			}
		}
		return active == len(w.peers)
	})
	return w.peers[id], id
}

// others are all servers but one.
func (w *world) others(id zab.PeerID) (out []zab.PeerID) {
	for i := zab.PeerID(1); int(i) <= len(w.peers); i++ {
		if i != id {
			out = append(out, i)
		}
	}
	return out
}
