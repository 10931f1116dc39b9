package fencing

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
)

// Watermarks remembers one Mark for each scope, in the storage that it protects.
//
// Raise does, as ONE atomic step with the write that it protects: read the mark of c.Scope() (found = false if there is none), call c.Judge,
// store the mark that it returns if store is true, and return its error. "One atomic step" means: between reading the mark and the moment at
// which the protected write takes effect, no other Raise of that scope may store a mark. A transaction that locks the row, a serializable
// transaction that is redone on conflict, a mutex, a compare-and-swap that covers mark and data: each will do. Two separate requests
// will not. Judge is pure and may be called again when a conflict makes the step be redone.
//
// A mark that is stored is durable before the write is acknowledged, is never deleted and never expires. An error of the storage
// itself is returned as it is (wrapped); it means "not admitted". fencingtest.Run holds an implementation to all this.
type Watermarks interface {
	Raise(ctx context.Context, c Claim) error
}

// Verifier proves where a presented text came from and gives the token in it. Errors are *Unverified, *Malformed or *WrongScope.
type Verifier interface {
	Verify(text string) (Token, error)
}

// Succession is the operator's statement that the incarnation To follows From. Nothing is ever concluded from numbers alone.
type Succession struct {
	From, To ID
	// Restarts says that numbers began anew in To (a rebuilt ensemble, another ensemble): then every token of To outranks every token of From.
	// Otherwise the numbers go on (Paddock's restore raises the generation) and a token of To must also be higher.
	Restarts bool
}

// Policy says what one Guard protects. Lineage and Scope are needed; zero values of the rest are the strict ones.
type Policy struct {
	Lineage Lineage // the newest incarnation that is admitted
	Scope   ID      // of the lock that protects the resource: ScopeOf(cluster, lock path)
	// Successions connects older incarnations, which watermarks may still have, to the newest.
	Successions []Succession
	// Verifier, if set, makes signed tokens compulsory: Check, Seal, CheckRead and a floor for Enrol refuse a bare Token, use the forms with Text.
	Verifier Verifier
	// Generation is the number of restores that the operator knows of. A token more than one generation above both this and the watermark is refused.
	Generation uint8
	// EnrolOnSeal lets the first Seal create a missing watermark. Convenient, and a hole: if the watermark is ever lost, an old holder's
	// seal brings it back low. Without it a resource is enrolled once, with Enrol.
	EnrolOnSeal bool
	// RequireSeal refuses, as *NotSealed, a write or a read under a token that has not been sealed: then only Seal raises the watermark, and a holder that forgets to seal
	// before it reads is told so. A shared token cannot be sealed, so that it is for reads alone.
	RequireSeal bool
	// Audit, if set, is called with every refusal, after the storage step. It must not block.
	Audit func(context.Context, Refusal)
}

// Refusal is one token that was not admitted.
type Refusal struct {
	Token  Token // zero when the text could not be read
	Reason Reason
	Op     Op
	Err    error
}

// Op is what a token was presented for.
type Op uint8

// Check admits a write, Seal raises before the first read, Read admits a read and never raises, Enrol creates the watermark.
const (
	OpCheck Op = iota
	OpSeal
	OpRead
	OpEnrol
)

// String is a short stable word, fit for a metric label.
func (o Op) String() string { return [...]string{"check", "seal", "read", "enrol"}[o&3] }

// Stats counts what a guard decided since it was made.
type Stats struct {
	Admitted uint64 // tokens let through
	Raised   uint64 // decisions to raise a watermark; a storage step that is redone decides again
	Refused  [reasonCount]uint64
}

// RefusedFor is the count of one reason.
func (s Stats) RefusedFor(r Reason) uint64 { return s.Refused[r%reasonCount] }

// Guard is the rule book of one resource under one lock. Make it with NewGuard; safe from any goroutine.
type Guard struct {
	policy           Policy
	admitted, raised atomic.Uint64
	refused          [reasonCount]atomic.Uint64
}

// NewGuard checks the policy. Errors are *Malformed and are mistakes of the configuration.
func NewGuard(p Policy) (*Guard, error) {
	if err := p.Lineage.Valid(); err != nil {
		return nil, err
	}
	if p.Scope.IsZero() {
		return nil, malformed("a guard needs the scope of the lock that protects the resource: ScopeOf(cluster, lock path)")
	}
	if p.Generation > 127 {
		return nil, malformed("generation %d: at most 127", p.Generation)
	}
	p.Successions = slices.Clone(p.Successions)
	if err := p.validSuccessions(); err != nil {
		return nil, err
	}
	return &Guard{policy: p}, nil
}

func (p *Policy) validSuccessions() error {
	for i, s := range p.Successions {
		if s.From.IsZero() || s.To.IsZero() || s.From == s.To {
			return malformed("succession from %s to %s: two different incarnations are needed", s.From, s.To)
		}
		for _, other := range p.Successions[:i] {
			if other.From == s.From {
				return malformed("two successors of incarnation %s are stated, %s and %s: of the copies of one history state the one that goes on", s.From, other.To, s.To)
			}
		}
	}
	for _, s := range p.Successions {
		if _, _, loop := p.follows(s.From, s.From); loop {
			return malformed("the successions form a circle through %s", s.From)
		}
	}
	return nil
}

// Scope is the scope that the guard protects.
func (g *Guard) Scope() ID { return g.policy.Scope }

// Check judges a token for a write, in one atomic step with that write (see Watermarks): lower than the watermark is refused as *StaleToken, equal is
// the same grant, higher raises the watermark. A Shared token is checked and never raises. nil means admitted.
func (g *Guard) Check(ctx context.Context, w Watermarks, t Token) error {
	return g.present(ctx, w, t, OpCheck)
}

// Seal announces a new grant: it raises the watermark before the holder reads. After it returns nil, no write with a lower token takes effect any
// more. A holder that reads before its seal can lose an update (H22). A Shared token cannot raise: for it Seal is a check.
func (g *Guard) Seal(ctx context.Context, w Watermarks, t Token) error {
	return g.present(ctx, w, t, OpSeal)
}

// CheckRead judges a token for a read on behalf of a holder: refused if lower than the watermark, never raises.
func (g *Guard) CheckRead(ctx context.Context, w Watermarks, t Token) error {
	return g.present(ctx, w, t, OpRead)
}

// Enrol creates the watermark of the guard's scope, once, when the resource is made; an existing one is left as it is. floor is the zero Token for a
// new resource, and for one that has a watermark it is then refused as *Enrolled: it does not belong into the start of a program, where it would open a resource whose watermark was
// lost to every old holder. After a loss of the watermark (a restored backup, a promoted replica) floor is an exclusive token granted after the loss; where the policy has a
// Verifier it is presented to EnrolText.
func (g *Guard) Enrol(ctx context.Context, w Watermarks, floor Token) error {
	if floor != (Token{}) && g.policy.Verifier != nil {
		return g.present(ctx, w, floor, OpEnrol)
	}
	return g.enrol(ctx, w, floor)
}

// EnrolText is Enrol with a floor as it was presented; "" is no floor.
func (g *Guard) EnrolText(ctx context.Context, w Watermarks, text string) (floor Token, err error) {
	if text != "" {
		if floor, err = g.Read(text); err != nil {
			return Token{}, g.refuse(ctx, Token{}, OpEnrol, err)
		}
	}
	return floor, g.enrol(ctx, w, floor)
}

func (g *Guard) enrol(ctx context.Context, w Watermarks, floor Token) error {
	if floor != (Token{}) {
		if err := g.plausibleFloor(floor); err != nil {
			return g.refuse(ctx, floor, OpEnrol, err)
		}
	}
	if err := w.Raise(ctx, Claim{guard: g, token: floor, op: OpEnrol}); err != nil {
		return g.refuse(ctx, floor, OpEnrol, err)
	}
	return nil
}

// plausibleFloor: what an enrolment believes stays for ever, so it believes no more than a check would.
func (g *Guard) plausibleFloor(t Token) error {
	if err := g.Admissible(t); err != nil {
		return err
	}
	if t.Mode != Exclusive {
		return malformed("a shared token is no floor: it would shut out the readers beside it; enrol with an exclusive one")
	}
	if limit := g.policy.Generation + 1; generation(t.Fence) > limit {
		return &Implausible{Token: t, Seen: Claim{guard: g}.emptyMark(), Limit: limit}
	}
	return nil
}

// CheckText is Check for a token as it was presented: a signed one if the policy has a Verifier (verified first, so that nothing forged
// touches a watermark), else the text form. The token is returned also when it is refused, if it could be read.
func (g *Guard) CheckText(ctx context.Context, w Watermarks, text string) (Token, error) {
	return g.presentText(ctx, w, text, OpCheck)
}

// SealText is Seal for a token as it was presented.
func (g *Guard) SealText(ctx context.Context, w Watermarks, text string) (Token, error) {
	return g.presentText(ctx, w, text, OpSeal)
}

// CheckReadText is CheckRead for a token as it was presented.
func (g *Guard) CheckReadText(ctx context.Context, w Watermarks, text string) (Token, error) {
	return g.presentText(ctx, w, text, OpRead)
}

// Stats reads the counters.
func (g *Guard) Stats() Stats {
	s := Stats{Admitted: g.admitted.Load(), Raised: g.raised.Load()}
	for i := range s.Refused {
		s.Refused[i] = g.refused[i].Load()
	}
	return s
}

// Admissible makes the checks that need no watermark: shape, cluster, scope, incarnation. For early refusal only; a nil proves nothing.
func (g *Guard) Admissible(t Token) error {
	if err := t.Valid(); err != nil {
		return err
	}
	p := &g.policy
	if t.Cluster != p.Lineage.Cluster || t.Scope != p.Scope {
		return &WrongScope{Token: t, Cluster: p.Lineage.Cluster, Scope: p.Scope}
	}
	if t.Incarnation != p.Lineage.Incarnation {
		if found, _, _ := p.follows(t.Incarnation, p.Lineage.Incarnation); !found {
			return &UnknownLineage{Token: t, Known: p.Lineage.Incarnation}
		}
	}
	return nil
}

func (g *Guard) present(ctx context.Context, w Watermarks, t Token, op Op) error {
	if g.policy.Verifier != nil {
		return g.refuse(ctx, t, op, &Unverified{Reason: "this resource demands signed tokens: present the signed text (CheckText, SealText, EnrolText)"})
	}
	return g.judge(ctx, w, t, op)
}

func (g *Guard) presentText(ctx context.Context, w Watermarks, text string, op Op) (Token, error) {
	t, err := g.Read(text)
	if err != nil {
		return Token{}, g.refuse(ctx, Token{}, op, err)
	}
	return t, g.judge(ctx, w, t, op)
}

// Read verifies (if the policy has a Verifier) and parses a presented text, and touches no watermark.
func (g *Guard) Read(text string) (Token, error) {
	if g.policy.Verifier != nil {
		return g.policy.Verifier.Verify(text)
	}
	return ParseToken(text)
}

func (g *Guard) judge(ctx context.Context, w Watermarks, t Token, op Op) error {
	if err := g.Admissible(t); err != nil {
		return g.refuse(ctx, t, op, err)
	}
	if err := w.Raise(ctx, Claim{guard: g, token: t, op: op}); err != nil {
		return g.refuse(ctx, t, op, err)
	}
	g.admitted.Add(1)
	return nil
}

func (g *Guard) refuse(ctx context.Context, t Token, op Op, err error) error {
	r := ReasonOf(err)
	g.refused[r].Add(1)
	if g.policy.Audit != nil {
		g.policy.Audit(ctx, Refusal{Token: t, Reason: r, Op: op, Err: err})
	}
	if r == ReasonStorage {
		return fmt.Errorf("fencing: %s not admitted, since the guarded storage step failed: %w", op, err)
	}
	return err
}

// follows walks the stated successions from one incarnation to another. restarts: numbers began anew on the way.
func (p *Policy) follows(from, to ID) (found, restarts, loop bool) {
	at := from
	for range p.Successions {
		next := p.successor(at)
		if next == nil {
			return false, false, false
		}
		at, restarts = next.To, restarts || next.Restarts
		if at == to {
			return true, restarts, from == to
		}
	}
	return false, false, false
}

func (p *Policy) successor(of ID) *Succession {
	for i := range p.Successions {
		if p.Successions[i].From == of {
			return &p.Successions[i]
		}
	}
	return nil
}
