package gossip

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Self is what a server says of itself. PeerAddr can have 300 bytes; what does not fit besides it is shortened or left out (see tags).
type Self struct {
	ID zab.PeerID
	lineage.Lineage
	PeerAddr   string // host:port of its peer links
	ClientAddr string // host:port for clients
	Member     string // "participant", "observer", "joiner": its part in the ensemble as far as it knows
	Role       string // "leading", "following", "observing", "looking"
	Zxid       zxid.ID
	Version    string
}

// Member is what another server says of itself, and what gossip thinks of it.
type Member struct {
	Self
	Alive bool
	RTT   time.Duration // estimated from network coordinates; 0 is unknown
}

// Config is what gossip is made of.
type Config struct {
	Self    Self
	Bind    string   // host:port to listen on, TCP and UDP
	Join    []string // host:port of servers that may know others; this one's own does no harm
	Key     []byte   // 16, 24 or 32 bytes: traffic is encrypted; nil: in the clear
	Changed func()   // somebody came, went or said something new; may be nil
	Logger  *slog.Logger
}

// Gossip is a running member. Make it with Start, end it with Leave or Close.
type Gossip struct {
	cfg    Config
	serf   *serf.Serf
	events chan serf.Event
	joined chan struct{} // closed: somebody else is known
	cancel context.CancelFunc
	loops  sync.WaitGroup

	saying sync.Mutex // held while others are told, which takes a while; taken before mu
	mu     sync.Mutex
	self   Self
}

// Start listens, and asks those of cfg.Join in the background. An error is a wrong configuration or
// an address that cannot be bound.
func Start(cfg Config) (*Gossip, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if n := len(cfg.Key); n != 0 && n != 16 && n != 24 && n != 32 {
		return nil, fmt.Errorf("gossip: the key has %d bytes; give 16, 24 or 32 (paddock.gossipKey, base64)", n)
	}
	sc, err := serfConfig(&cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &Gossip{cfg: cfg, self: cfg.Self, cancel: cancel, events: make(chan serf.Event, 256), joined: make(chan struct{})}
	sc.EventCh = g.events
	if g.serf, err = serf.Create(sc); err != nil {
		cancel()
		return nil, fmt.Errorf("gossip: cannot listen on %s: %w", cfg.Bind, err)
	}
	g.loops.Go(func() { g.watch(ctx) })
	if len(cfg.Join) > 0 {
		g.loops.Go(func() { g.join(ctx) })
	}
	return g, nil
}

// Name is what Serf calls a server. It stays the same when the server learns which cluster it is of, and differs from that of a server with the same number in
// another ensemble that gossips along.
func Name(id zab.PeerID, peerAddr string) string {
	return fmt.Sprintf("%d-%08x", id, crc32.ChecksumIEEE([]byte(peerAddr)))
}

// serfConfig is Serf's LAN profile with unique names, our key, and quiet logs.
func serfConfig(cfg *Config) (*serf.Config, error) {
	ip, port, err := bindAddr(cfg.Bind)
	if err != nil {
		return nil, err
	}
	sc := serf.DefaultConfig()
	sc.NodeName = Name(cfg.Self.ID, cfg.Self.PeerAddr)
	if sc.Tags, err = tags(cfg.Self); err != nil {
		return nil, err
	}
	sc.ValidateNodeNames = true
	// The default ends the minority side of a name conflict. Two servers with one id are refused by the handshake of the peer
	// links; gossip, a hint, must end nobody.
	sc.EnableNameConflictResolution = false
	sc.LeavePropagateDelay = 200 * time.Millisecond // a server that stops has clients that wait for the next one
	sc.LogOutput = io.Discard
	sc.Logger = log.New(io.Discard, "", 0)
	ml := memberlist.DefaultLANConfig()
	ml.BindAddr, ml.BindPort, ml.AdvertisePort = ip, port, port
	ml.DeadNodeReclaimTime = time.Second // a server that died may come back at another address
	ml.TCPTimeout = 2 * time.Second      // Close waits for as long; the default is 10 s
	ml.SecretKey = cfg.Key
	ml.LogOutput, ml.Logger = io.Discard, nil
	sc.MemberlistConfig = ml
	return sc, nil
}

// bindAddr makes an IP address of what may be a name: memberlist would take a name for every address of this machine.
func bindAddr(bind string) (ip string, port int, err error) {
	host, text, err := net.SplitHostPort(bind)
	if err != nil {
		return "", 0, fmt.Errorf("gossip: address %q: %w; give host:port (--gossip, paddock.gossipAddr)", bind, err)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("gossip: address %q: the port must be a number from 1 to 65535 (--gossip, paddock.gossipAddr)", bind)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	a, err := net.ResolveIPAddr("ip", host)
	if err != nil {
		return "", 0, fmt.Errorf("gossip: address %q: %w; give an address of this machine (--gossip, paddock.gossipAddr)", bind, err)
	}
	return a.IP.String(), int(n), nil
}

// rejoin is how often the given addresses are asked again: parts of an ensemble that have never met find each other so.
const rejoin = time.Minute

// join asks the given addresses until somebody else is known, and then now and then.
func (g *Gossip) join(ctx context.Context) {
	wait, alone := 200*time.Millisecond, true
	for ctx.Err() == nil {
		err := g.askAll(ctx)
		switch others := g.serf.NumNodes() - 1; {
		case alone && others > 0: // an address of our own answers too
			g.cfg.Logger.Info("gossip: joined", "others", others)
			close(g.joined)
			alone, wait = false, rejoin
		case alone:
			g.cfg.Logger.Info("gossip: nobody answered yet; is one of them up, and is paddock.gossipKey the same there?", "asked", g.cfg.Join, "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		if alone {
			wait = min(2*wait, 10*time.Second)
		}
	}
}

// askAll asks one after the other, so that it can end between two: a machine that is off does not answer at all.
func (g *Gossip) askAll(ctx context.Context) error {
	var errs []error
	for _, addr := range g.cfg.Join {
		if ctx.Err() != nil {
			break
		}
		_, err := g.serf.Join([]string{addr}, true)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Joined is closed once somebody else is known: one of Config.Join has answered, and has told of all whom it knew.
func (g *Gossip) Joined() <-chan struct{} { return g.joined }

// watch drains Serf's events (it stops when nobody does) and passes on that something changed.
func (g *Gossip) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-g.events:
			if _, ok := e.(serf.MemberEvent); ok && g.cfg.Changed != nil {
				g.cfg.Changed()
			}
		}
	}
}

// Members lists the servers of this cluster that gossip knows, this one included, by id. A joiner that has no cluster yet (all
// zero) sees everybody.
func (g *Gossip) Members() []Member {
	self := g.Self()
	mine, _ := g.serf.GetCoordinate()
	var out []Member
	for _, m := range g.serf.Members() {
		s, err := parse(m.Tags)
		if err != nil || self.Cluster != (lineage.ID{}) && s.Cluster != self.Cluster {
			continue
		}
		mm := Member{Self: s, Alive: m.Status == serf.StatusAlive}
		if theirs, ok := g.serf.GetCachedCoordinate(m.Name); ok && mine != nil && s.ID != self.ID {
			mm.RTT = mine.DistanceTo(theirs)
		}
		out = append(out, mm)
	}
	slices.SortFunc(out, func(a, b Member) int {
		return cmp.Or(a.ID.Compare(b.ID), cmp.Compare(a.PeerAddr, b.PeerAddr), bytes.Compare(a.Cluster[:], b.Cluster[:]))
	})
	return out
}

// Self is what this server says of itself.
func (g *Gossip) Self() Self {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.self
}

// Update changes what this server says of itself; it spreads within a second or so. It waits until that is on its way, up to some seconds;
// nobody else waits meanwhile: the peer links ask for Members. An error is a Self that cannot be said.
func (g *Gossip) Update(change func(*Self)) error {
	g.saying.Lock()
	defer g.saying.Unlock()
	before := g.Self()
	next := before
	change(&next)
	if next == before {
		return nil
	}
	t, err := tags(next)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.self = next
	g.mu.Unlock()
	if err := g.serf.SetTags(t); err != nil { // nobody has taken it in time: it goes with the next exchange
		g.cfg.Logger.Info("gossip: what this server says of itself spreads slowly", "err", err)
	}
	return nil
}

// Leave says goodbye, so that the others need not wonder, and ends.
func (g *Gossip) Leave() error {
	err := g.serf.Leave()
	return errors.Join(err, g.Close())
}

// Close ends without a word.
func (g *Gossip) Close() error {
	g.cancel()
	err := g.serf.Shutdown()
	g.loops.Wait()
	return err
}
