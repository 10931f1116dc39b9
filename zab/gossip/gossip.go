package gossip

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
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
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Self is what a server says of itself. All of it together must stay below 512 bytes (memberlist.MetaMaxSize).
type Self struct {
	ID          zab.PeerID
	Cluster     [16]byte
	Incarnation [16]byte
	PeerAddr    string // host:port of its peer links
	ClientAddr  string // host:port for clients
	Member      string // "participant", "observer", "joiner": its part in the ensemble as far as it knows
	Role        string // "leading", "following", "observing", "looking"
	Zxid        zxid.ID
	Version     string
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
	Join    []string // host:port of servers that may know others
	Key     []byte   // 16, 24 or 32 bytes: traffic is encrypted; nil: in the clear
	Changed func()   // somebody came, went or said something new; may be nil
	Logger  *slog.Logger
}

// Gossip is a running member. Make it with Start, end it with Leave or Close.
type Gossip struct {
	cfg    Config
	serf   *serf.Serf
	events chan serf.Event
	cancel context.CancelFunc
	loops  sync.WaitGroup

	mu   sync.Mutex
	self Self
}

// Start listens, and joins in the background for as long as nobody of cfg.Join answered. An error is a wrong configuration or
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
	g := &Gossip{cfg: cfg, self: cfg.Self, cancel: cancel, events: make(chan serf.Event, 256)}
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

// serfConfig is Serf's LAN profile with unique names, our key, and quiet logs.
func serfConfig(cfg *Config) (*serf.Config, error) {
	host, port, err := net.SplitHostPort(cfg.Bind)
	if err != nil {
		return nil, fmt.Errorf("gossip: address %q: %w; give host:port", cfg.Bind, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("gossip: port %q: %w", port, err)
	}
	sc := serf.DefaultConfig()
	sc.NodeName = fmt.Sprintf("%d-%s", cfg.Self.ID, hex.EncodeToString(cfg.Self.Cluster[:4]))
	sc.Tags = tags(cfg.Self)
	sc.ValidateNodeNames = true
	// The default ends the minority side of a name conflict. Two servers with one id are refused by the handshake of the peer
	// links; gossip, a hint, must end nobody.
	sc.EnableNameConflictResolution = false
	sc.LogOutput = io.Discard
	sc.Logger = log.New(io.Discard, "", 0)
	ml := memberlist.DefaultLANConfig()
	ml.BindAddr, ml.BindPort, ml.AdvertisePort = host, int(n), int(n)
	ml.SecretKey = cfg.Key
	ml.LogOutput, ml.Logger = io.Discard, nil
	sc.MemberlistConfig = ml
	return sc, nil
}

// tags are the wire form of Self: short names, since all of them share 512 bytes.
func tags(s Self) map[string]string {
	return map[string]string{
		"i": strconv.Itoa(int(s.ID)), "c": hex.EncodeToString(s.Cluster[:]), "n": hex.EncodeToString(s.Incarnation[:]),
		"p": s.PeerAddr, "a": s.ClientAddr, "m": s.Member, "r": s.Role, "z": strconv.FormatInt(int64(s.Zxid), 16), "v": s.Version,
	}
}

// parse reads tags; anything that does not look like ours is refused, since anybody may have written it.
func parse(t map[string]string) (Self, error) {
	id, err := strconv.ParseUint(t["i"], 10, 8)
	if err != nil || id == 0 || id == 255 {
		return Self{}, errors.New("no server id")
	}
	s := Self{ID: zab.PeerID(id), PeerAddr: t["p"], ClientAddr: t["a"], Member: t["m"], Role: t["r"], Version: t["v"]}
	for _, f := range []struct {
		text string
		to   []byte
	}{{t["c"], s.Cluster[:]}, {t["n"], s.Incarnation[:]}} {
		if b, err := hex.DecodeString(f.text); err != nil || copy(f.to, b) != len(f.to) || len(b) != len(f.to) {
			return Self{}, errors.New("no cluster or incarnation")
		}
	}
	if _, _, err := net.SplitHostPort(s.PeerAddr); err != nil {
		return Self{}, errors.New("no peer address")
	}
	z, err := strconv.ParseInt(t["z"], 16, 64)
	if err != nil || z < 0 {
		return Self{}, errors.New("no zxid")
	}
	s.Zxid = zxid.ID(z)
	return s, nil
}

// join asks the given addresses until one of them answers.
func (g *Gossip) join(ctx context.Context) {
	wait := 200 * time.Millisecond
	for ctx.Err() == nil {
		n, err := g.serf.Join(g.cfg.Join, true)
		if n > 0 {
			g.cfg.Logger.Info("gossip: joined", "answered", n)
			return
		}
		g.cfg.Logger.Info("gossip: nobody answered yet", "asked", g.cfg.Join, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, 10*time.Second)
	}
}

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
		if err != nil || self.Cluster != [16]byte{} && s.Cluster != self.Cluster {
			continue
		}
		mm := Member{Self: s, Alive: m.Status == serf.StatusAlive}
		if theirs, ok := g.serf.GetCachedCoordinate(m.Name); ok && mine != nil && s.ID != self.ID {
			mm.RTT = mine.DistanceTo(theirs)
		}
		out = append(out, mm)
	}
	slices.SortFunc(out, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.PeerAddr, b.PeerAddr))
	})
	return out
}

// Self is what this server says of itself.
func (g *Gossip) Self() Self {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.self
}

// Update changes what this server says of itself; it spreads within a second or so.
func (g *Gossip) Update(change func(*Self)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.self
	change(&g.self)
	if g.self == before {
		return nil
	}
	if err := g.serf.SetTags(tags(g.self)); err != nil {
		return fmt.Errorf("gossip: %w", err)
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
