package fencing

import (
	"context"
	"fmt"
	"sync"
)

// Gate makes a process that is the only way to a resource (a proxy in front of an API that cannot check, a server with state of its own) keep the
// promise of a checking storage: requests of one grant run side by side; a higher token is admitted after every request under a lower token
// has left; a lower token is refused from then on.
//
// The watermark itself is kept in Marks, raised before the higher token waits. A request that leaves with an unknown outcome (an upstream that timed
// out) may still land later: see docs/fencing.md, "What cannot be fenced". A Gate is not for resources that have a second door.
type Gate struct {
	// Marks remembers the watermarks. With a Memory they are lost with the process: then nothing is admitted until the scope is enrolled again.
	Marks Watermarks

	mu     sync.Mutex
	scopes map[ID]*gateScope
}

type gateScope struct {
	running map[Token]int // requests inside or being judged, by token without its audit part
	left    chan struct{} // closed, and replaced, whenever one leaves
}

// Enter admits a request, or refuses it with the guard's error. It waits until requests under lower tokens have left, or ctx ends. leave must be called once,
// when the request has reached its end in the resource. text is the token as presented.
func (g *Gate) Enter(ctx context.Context, guard *Guard, text string, op Op) (t Token, leave func(), err error) {
	if t, err = guard.presentText(ctx, g.Marks, text, op); err != nil {
		return t, nil, err
	}
	key := t
	key.Audit = Audit{}
	s := g.scope(guard.Scope())
	for {
		// Count ourselves in first and judge again: whoever raised the watermark in between either sees us inside and waits, or is seen by us.
		g.count(s, key, +1)
		if err = g.Marks.Raise(ctx, Claim{guard: guard, token: t, op: op}); err != nil {
			g.count(s, key, -1)
			return t, nil, guard.refuse(ctx, t, op, err)
		}
		if left, _ := g.lowerInside(guard, s, key); left == nil {
			var once sync.Once
			return t, func() { once.Do(func() { g.count(s, key, -1) }) }, nil
		}
		g.count(s, key, -1)
		if err := g.await(ctx, guard, s, key); err != nil {
			return t, nil, err
		}
	}
}

// await rests until no lower token's request is inside. It asks no storage and is not counted, so that waiters do not wake each other.
func (g *Gate) await(ctx context.Context, guard *Guard, s *gateScope, key Token) error {
	for {
		left, lower := g.lowerInside(guard, s, key)
		if left == nil {
			return nil
		}
		select {
		case <-left:
		case <-ctx.Done():
			return fmt.Errorf("fencing: token %s waits until the request of the older grant %s has left the gate: %w", key.Order(), lower.Order(), context.Cause(ctx))
		}
	}
}

func (g *Gate) scope(id ID) *gateScope {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.scopes == nil {
		g.scopes = make(map[ID]*gateScope)
	}
	if g.scopes[id] == nil {
		g.scopes[id] = &gateScope{running: make(map[Token]int), left: make(chan struct{})}
	}
	return g.scopes[id]
}

func (g *Gate) count(s *gateScope, key Token, by int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.running[key] += by
	if s.running[key] == 0 {
		delete(s.running, key)
	}
	if by < 0 {
		close(s.left)
		s.left = make(chan struct{})
	}
}

// lowerInside gives a lower token whose request is inside, and the channel that tells when somebody has left; nil if there is none. Only exclusive tokens
// shut others out.
func (g *Gate) lowerInside(guard *Guard, s *gateScope, key Token) (left chan struct{}, lower Token) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for other := range s.running {
		if other != key && (other.Mode == Exclusive || key.Mode == Exclusive) && guard.policy.below(other, key) {
			return s.left, other
		}
	}
	return nil, Token{}
}

// below: the other grant is older. Of two incarnations the one that follows is the newer, whatever the numbers.
func (p *Policy) below(other, key Token) bool {
	if other.Incarnation != key.Incarnation {
		later, _, _ := p.follows(key.Incarnation, other.Incarnation)
		return !later
	}
	return other.Compare(key) < 0
}
