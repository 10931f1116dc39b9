package transport

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// Config is what a transport is made of.
type Config struct {
	Identity Identity
	Secret   []byte      // shared by the ensemble; empty proves nothing, so keep the port on a trusted network then
	TLS      *tls.Config // nil: plain TCP. Used for both directions: set Certificates, RootCAs, ClientCAs, ClientAuth
	// VerifyHost: with TLS, the certificate of a server that we dial must name the host (or address) that we dialed, or its number (server.3). A TLS
	// that verifies chains by itself (InsecureSkipVerify with VerifyConnection) sees no addresses.
	VerifyHost bool
	// VerifyDialler: the certificate of a server that dials us must name its number, or a host (or address) of its own: one that the ensemble says
	// of a member, or that Vouched says of any other server. Where there is a secret, which proves him honest, a server that is no member may say where it is.
	VerifyDialler bool
	Vouched       func(zab.PeerID) []string // where a server is that is no member, as far as somebody says it who can be trusted. Nil: nobody does
	Listener      net.Listener
	// Resolve says where a server may be reached, in order of preference. It is asked at every change of the ensemble, and for a server that
	// was admitted when something is sent to it. Neither it nor Admit may wait: whoever sends waits for them.
	Resolve func(zab.Member) []string
	// Admit says whether a server that is in no ensemble may link (a joiner that gossip or an operator announced). Nil: nobody.
	Admit func(zab.PeerID) bool
	// AdmitAll says whether to let in whoever says where it is: to observe, until a reconfiguration makes it a member; or to lead a server that has no
	// history and so does not know who belongs to its ensemble. Nil: no.
	AdmitAll func() bool
	Where    string            // host:port at which this server is reached, told to those that it dials: they may not know it. "": nothing is told
	Deliver  func(zab.Message) // called from reading goroutines
	// Gone is told when the link to a server broke and dialling it anew failed at once, as when its process has ended. Nil: nobody asks.
	Gone func(zab.PeerID)
	// Receive takes an image: header as the sender gave it. Nil: none are taken.
	Receive      func(from zab.PeerID, header []byte) (ImageWriter, error)
	QueueBytes   int           // frames waiting for one lane; beyond, messages are dropped. Default 64 MiB
	WriteTimeout time.Duration // a write that takes longer breaks the link. Default 10 s
	Logger       *slog.Logger
}

// Transport is a running set of links. Make it with New, end it with Close.
type Transport struct {
	cfg     Config
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	count   counters
	pending pending
	warn    warnings

	mu    sync.Mutex
	me    Identity
	heard map[zab.PeerID]hello    // the last one of each server
	said  map[zab.PeerID][]string // where those are that nobody else has told of, as they say
	links map[zab.PeerID][2]*link
	known map[zab.PeerID]bool
	in    map[net.Conn]zab.PeerID // 0 before the handshake
}

type counters struct{ sentBytes, dropped, damaged, refused atomic.Uint64 }

// Stats counts since the start.
type Stats struct{ SentBytes, Dropped, Damaged, Refused uint64 }

// New starts listening. Links are dialled once EnsembleChanged names the servers.
func New(cfg Config) *Transport {
	if cfg.QueueBytes <= 0 {
		cfg.QueueBytes = 64 << 20
	}
	if cfg.WriteTimeout <= 0 {
		cfg.WriteTimeout = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	t := &Transport{cfg: cfg, me: cfg.Identity, heard: map[zab.PeerID]hello{}, said: map[zab.PeerID][]string{}, links: map[zab.PeerID][2]*link{}, known: map[zab.PeerID]bool{}, in: map[net.Conn]zab.PeerID{}}
	t.warn = warnings{logger: cfg.Logger, logged: map[string]*warned{}}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.running.Go(t.accept)
	return t
}

// Stats counts since the start.
func (t *Transport) Stats() Stats {
	return Stats{t.count.sentBytes.Load(), t.count.dropped.Load(), t.count.damaged.Load(), t.count.refused.Load()}
}

// Close ends all links and waits for their goroutines.
func (t *Transport) Close() {
	t.cancel()
	t.cfg.Listener.Close()
	t.mu.Lock()
	for c := range t.in {
		c.Close()
	}
	t.mu.Unlock()
	t.running.Wait()
}

// Send encodes m for the lane of its type, or drops it.
func (t *Transport) Send(m *zab.Message) {
	t.mu.Lock()
	pair, ok := t.links[m.To]
	if !ok && t.ctx.Err() == nil {
		if addrs := t.strangers(m.To); addrs != nil { // an answer to a joiner
			pair = t.open(m.To, addrs)
			ok = true
		}
	}
	t.mu.Unlock()
	if ok {
		pair[laneOf(m.Type)-laneControl].send(m)
	}
}

func laneOf(t zab.MsgType) lane {
	if t.Bulk() {
		return laneBulk
	}
	return laneControl
}

// EnsembleChanged opens links to new members and closes those of members that are gone.
func (t *Transport) EnsembleChanged(e zab.EnsembleChange) {
	members := slices.Clone(e.Committed.Members)
	if e.Proposed != nil {
		members = append(members, e.Proposed.Members...)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		return
	}
	clear(t.known)
	for _, m := range members {
		if m.ID == t.cfg.Identity.ID {
			continue
		}
		t.known[m.ID] = true
		addrs := t.cfg.Resolve(m)
		if len(addrs) == 0 {
			continue
		}
		if pair, ok := t.links[m.ID]; ok {
			pair[0].readdress(addrs)
			pair[1].readdress(addrs)
		} else {
			t.open(m.ID, addrs)
		}
	}
	for id, pair := range t.links {
		if !t.known[id] && len(t.strangers(id)) == 0 {
			pair[0].cancel()
			pair[1].cancel()
			delete(t.links, id)
		}
	}
}

// open starts both lanes to a server; t.mu is held.
func (t *Transport) open(id zab.PeerID, addrs []string) [2]*link {
	r := newReach(t.cfg.Logger, id)
	pair := [2]*link{newLink(t, id, laneControl, addrs, r), newLink(t, id, laneBulk, addrs, r)}
	t.links[id] = pair
	return pair
}

func (k *link) readdress(addrs []string) {
	k.mu.Lock()
	k.addrs = addrs
	k.mu.Unlock()
}

// strangers are the addresses of a server that is in no ensemble yet; nil if it is not admitted.
func (t *Transport) strangers(id zab.PeerID) []string {
	if t.admitted(id) {
		if addrs := t.cfg.Resolve(zab.Member{ID: id}); len(addrs) > 0 {
			return addrs
		}
	}
	return t.said[id]
}

// findAgain looks where a server is now that is in no ensemble: nothing else tells that a joiner has come back at another address.
func (t *Transport) findAgain(k *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known[k.to] {
		return
	}
	if addrs := t.strangers(k.to); len(addrs) > 0 {
		k.readdress(addrs)
	}
}

func (t *Transport) admitsAll() bool { return t.cfg.AdmitAll != nil && t.cfg.AdmitAll() }

func (t *Transport) admitted(id zab.PeerID) bool { return t.cfg.Admit != nil && t.cfg.Admit(id) }

func (t *Transport) isKnown(id zab.PeerID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known[id] || t.admitted(id)
}
