package lock

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/fencing"
)

// Grant is a lock that was granted. Safe from any goroutine.
type Grant struct {
	s      *Session
	life   *life
	node   string
	token  fencing.Token
	signed string
	slot   *slotGrant // of a semaphore's slot; nil for a node whose name nobody else can have

	once     sync.Once
	lost     chan struct{}
	released chan struct{}
	release  sync.Once
}

// newGrant starts to watch over a granted node.
func (s *Session) newGrant(ctx context.Context, l *life, node string, token fencing.Token, own watched) (*Grant, error) {
	g := &Grant{s: s, life: l, node: node, token: token, signed: own.signed, slot: own.slot, lost: make(chan struct{}), released: make(chan struct{})}
	g.token.Audit.Node, g.token.Audit.Session = base(node), l.id
	if err := g.fetchSigned(ctx); err != nil {
		return nil, err
	}
	go g.watch(own.events)
	return g, nil
}

// fetchSigned reads the signed token, if it was not read already. The server decides by itself that the node holds the lock, and the storage verifies what it signed.
func (g *Grant) fetchSigned(ctx context.Context) (err error) {
	if g.signed == "" {
		g.signed, err = g.s.signedToken(ctx, g.node)
	}
	return err
}

// signedToken is "" where the server signs nothing. errVanished: the node does not hold the lock, or is gone.
func (s *Session) signedToken(ctx context.Context, node string) (string, error) {
	if !s.known().signs {
		return "", nil
	}
	data, err := retry(ctx, s, func() ([]byte, error) { b, _, err := s.conn.Get("/zookeeper/token" + node); return b, err })
	switch {
	case errors.Is(err, zk.ErrNoNode): // our node is gone, or the server shows a lineage but signs nothing
		if _, gone := s.stat(ctx, node); errors.Is(gone, zk.ErrNoNode) {
			return "", fmt.Errorf("lock: %s is gone: %w", node, errVanished)
		} else if gone != nil {
			return "", gone
		}
		return "", nil
	case errors.Is(err, zk.ErrNoAuth):
		return "", fmt.Errorf("lock: the server says that %s does not hold the lock: %w", node, errVanished)
	case err != nil:
		return "", fmt.Errorf("lock: read the signed token of %s: %w", node, err)
	}
	return string(data), nil
}

// watch closes lost at the first reason. A changed node (somebody wrote to it) is watched again.
func (g *Grant) watch(events <-chan zk.Event) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-g.life.lost:
		case <-g.released:
		case <-ctx.Done():
		}
		cancel()
	}()
	for {
		select {
		case <-ctx.Done():
			g.loseUnlessReleased()
			return
		case ev := <-events:
			if ev.Type == zk.EventNodeDeleted {
				g.loseUnlessReleased()
				return
			}
		}
		next, err := g.s.watchNode(ctx, g.node)
		if err != nil || next.stat.Czxid != g.token.Fence { // gone, or another node of the same name
			g.loseUnlessReleased()
			return
		}
		events = next.events
	}
}

func (g *Grant) loseUnlessReleased() {
	select {
	case <-g.released:
	default:
		g.lose()
	}
}

func (g *Grant) lose() { g.once.Do(func() { close(g.lost) }) }

// Token is the fencing token of the grant.
func (g *Grant) Token() fencing.Token { return g.token }

// Signed is the token signed by the ensemble, "" if the server signs none.
func (g *Grant) Signed() string { return g.signed }

// Presented is the text to send to storage: the signed token, or else the plain one. An error wraps ErrLost: then send nothing.
func (g *Grant) Presented() (string, error) {
	if !g.Held() {
		return "", fmt.Errorf("%w: %s", ErrLost, g.node)
	}
	if g.signed != "" {
		return g.signed, nil
	}
	return g.token.String(), nil
}

// Path is the lock node.
func (g *Grant) Path() string { return g.node }

// Lost is closed when the grant can no longer be trusted. Stop all work under it.
func (g *Grant) Lost() <-chan struct{} { return g.lost }

// Held asks the clock now, also right after the process was continued. True is a belief, not a proof: send the token with every write.
func (g *Grant) Held() bool {
	select {
	case <-g.lost:
		return false
	case <-g.released:
		return false
	default:
	}
	if !g.s.trusted(g.life) {
		g.lose()
		return false
	}
	return true
}

// Unlock gives the lock back. Call it when all work under the grant has ended, also after Lost. If ctx ends before the server has confirmed, the
// removal goes on in the background as long as the session lives.
func (g *Grant) Unlock(ctx context.Context) error {
	g.release.Do(func() { close(g.released) })
	err := g.giveBack(ctx)
	if err != nil && ctx.Err() != nil {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
			defer cancel()
			_ = g.giveBack(ctx)
		}()
	}
	return err
}

func (g *Grant) giveBack(ctx context.Context) error {
	if g.slot != nil {
		return g.s.removeSlot(ctx, g.node, *g.slot)
	}
	r := &request{s: g.s}
	return r.remove(ctx, g.node)
}
