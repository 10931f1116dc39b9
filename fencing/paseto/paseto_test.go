package paseto

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/fencing"
)

func seed(b byte) ed25519.PrivateKey {
	s := make([]byte, ed25519.SeedSize)
	s[0] = b
	return ed25519.NewKeyFromSeed(s)
}

func signer(t testing.TB, b byte) *Signer {
	t.Helper()
	s, err := NewSigner(seed(b))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lineage() fencing.Lineage {
	return fencing.Lineage{Cluster: fencing.ID{1}, Incarnation: fencing.ID{2}}
}

func token(t testing.TB, fence int64) fencing.Token {
	t.Helper()
	tok, err := fencing.FromCzxid(lineage(), "/locks/job", fencing.Exclusive, fence)
	if err != nil {
		t.Fatal(err)
	}
	tok.Audit.Node, tok.Audit.Session = "lock-0000000001", 77
	return tok
}

func sign(t testing.TB, s *Signer, tok fencing.Token, i Issue) string {
	t.Helper()
	text, err := s.Sign(tok, i)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func verifier(t testing.TB, keys ...Key) *Verifier {
	t.Helper()
	v, err := NewVerifier(Config{Cluster: lineage().Cluster, Keys: KeySet{Cluster: lineage().Cluster, Serial: 1, Keys: keys}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// rig is a guard that demands signatures, sealed at fence 100.
type rig struct {
	t     testing.TB
	s     *Signer
	v     *Verifier
	guard *fencing.Guard
	marks fencing.Memory
}

func newRig(t testing.TB) *rig {
	s := signer(t, 1)
	r := &rig{t: t, s: s, v: verifier(t, s.Key(time.Time{}))}
	scope, _ := fencing.ScopeOf(lineage().Cluster, "/locks/job")
	var err error
	if r.guard, err = fencing.NewGuard(fencing.Policy{Lineage: lineage(), Scope: scope, Verifier: r.v, EnrolOnSeal: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.guard.SealText(context.Background(), &r.marks, sign(t, s, token(t, 100), Issue{})); err != nil {
		t.Fatal(err)
	}
	return r
}

// mustRefuse presents a text for seal, write and read, and sees it refused with the watermark untouched.
func (r *rig) mustRefuse(what, text string, want error) {
	r.t.Helper()
	ctx := context.Background()
	for _, present := range []func(context.Context, fencing.Watermarks, string) (fencing.Token, error){r.guard.SealText, r.guard.CheckText, r.guard.CheckReadText} {
		if _, err := present(ctx, &r.marks, text); !errors.Is(err, want) {
			r.t.Fatalf("%s: got %v, want %v", what, err, want)
		}
	}
	if m, _ := r.marks.Mark(r.guard.Scope()); m.Fence != 100 {
		r.t.Fatalf("%s: the watermark moved to %d", what, m.Fence)
	}
}

func TestSignedTokenComesBackWhole(t *testing.T) {
	s := signer(t, 1)
	want := token(t, 1<<60+1)
	got, err := verifier(t, s.Key(time.Time{})).Verify(sign(t, s, want, Issue{Audience: []string{"db"}}))
	if err != nil || got != want {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestNothingForgedIsAcceptedOrRaises(t *testing.T) {
	r := newRig(t)
	good := sign(t, r.s, token(t, 200), Issue{})
	// Every bit of every character.
	for i := range len(good) {
		for bit := range 8 {
			b := []byte(good)
			b[i] ^= 1 << bit
			if _, err := r.v.Verify(string(b)); !errors.Is(err, fencing.ErrUnverified) {
				t.Fatalf("bit %d of character %d flipped: %v", bit, i, err)
			}
		}
	}
	for i := range len(good) {
		if _, err := r.v.Verify(good[:i]); !errors.Is(err, fencing.ErrUnverified) {
			t.Fatalf("truncated to %d: %v", i, err)
		}
	}
	r.mustRefuse("unsigned text", token(t, 200).String(), fencing.ErrUnverified)
	r.mustRefuse("signed by another key", sign(t, signer(t, 9), token(t, 200), Issue{}), fencing.ErrUnverified)
	r.mustRefuse("the footer of our key on another's signature", swapFooter(sign(t, signer(t, 9), token(t, 200), Issue{}), good), fencing.ErrUnverified)
	r.mustRefuse("without a footer", good[:strings.LastIndexByte(good, '.')], fencing.ErrUnverified)
	r.mustRefuse("the fence raised in the body", forgeBody(t, good, `"fence":"200"`, `"fence":"900"`), fencing.ErrUnverified)
	r.mustRefuse("the poison", forgeBody(t, good, `"fence":"200"`, `"fence":"9223372036854775807"`), fencing.ErrUnverified)
	r.mustRefuse("another version", "v3"+good[2:], fencing.ErrUnverified)
	r.mustRefuse("a key set is no token", mustSignSet(t, seed(1), KeySet{Cluster: lineage().Cluster, Keys: []Key{r.s.Key(time.Time{})}}), fencing.ErrUnverified)
	r.mustRefuse("too long", header+strings.Repeat("A", maxText), fencing.ErrUnverified)
}

func swapFooter(text, from string) string {
	return text[:strings.LastIndexByte(text, '.')] + from[strings.LastIndexByte(from, '.'):]
}

func forgeBody(t *testing.T, text, old, repl string) string {
	t.Helper()
	parts := strings.Split(text, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Replace(string(raw), old, repl, 1)
	if body == string(raw) {
		t.Fatalf("the body does not contain %s", old)
	}
	parts[2] = base64.RawURLEncoding.EncodeToString([]byte(body))
	return strings.Join(parts, ".")
}

func mustSignSet(t *testing.T, root ed25519.PrivateKey, k KeySet) string {
	t.Helper()
	s, err := SignKeySet(root, k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTruthfullySignedButNotForHere(t *testing.T) {
	r := newRig(t)
	elsewhere, _ := fencing.FromCzxid(lineage(), "/locks/other", fencing.Exclusive, 500)
	r.mustRefuse("another lock", sign(t, r.s, elsewhere, Issue{}), fencing.ErrWrongScope)
	foreign, _ := fencing.FromCzxid(fencing.Lineage{Cluster: fencing.ID{7}, Incarnation: fencing.ID{2}}, "/locks/job", fencing.Exclusive, 500)
	r.mustRefuse("another cluster", sign(t, r.s, foreign, Issue{}), fencing.ErrWrongScope)
	reborn := token(t, 500)
	reborn.Incarnation = fencing.ID{8}
	r.mustRefuse("another incarnation", sign(t, r.s, reborn, Issue{}), fencing.ErrUnknownLineage)
	r.mustRefuse("replayed after a newer grant", sign(t, r.s, token(t, 99), Issue{}), fencing.ErrStaleToken)
}

// A verifier knows its cluster by itself, for those who ask it without a guard.
func TestVerifierKnowsItsCluster(t *testing.T) {
	r := newRig(t)
	foreign, err := fencing.FromCzxid(fencing.Lineage{Cluster: fencing.ID{7}, Incarnation: fencing.ID{2}}, "/locks/job", fencing.Exclusive, 500)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.v.Verify(sign(t, r.s, foreign, Issue{})); !errors.Is(err, fencing.ErrWrongScope) {
		t.Errorf("a token of another cluster: %v, %v", got, err)
	}
}

func TestRoundedNumberInAnotherIssuersBodyIsRefused(t *testing.T) {
	r := newRig(t)
	good := sign(t, r.s, token(t, 1<<53+1), Issue{})
	r.mustRefuse("rounded to 53 bits", forgeBody(t, good, `"fence":"9007199254740993"`, `"fence":9007199254740992`), fencing.ErrUnverified)
	// Even signed by the right key, a number is not a string.
	c := claims{Token: json.RawMessage(`{"v":"1","fence":9007199254740992}`)}
	body, _ := json.Marshal(c)
	if _, err := r.v.accept(r.s.Key(time.Time{}), body); !errors.Is(err, fencing.ErrMalformed) {
		t.Fatalf("got %v", err)
	}
}

func TestRevocationCountsAtOnceAndCannotBeUndone(t *testing.T) {
	root, s := seed(50), signer(t, 1)
	cluster := lineage().Cluster
	v, err := NewVerifier(Config{Cluster: cluster, Root: root.Public().(ed25519.PublicKey)})
	if err != nil {
		t.Fatal(err)
	}
	text := sign(t, s, token(t, 5), Issue{})
	if _, err := v.Verify(text); !errors.Is(err, fencing.ErrUnverified) {
		t.Fatalf("before any key set: %v", err)
	}
	document := func(serial uint64, status Status, by ed25519.PrivateKey) []byte {
		k := s.Key(time.Time{})
		k.Status = status
		set := KeySet{Cluster: cluster, Serial: serial, Keys: []Key{k}}
		doc, err := set.Document(mustSignSet(t, by, set))
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	if err := v.Update(document(1, Active, seed(51))); !errors.Is(err, fencing.ErrUnverified) {
		t.Fatalf("key set by another root: %v", err)
	}
	if err := v.Update(document(1, Active, root)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := v.Verify(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Update(document(2, Retired, root)); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(text); err != nil {
		t.Fatalf("a retired key still verifies: %v", err)
	}
	if err := v.Update(document(3, Revoked, root)); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(text); !errors.Is(err, fencing.ErrUnverified) {
		t.Fatalf("a remembered text of a revoked key: %v", err)
	}
	if err := v.Update(document(2, Active, root)); !errors.Is(err, fencing.ErrUnverified) {
		t.Fatalf("an older key set brings the key back: %v", err)
	}
	if err := v.Update(document(3, Active, root)); !errors.Is(err, fencing.ErrUnverified) {
		t.Fatalf("another key set of the same serial brings the key back: %v", err)
	}
	if err := v.Update(document(3, Revoked, root)); err != nil {
		t.Fatalf("the same key set again: %v", err)
	}
	unsigned, _ := KeySet{Cluster: cluster, Serial: 9, Keys: []Key{s.Key(time.Time{})}}.Document("")
	if err := v.Update(unsigned); !errors.Is(err, fencing.ErrUnverified) {
		t.Fatalf("an unsigned key set: %v", err)
	}
}

func TestTimesOnlyRefuse(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := signer(t, 1)
	v, err := NewVerifier(Config{Cluster: lineage().Cluster, Now: func() time.Time { return now },
		Keys: KeySet{Cluster: lineage().Cluster, Keys: []Key{s.Key(now.Add(time.Hour))}}})
	if err != nil {
		t.Fatal(err)
	}
	text := sign(t, s, token(t, 5), Issue{Expires: now.Add(2 * time.Hour)})
	for _, step := range []struct {
		at   time.Duration
		want error
	}{{0, fencing.ErrUnverified}, {90 * time.Minute, nil}, {30 * time.Minute, fencing.ErrUnverified}, {3 * time.Hour, fencing.ErrUnverified}} {
		now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(step.at)
		if tok, err := v.Verify(text); !errors.Is(err, step.want) || (err == nil) != (tok.Fence == 5) {
			t.Errorf("at +%v: got %v and %v, want %v", step.at, tok, err, step.want)
		}
	}
}

func TestInspectShowsWithoutBelieving(t *testing.T) {
	s, want := signer(t, 9), token(t, 5)
	got, kid, err := Inspect(sign(t, s, want, Issue{}))
	if err != nil || got != want || kid != s.id {
		t.Fatalf("got %+v %s %v", got, kid, err)
	}
	for _, bad := range []string{"", "v4.public.AAAA", want.String(), "v4.public.AAAA." + base64.RawURLEncoding.EncodeToString(footerOf("x"))} {
		if _, _, err := Inspect(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestAudience(t *testing.T) {
	s := signer(t, 1)
	v, err := NewVerifier(Config{Cluster: lineage().Cluster, Audience: "db", Keys: KeySet{Cluster: lineage().Cluster, Keys: []Key{s.Key(time.Time{})}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(sign(t, s, token(t, 5), Issue{Audience: []string{"bucket"}})); !errors.Is(err, fencing.ErrUnverified) {
		t.Fatalf("another audience: %v", err)
	}
	if _, err := v.Verify(sign(t, s, token(t, 5), Issue{Audience: []string{"bucket", "db"}})); err != nil {
		t.Fatal(err)
	}
}

func TestKeySetJSON(t *testing.T) {
	set := KeySet{Cluster: lineage().Cluster, Serial: 3, Keys: []Key{signer(t, 1).Key(time.Unix(1700000000, 0).UTC()), signer(t, 2).Key(time.Time{})}}
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var back KeySet
	if err := json.Unmarshal(b, &back); err != nil || back.Serial != 3 || len(back.Keys) != 2 || !back.Keys[0].NotBefore.Equal(set.Keys[0].NotBefore) {
		t.Fatalf("%s: %+v %v", b, back, err)
	}
	for _, bad := range []string{`{}`, `{"v":"1"}`, strings.Replace(string(b), `"kid":"`, `"kid":"0`, 1), strings.Replace(string(b), `active`, `maybe`, 1),
		strings.Replace(string(b), back.Keys[0].ID, back.Keys[1].ID, 1)} {
		if err := new(KeySet).UnmarshalJSON([]byte(bad)); !errors.Is(err, fencing.ErrMalformed) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestLargestKeySet: as many keys as are allowed also pass through the signature of the root.
func TestLargestKeySet(t *testing.T) {
	root, set := seed(50), KeySet{Cluster: lineage().Cluster, Serial: 7}
	for i := range MaxKeys {
		set.Keys = append(set.Keys, signer(t, byte(100+i)).Key(time.Unix(1700000000, 0)))
	}
	open := func() (KeySet, error) {
		doc, err := set.Document(mustSignSet(t, root, set))
		if err != nil {
			t.Fatal(err)
		}
		return OpenKeySet(root.Public().(ed25519.PublicKey), doc)
	}
	if got, err := open(); err != nil || len(got.Keys) != MaxKeys {
		t.Fatalf("%d keys: %v", len(got.Keys), err)
	}
	set.Keys = append(set.Keys, signer(t, 1).Key(time.Time{}))
	if _, err := open(); !errors.Is(err, fencing.ErrMalformed) {
		t.Fatalf("one key too many: %v", err)
	}
}

// TestSignerSignsNothingThatNoVerifierReads: the limit is the signer's too.
func TestSignerSignsNothingThatNoVerifierReads(t *testing.T) {
	s := signer(t, 1)
	v := verifier(t, s.Key(time.Time{}))
	for n := 500; n < 5000; n += 100 {
		tok, err := fencing.FromCzxid(lineage(), "/"+strings.Repeat("x", n), fencing.Exclusive, 5)
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.Sign(tok, Issue{At: time.Now()})
		if err != nil {
			if !errors.Is(err, fencing.ErrMalformed) {
				t.Fatal(err)
			}
			continue
		}
		if _, err := v.Verify(text); err != nil {
			t.Fatalf("a path of %d characters was signed, and then: %v", n, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	s := signer(f, 1)
	v := verifier(f, s.Key(time.Time{}))
	good := sign(f, s, token(f, 5), Issue{})
	f.Add(good)
	f.Add("v4.public.AAAA.AAAA")
	f.Add(token(f, 5).String())
	f.Fuzz(func(t *testing.T, text string) {
		_, err := v.Verify(text)
		if (err == nil) != (text == good) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	b, _ := json.Marshal(KeySet{Cluster: lineage().Cluster, Serial: 3, Keys: []Key{signer(f, 1).Key(time.Time{})}})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var k KeySet
		if err := k.UnmarshalJSON(b); err == nil && k.Cluster.IsZero() {
			t.Fatal("a key set without a cluster")
		}
	})
}

func TestCachedVerifyAllocatesNothing(t *testing.T) {
	s := signer(t, 1)
	v, text := verifier(t, s.Key(time.Time{})), sign(t, s, token(t, 5), Issue{})
	_, _ = v.Verify(text)
	if n := testing.AllocsPerRun(1000, func() { _, _ = v.Verify(text) }); n != 0 {
		t.Fatalf("a cached Verify allocates %v times", n)
	}
}

func BenchmarkVerifyCached(b *testing.B) {
	s := signer(b, 1)
	v, text := verifier(b, s.Key(time.Time{})), sign(b, s, token(b, 5), Issue{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyCold(b *testing.B) {
	s := signer(b, 1)
	v, err := NewVerifier(Config{Cluster: lineage().Cluster, CacheSize: -1, Keys: KeySet{Cluster: lineage().Cluster, Keys: []Key{s.Key(time.Time{})}}})
	if err != nil {
		b.Fatal(err)
	}
	text := sign(b, s, token(b, 5), Issue{})
	for b.Loop() {
		if _, err := v.Verify(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	s, tok := signer(b, 1), token(b, 5)
	for b.Loop() {
		if _, err := s.Sign(tok, Issue{}); err != nil {
			b.Fatal(err)
		}
	}
}
