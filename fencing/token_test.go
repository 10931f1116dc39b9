package fencing

import (
	"encoding/base32"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func testLineage() Lineage {
	return Lineage{Cluster: ID{1, 2, 3}, Incarnation: ID{4, 5, 6}}
}

func testToken(t testing.TB, fence int64) Token {
	t.Helper()
	tok, err := FromCzxid(testLineage(), "/locks/job", Exclusive, fence)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestFormsRoundTrip(t *testing.T) {
	tok := testToken(t, 0x100000007)
	tok.Sub, tok.Audit = 9, Audit{Path: "/locks/job", Node: "n\"1", Session: -5, Op: 3}
	text, err := ParseToken(tok.String())
	if plain := tok; err != nil {
		t.Fatal(err)
	} else if plain.Audit = (Audit{}); text != plain {
		t.Fatalf("text: got %v, want %v", text, plain)
	}
	bin, _ := tok.MarshalBinary()
	if got, err := ParseBinary(bin); err != nil || got != text {
		t.Fatalf("binary: %v %v", got, err)
	}
	js, err := json.Marshal(tok)
	if err != nil {
		t.Fatal(err)
	}
	var back Token
	if err := json.Unmarshal(js, &back); err != nil || back != tok {
		t.Fatalf("json %s: got %+v, %v", js, back, err)
	}
}

func TestTextAndBinarySortLikeTheGrants(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var toks []Token
	for range 500 {
		tok := testToken(t, 1+r.Int64N(1<<62)>>r.IntN(60))
		tok.Sub = uint32(r.IntN(3))
		toks = append(toks, tok)
	}
	slices.SortFunc(toks, Token.Compare)
	for i := 1; i < len(toks); i++ {
		a, b := toks[i-1], toks[i]
		ab, _ := a.MarshalBinary()
		bb, _ := b.MarshalBinary()
		if len(a.String()) != TextLen || a.String() > b.String() || string(ab) > string(bb) {
			t.Fatalf("%s then %s: text or binary disagrees with the order", a, b)
		}
	}
}

func TestParserSaysWhatIsWrong(t *testing.T) {
	good := testToken(t, 77).String()
	for _, c := range []struct{ in, want string }{
		{"", "empty"},
		{"12345", "bare number"},
		{"v4.public.AAAA", "signed token"},
		{good[:len(good)-1], "characters"},
		{good + "x", "characters"},
		{"zk2" + good[3:], "text form"},
		{strings.ToUpper(good[:4]) + good[4:], "text form"},
		{good[:len(good)-1] + "r", "mode"},
		{strings.Replace(good, "000000000000004d00000000", "000000000000000000000000", 1), "fence 0"},
		{strings.Replace(good, "000000000000004d00000000", "800000000000004d00000000", 1), "sign bit"},
		{strings.Replace(good, "000000000000004d00000000", "000000000000004D00000000", 1), "lower-case"},
		{good[:29] + "w" + good[30:], ""},
	} {
		_, err := ParseToken(c.in)
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want a Malformed with %q", c.in, err, c.want)
		}
	}
}

func TestJSONRefusesNumbersThatRound(t *testing.T) {
	js, _ := json.Marshal(testToken(t, 1<<53+1))
	s := string(js)
	for _, c := range []struct{ in, want string }{
		{strings.Replace(s, `"9007199254740993"`, `9007199254740993`, 1), "53 bits"},
		{strings.Replace(s, `"9007199254740993"`, `9.007199254740992e15`, 1), "53 bits"},
		{strings.Replace(s, `"9007199254740993"`, `"9.007199254740992e15"`, 1), "decimal"},
		{strings.Replace(s, `"9007199254740993"`, `"09"`, 1), "decimal"},
		{strings.Replace(s, `"fence"`, `"sub"`, 1), ""},
		{strings.Replace(s, `"sub":"0"`, `"sub":"0","sub":"1"`, 1), "twice"},
		{strings.Replace(s, `"sub":"0"`, `"sub":"0","hi":"1"`, 1), "not known"},
		{strings.Replace(s, `"sub":"0"`, `"sub":"4294967296"`, 1), "32 bits"},
		{s[:len(s)-1], ""}, {`[]`, "object"}, {`null`, ""}, {s[:len(s)-1] + `,"x":{}}`, "string"},
	} {
		var tok Token
		err := tok.UnmarshalJSON([]byte(c.in))
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), c.want) || tok != (Token{}) {
			t.Errorf("%s: got %v %v, want a Malformed with %q", c.in, tok, err, c.want)
		}
	}
}

func TestConstructorsRefuseWhatIsNoFence(t *testing.T) {
	l := testLineage()
	try := func(what string, want string, _ Token, err error) {
		t.Helper()
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want a Malformed with %q", what, err, want)
		}
	}
	tok, err := FromCversion(7)
	try("cversion alone", "alone is no fence", tok, err)
	tok, err = FromParent(l, "/locks/job", Exclusive, 5, -1)
	try("wrapped cversion", "wrapped", tok, err)
	tok, err = FromParent(l, "/locks/job", Exclusive, 0, 5)
	try("pair without its parent", "parent", tok, err)
	tok, err = FromParent(l, "/locks/job", Exclusive, 5, 0)
	try("no child ever", "never had a child", tok, err)
	tok, err = FromCzxid(l, "/locks/job", Exclusive, -3)
	try("negative zxid", "positive", tok, err)
	tok, err = FromCzxid(l, "locks/job", Exclusive, 3)
	try("relative path", "absolute", tok, err)
	tok, err = FromCzxid(l, "/locks//job", Exclusive, 3)
	try("second spelling", "spelling", tok, err)
	tok, err = FromCzxid(Lineage{}, "/locks/job", Exclusive, 3)
	try("no lineage", "lineage", tok, err)
	tok, err = FromCzxid(l, "/locks/job", 'w', 3)
	try("mode", "mode", tok, err)
}

func TestPairTokensOrderAcrossLivesOfTheParent(t *testing.T) {
	l := testLineage()
	var last Token
	for _, step := range []struct {
		parent   int64
		cversion int32
	}{{10, 1}, {10, 2}, {10, 1<<31 - 1}, {900, 1}, {900, 4}} {
		tok, err := FromParent(l, "/locks/job", Exclusive, step.parent, step.cversion)
		if err != nil {
			t.Fatal(err)
		}
		if last.Fence != 0 && last.Compare(tok) >= 0 {
			t.Fatalf("%s is not after %s", tok, last)
		}
		last = tok
	}
	if z := testToken(t, 10); z.Scope == last.Scope {
		t.Fatal("a pair token and a czxid token of one lock share a scope: their numbers would be compared")
	}
}

func TestIDForms(t *testing.T) {
	id, err := ParseID("01020304-0506-0708-090a-0b0c0d0e0f10")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{id.String(), "0102030405060708090a0b0c0d0e0f10"} {
		if got, err := ParseID(s); err != nil || got != id {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	if got := id.String(); got != strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(id[:])) {
		t.Errorf("hand-written base 32 %s differs from the library's", got)
	}
	for _, bad := range []string{"", id.String()[:25] + "1", id.String()[:24] + "\r\n", strings.ToUpper(id.String()), "0102030405060708090a0b0c0d0e0fxx"} {
		if _, err := ParseID(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestEveryFlippedBitOfATextIsRefusedOrAnotherToken(t *testing.T) {
	tok := testToken(t, 0x100000007)
	text := tok.String()
	for i := range len(text) {
		for bit := range 8 {
			b := []byte(text)
			b[i] ^= 1 << bit
			got, err := ParseToken(string(b))
			if err == nil && got == tok {
				t.Fatalf("bit %d of character %d flipped: still read as the same token", bit, i)
			}
			if err != nil && got != (Token{}) {
				t.Fatalf("error with a token: %v", got)
			}
		}
	}
}

func FuzzParseToken(f *testing.F) {
	tok := testToken(f, 77)
	f.Add(tok.String())
	f.Add("v4.public.")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseToken(s)
		if err == nil && (got.String() != s || got.Valid() != nil) {
			t.Fatalf("%q read as %q", s, got)
		}
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("%q: %v is not a Malformed", s, err)
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	js, _ := json.Marshal(testToken(f, 77))
	f.Add(js)
	f.Add([]byte(`{"v":"1","fence":12}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var tok Token
		if err := tok.UnmarshalJSON(b); err != nil {
			if !errors.Is(err, ErrMalformed) || tok != (Token{}) {
				t.Fatalf("%q: %v %v", b, tok, err)
			}
			return
		}
		again, err := json.Marshal(tok)
		var back Token
		if err != nil || json.Unmarshal(again, &back) != nil || back != tok {
			t.Fatalf("%q: not stable: %s %v", b, again, err)
		}
	})
}

func FuzzParseBinary(f *testing.F) {
	b, _ := testToken(f, 77).MarshalBinary()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		tok, err := ParseBinary(b)
		if err == nil {
			if again, _ := tok.MarshalBinary(); string(again) != string(b) {
				t.Fatalf("%x read as %x", b, again)
			}
		} else if !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
	})
}

func FuzzParseMark(f *testing.F) {
	f.Add(Mark{Cluster: ID{1}, Incarnation: ID{2}, Scope: ID{3}, Fence: 4}.String())
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := ParseMark(s); err == nil && m.String() != s {
			t.Fatalf("%q read as %q", s, m)
		}
	})
}
