package fencing

import (
	"context"
	"testing"
)

// between runs something once in the middle of a storage step: behind the judgement, before the step's caller goes on.
type between struct {
	Memory
	after func(t Token)
}

func (b *between) Raise(ctx context.Context, c Claim) error {
	err := b.Memory.Raise(ctx, c)
	if b.after != nil {
		b.after(c.Token())
	}
	return err
}

// A newer token that comes while an older one is being judged meets it: it waits, or the older one is refused. Both are never inside.
func TestGateMeetsWhoIsBeingJudged(t *testing.T) {
	marks := &between{}
	lineage := Lineage{Cluster: ID{1}, Incarnation: ID{2}}
	scope, err := ScopeOf(lineage.Cluster, "/lock")
	if err != nil {
		t.Fatal(err)
	}
	guard, err := NewGuard(Policy{Lineage: lineage, Scope: scope})
	if err != nil {
		t.Fatal(err)
	}
	text := func(fence int64) string {
		tok, err := FromCzxid(lineage, "/lock", Exclusive, fence)
		if err != nil {
			t.Fatal(err)
		}
		return tok.String()
	}
	ctx := context.Background()
	if err := guard.Enrol(ctx, &marks.Memory, Token{}); err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel() // so that the newer one, if it has to wait, gives up at once and does not wait for this test
	for steps := 1; steps <= 2; steps++ {
		older, newer := int64(10*steps), int64(10*steps+5)
		gate := Gate{Marks: marks}
		newerInside, seen := false, 0
		marks.after = func(tok Token) {
			if tok.Fence != older {
				return
			}
			if seen++; seen == steps { // behind the older one's first judgement, and behind its second
				_, _, err := gate.Enter(over, guard, text(newer), OpCheck)
				newerInside = err == nil
			}
		}
		_, _, err := gate.Enter(ctx, guard, text(older), OpCheck)
		if olderInside := err == nil; olderInside && newerInside {
			t.Errorf("behind judgement %d of the older token: both are inside", steps)
		}
		if seen < steps {
			t.Errorf("the older token was judged %d times", seen)
		}
	}
}
