package fencing

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Gate makes a process that is the only way to a resource (a proxy in front of an API that cannot check, a server with state of its own) keep the
// promise of a checking storage: requests of one grant run side by side; a higher token is admitted after every request under a lower token
// has left; a lower token is refused from then on. A request that is still inside when a higher token has waited for Grace has its context cancelled.
//
// The watermark itself is kept in Marks, raised before the higher token waits. A request that leaves with an unknown outcome (an upstream that timed
// out) may still land later: see docs/fencing.md, "What cannot be fenced". A Gate is not for resources that have a second door.
type Gate struct {
	// Marks remembers the watermarks, and has to outlive the process: filefence.OpenMarks keeps them in a folder. A Memory is for a resource that dies with
	// the process; for any other nothing is admitted after a restart, until the scope is enrolled with a token that was granted since.
	Marks Watermarks
	// Grace is the time from the first higher token that waits to the cancelling of a request under a lower one; 0 is DefaultGrace, less than 0 is for ever.
	// The higher token is not admitted by it: it waits until the request has left, which a handler that ignores its context does when it likes.
	Grace time.Duration

	mu     sync.Mutex
	scopes map[ID]*gateScope
}

// DefaultGrace is how long requests of an older grant may go on, unless Gate.Grace says otherwise.
const DefaultGrace = 10 * time.Second

type gateScope struct {
	running map[Token]*grantInside // by token without its audit part
	left    chan struct{}          // closed, and replaced, whenever one leaves
}

// grantInside is the requests of one grant that are inside or being judged.
type grantInside struct {
	entries map[*Entry]struct{}
	ending  *time.Timer // will cancel them; nil until a higher token waits
}

// Entry is one request that was admitted. Its methods are safe from any goroutine.
type Entry struct {
	gate   *Gate
	scope  *gateScope
	token  Token
	key    Token
	ctx    context.Context
	cancel context.CancelCauseFunc
	holds  int // guarded by the gate's lock
}

// Token is what was presented.
func (e *Entry) Token() Token { return e.token }

// Context is for the work of the request. It is cancelled, with a *StaleToken as the cause, when a higher token has waited for Gate.Grace, and when the request has left.
func (e *Entry) Context() context.Context { return e.ctx }

// Hold keeps the request inside until release is called, also after Leave: for work that may go on when the one who called Enter has given up. It is false when the request
// has left already; then the work must not begin.
func (e *Entry) Hold() (release func(), ok bool) {
	e.gate.mu.Lock()
	defer e.gate.mu.Unlock()
	if e.holds == 0 {
		return nil, false
	}
	e.holds++
	return sync.OnceFunc(e.drop), true
}

// Enter admits a request, or refuses it with the guard's error. It waits until requests under lower tokens have left, or ctx ends. leave must be called once,
// when the request has reached its end in the resource. text is the token as presented.
func (g *Gate) Enter(ctx context.Context, guard *Guard, text string, op Op) (e *Entry, leave func(), err error) {
	t, err := guard.presentText(ctx, g.Marks, text, op)
	if err != nil {
		return nil, nil, err
	}
	e = &Entry{gate: g, scope: g.scope(guard.Scope()), token: t, key: t}
	e.key.Audit = Audit{}
	e.ctx, e.cancel = context.WithCancelCause(ctx)
	for {
		// Count ourselves in first and judge again: whoever raised the watermark in between either sees us inside and waits, or is seen by us.
		e.count()
		if err = g.Marks.Raise(ctx, Claim{guard: guard, token: t, op: op}); err != nil {
			e.drop()
			return nil, nil, guard.refuse(ctx, t, op, err)
		}
		if left, _ := g.lowerInside(guard, e); left == nil {
			return e, sync.OnceFunc(e.drop), nil
		}
		e.uncount()
		if err := g.await(ctx, guard, e); err != nil {
			e.cancel(nil)
			return nil, nil, err
		}
	}
}

// await rests until no lower token's request is inside. It asks no storage and is not counted, so that waiters do not wake each other.
func (g *Gate) await(ctx context.Context, guard *Guard, e *Entry) error {
	for {
		left, lower := g.lowerInside(guard, e)
		if left == nil {
			return nil
		}
		select {
		case <-left:
		case <-ctx.Done():
			return fmt.Errorf("fencing: token %s waits until the request of the older grant %s has left the gate: %w", e.key.Order(), lower.Order(), context.Cause(ctx))
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
		g.scopes[id] = &gateScope{running: make(map[Token]*grantInside), left: make(chan struct{})}
	}
	return g.scopes[id]
}

func (e *Entry) count() {
	e.gate.mu.Lock()
	defer e.gate.mu.Unlock()
	e.holds = 1
	of := e.scope.running[e.key]
	if of == nil {
		of = &grantInside{entries: make(map[*Entry]struct{})}
		e.scope.running[e.key] = of
	}
	of.entries[e] = struct{}{}
}

// uncount takes the request out; it may be counted again.
func (e *Entry) uncount() {
	e.gate.mu.Lock()
	defer e.gate.mu.Unlock()
	e.takeOut()
}

// drop ends one hold; the last one takes the request out for good.
func (e *Entry) drop() {
	e.gate.mu.Lock()
	defer e.gate.mu.Unlock()
	if e.holds > 1 {
		e.holds--
		return
	}
	e.takeOut()
	e.cancel(nil)
}

// takeOut is called with the lock.
func (e *Entry) takeOut() {
	e.holds = 0
	of := e.scope.running[e.key]
	if delete(of.entries, e); len(of.entries) == 0 {
		if of.ending != nil {
			of.ending.Stop()
		}
		delete(e.scope.running, e.key)
	}
	close(e.scope.left)
	e.scope.left = make(chan struct{})
}

// lowerInside gives a lower token whose request is inside, and the channel that tells when somebody has left; nil if there is none. Only exclusive tokens
// shut others out. The time of all that are lower begins to run.
func (g *Gate) lowerInside(guard *Guard, e *Entry) (left chan struct{}, lower Token) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for other, of := range e.scope.running {
		if other != e.key && (other.Mode == Exclusive || e.key.Mode == Exclusive) && guard.policy.below(other, e.key) {
			left, lower = e.scope.left, other
			g.endLater(of, &StaleToken{Token: other, Seen: Claim{token: e.key}.mark()})
		}
	}
	return left, lower
}

// endLater cancels what is inside of an older grant when its time is over. Called with the lock.
func (g *Gate) endLater(of *grantInside, cause *StaleToken) {
	if of.ending != nil || g.Grace < 0 {
		return
	}
	grace := g.Grace
	if grace == 0 {
		grace = DefaultGrace
	}
	of.ending = time.AfterFunc(grace, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		for e := range of.entries {
			e.cancel(cause)
		}
	})
}

// below: the other grant is older. Of two incarnations the one that follows is the newer, whatever the numbers.
func (p *Policy) below(other, key Token) bool {
	if other.Incarnation != key.Incarnation {
		later, _, _ := p.follows(key.Incarnation, other.Incarnation)
		return !later
	}
	return other.Compare(key) < 0
}
