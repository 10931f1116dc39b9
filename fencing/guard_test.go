package fencing

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

func testGuard(t testing.TB, change func(*Policy)) *Guard {
	t.Helper()
	p := Policy{Lineage: testLineage(), Scope: testToken(t, 1).Scope, EnrolOnSeal: true}
	if change != nil {
		change(&p)
	}
	g, err := NewGuard(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestLineageSucceedsOnlyByStatement(t *testing.T) {
	ctx := context.Background()
	first, second, third := ID{0xa}, ID{0xb}, ID{0xc}
	at := func(inc ID, fence int64) Token {
		tok := testToken(t, fence)
		tok.Incarnation = inc
		return tok
	}
	var m Memory
	before := testGuard(t, func(p *Policy) { p.Lineage.Incarnation = first })
	if err := before.Seal(ctx, &m, at(first, 100)); err != nil {
		t.Fatal(err)
	}
	if err := before.Check(ctx, &m, at(second, 200)); !errors.Is(err, ErrUnknownLineage) {
		t.Fatalf("a higher number of an unknown incarnation: got %v", err)
	}
	silent := testGuard(t, func(p *Policy) { p.Lineage.Incarnation = second })
	if err := silent.Check(ctx, &m, at(second, 200)); !errors.Is(err, ErrUnknownLineage) {
		t.Fatalf("the newest incarnation without a statement about the watermark's: got %v", err)
	}
	stated := testGuard(t, func(p *Policy) {
		p.Lineage.Incarnation, p.Successions = third, []Succession{{From: first, To: second}, {From: second, To: third, Restarts: true}}
	})
	for _, step := range []struct {
		what  string
		token Token
		want  error
	}{
		{"succeeds, but lower", at(second, 99), ErrStaleToken},
		{"succeeds, equal: two grants never share a number", at(second, 100), ErrStaleToken},
		{"succeeds and higher", at(second, 101), nil},
		{"the old life afterwards, higher", at(first, 500), ErrStaleToken},
		{"numbers began anew, lower", at(third, 3), nil},
		{"the middle life", at(second, 900), ErrStaleToken},
		{"the new life goes on", at(third, 4), nil},
	} {
		if err := stated.Check(ctx, &m, step.token); !errors.Is(err, step.want) {
			t.Errorf("%s: got %v, want %v", step.what, err, step.want)
		}
	}
}

func TestGenerationJumpLimit(t *testing.T) {
	ctx := context.Background()
	var m Memory
	g := testGuard(t, nil)
	if err := g.Seal(ctx, &m, testToken(t, 1<<56|5)); err != nil {
		t.Fatalf("one restore: %v", err)
	}
	if err := g.Check(ctx, &m, testToken(t, 3<<56)); !errors.Is(err, ErrImplausible) {
		t.Fatalf("two generations at once: got %v", err)
	}
	known := testGuard(t, func(p *Policy) { p.Generation = 6 })
	if err := known.Check(ctx, &m, testToken(t, 7<<56)); err != nil {
		t.Fatalf("the operator knows of six restores: %v", err)
	}
}

func TestRefusalsAreCountedAndAudited(t *testing.T) {
	ctx := context.Background()
	var mu sync.Mutex
	var heard []Reason
	g := testGuard(t, func(p *Policy) {
		p.Audit = func(_ context.Context, r Refusal) { mu.Lock(); heard = append(heard, r.Reason); mu.Unlock() }
	})
	var m Memory
	_ = g.Seal(ctx, &m, testToken(t, 10))
	_ = g.Check(ctx, &m, testToken(t, 9))
	_, _ = g.CheckText(ctx, &m, "nonsense")
	other, _ := FromCzxid(testLineage(), "/other", Exclusive, 9)
	_ = g.CheckRead(ctx, &m, other)
	if s := g.Stats(); s.Admitted != 1 || s.Raised != 1 || s.RefusedFor(ReasonStale) != 1 || s.RefusedFor(ReasonMalformed) != 1 || s.RefusedFor(ReasonWrongScope) != 1 {
		t.Errorf("counters: %+v", s)
	}
	if len(heard) != 3 || heard[0] != ReasonStale || heard[1] != ReasonMalformed || heard[2] != ReasonWrongScope {
		t.Errorf("audit heard %v", heard)
	}
}

func TestReadsNeverRaise(t *testing.T) {
	ctx := context.Background()
	var m Memory
	g := testGuard(t, nil)
	_ = g.Seal(ctx, &m, testToken(t, 10))
	if err := g.CheckRead(ctx, &m, testToken(t, 20)); err != nil {
		t.Fatal(err)
	}
	if mark, _ := m.Mark(g.Scope()); mark.Fence != 10 {
		t.Fatalf("a read raised the watermark to %d", mark.Fence)
	}
	if err := g.CheckRead(ctx, &m, testToken(t, 9)); !errors.Is(err, ErrStaleToken) {
		t.Fatalf("a stale holder's read: %v", err)
	}
}

// verifierFunc is a Verifier for tests.
type verifierFunc func(string) (Token, error)

func (f verifierFunc) Verify(s string) (Token, error) { return f(s) }

func TestWhereSignaturesAreDemandedABareTokenIsRefused(t *testing.T) {
	ctx := context.Background()
	var m Memory
	g := testGuard(t, func(p *Policy) {
		p.Verifier = verifierFunc(func(s string) (Token, error) {
			if s != "signed" {
				return Token{}, &Unverified{Reason: "test", Err: errors.New("cause")}
			}
			return testToken(t, 5), nil
		})
	})
	if err := g.Seal(ctx, &m, testToken(t, 1<<40)); !errors.Is(err, ErrUnverified) {
		t.Fatalf("bare token: %v", err)
	}
	if _, err := g.SealText(ctx, &m, testToken(t, 1<<40).String()); !errors.Is(err, ErrUnverified) {
		t.Fatalf("unsigned text: %v", err)
	}
	if _, ok := m.Mark(g.Scope()); ok {
		t.Fatal("an unverified token touched the watermark")
	}
	if _, err := g.SealText(ctx, &m, "signed"); err != nil {
		t.Fatal(err)
	}
}

// TestEnrolmentBelievesNoMoreThanACheck: a floor stays for ever, so nothing unproven, implausible or shared becomes one (H29, H27).
func TestEnrolmentBelievesNoMoreThanACheck(t *testing.T) {
	ctx := context.Background()
	signed := testGuard(t, func(p *Policy) {
		p.Verifier = verifierFunc(func(s string) (Token, error) {
			if s != "signed" {
				return Token{}, &Unverified{Reason: "test"}
			}
			return testToken(t, 5), nil
		})
	})
	plain := testGuard(t, nil)
	shared := testToken(t, 7)
	shared.Mode = Shared
	var m Memory
	enrolText := func(g *Guard, text string) error { _, err := g.EnrolText(ctx, &m, text); return err }
	for _, c := range []struct {
		what string
		err  error
		want error
	}{
		{"a bare floor where signatures are demanded", signed.Enrol(ctx, &m, testToken(t, 1<<50)), ErrUnverified},
		{"an unsigned text", enrolText(signed, testToken(t, 1<<50).String()), ErrUnverified},
		{"a floor that would lock everybody out", plain.Enrol(ctx, &m, testToken(t, 1<<63-1)), ErrImplausible},
		{"the same as text", enrolText(plain, testToken(t, 1<<63-1).String()), ErrImplausible},
		{"a reader's token", plain.Enrol(ctx, &m, shared), ErrMalformed},
		{"no text of a token", enrolText(plain, "77"), ErrMalformed},
	} {
		if _, ok := m.Mark(plain.Scope()); !errors.Is(c.err, c.want) || ok {
			t.Errorf("%s: %v, watermark there: %v", c.what, c.err, ok)
		}
	}
	if err := enrolText(signed, "signed"); err != nil {
		t.Fatal(err)
	}
	if mark, _ := m.Mark(plain.Scope()); mark.Fence != 5 {
		t.Fatalf("the watermark is %v", mark)
	}
	var empty Memory
	if _, err := signed.EnrolText(ctx, &empty, ""); err != nil {
		t.Fatalf("a new resource: %v", err)
	}
	if mark, ok := empty.Mark(plain.Scope()); !ok || mark.Fence != 0 {
		t.Fatalf("a new resource has the watermark %v, %v", mark, ok)
	}
}

func TestDamagedWatermarkIsRefused(t *testing.T) {
	m := Mark{Cluster: ID{1}, Incarnation: ID{2}, Scope: ID{3}, Fence: 1 << 40, Sub: 3}
	text := m.String()
	if got, err := ParseMark(text); err != nil || got != m || len(text) != MarkTextLen {
		t.Fatalf("%v %v", got, err)
	}
	for i := range len(text) {
		for bit := range 8 {
			b := []byte(text)
			b[i] ^= 1 << bit
			if got, err := ParseMark(string(b)); err == nil {
				t.Fatalf("bit %d of character %d flipped and read as %v", bit, i, got)
			}
		}
	}
	g := testGuard(t, nil)
	if _, _, err := (Claim{guard: g, token: testToken(t, 5)}).Judge(Mark{Fence: -1}, true); !errors.Is(err, ErrMalformed) {
		t.Fatalf("a negative watermark from a column: %v", err)
	}
}

func TestPolicyMistakes(t *testing.T) {
	good := Policy{Lineage: testLineage(), Scope: ID{1}}
	for want, change := range map[string]func(*Policy){
		"scope":      func(p *Policy) { p.Scope = ID{} },
		"lineage":    func(p *Policy) { p.Lineage.Cluster = ID{} },
		"generation": func(p *Policy) { p.Generation = 200 },
		"different":  func(p *Policy) { p.Successions = []Succession{{From: ID{1}, To: ID{1}}} },
		"two successors": func(p *Policy) {
			p.Successions = []Succession{{From: ID{1}, To: ID{2}}, {From: ID{1}, To: p.Lineage.Incarnation}}
		},
		"circle through": func(p *Policy) {
			p.Successions = []Succession{{From: ID{1}, To: ID{2}}, {From: ID{2}, To: ID{1}}}
		},
		"circle": func(p *Policy) {
			p.Successions = []Succession{{From: p.Lineage.Incarnation, To: ID{1}}, {From: ID{1}, To: p.Lineage.Incarnation}}
		},
	} {
		p := good
		change(&p)
		if _, err := NewGuard(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	ctx := context.Background()
	var m Memory
	g, tok := testGuard(t, nil), testToken(t, 10)
	_ = g.Seal(ctx, &m, tok)
	if n := testing.AllocsPerRun(1000, func() {
		if err := g.Check(ctx, &m, tok); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Fatalf("Check allocates %v times", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	ctx := context.Background()
	var m Memory
	g, tok := testGuard(b, nil), testToken(b, 10)
	_ = g.Seal(ctx, &m, tok)
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Check(ctx, &m, tok); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckRaising(b *testing.B) {
	ctx := context.Background()
	var m Memory
	g, tok := testGuard(b, nil), testToken(b, 10)
	_ = g.Seal(ctx, &m, tok)
	b.ReportAllocs()
	for b.Loop() {
		tok.Fence++
		if err := g.Check(ctx, &m, tok); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseToken(b *testing.B) {
	s := testToken(b, 10).String()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseToken(s); err != nil {
			b.Fatal(err)
		}
	}
}
