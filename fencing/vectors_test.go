package fencing

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

var updateVectors = flag.Bool("update", false, "write testdata/fencing anew from the library")

const vectorDir = "../testdata/fencing"

// tokenVector is a token in a form, and what it says, or why it says nothing.
type tokenVector struct {
	Text        string `json:"text,omitempty"`
	JSON        string `json:"json,omitempty"`
	Refused     string `json:"refused,omitempty"`
	Cluster     *ID    `json:"cluster,omitempty"`
	Incarnation *ID    `json:"incarnation,omitempty"`
	Scope       *ID    `json:"scope,omitempty"`
	Fence       string `json:"fence,omitempty"`
	Sub         string `json:"sub,omitempty"`
	Mode        string `json:"mode,omitempty"`
}

func tokenVectors(t *testing.T) (out []tokenVector) {
	read := func(v tokenVector, tok Token, err error) {
		if err != nil {
			v.Refused = ReasonOf(err).String()
		} else {
			f := formatFields(tok.Fence, tok.Sub)
			v.Cluster, v.Incarnation, v.Scope, v.Fence, v.Sub, v.Mode = &tok.Cluster, &tok.Incarnation, &tok.Scope, f[0], f[1], tok.Mode.String()
		}
		out = append(out, v)
	}
	pair, shared := testToken(t, 1<<55+1), testToken(t, 7)
	pair.Sub, shared.Mode = 1<<32-1, Shared
	good := testToken(t, 0x100000005).String()
	texts := []string{good, pair.String(), shared.String(), testToken(t, 1<<63-1).String(), "", "42", good + "x", good[:len(good)-1], strings.ToUpper(good), "zk2" + good[3:],
		good[:len(good)-1] + "y", good[:30] + ":" + good[31:], good[:4] + "z" + good[5:], good[:29] + "v" + good[30:],
		good[:85] + strings.Repeat("0", 24) + ".x", good[:85] + "8" + good[86:], good[:85] + "F" + good[86:], good[:4] + strings.Repeat("0", 26) + good[30:], "v4.public.e30"}
	for _, text := range texts {
		tok, err := ParseToken(text)
		read(tokenVector{Text: text}, tok, err)
	}
	b, err := testToken(t, 1<<53+1).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	whole := string(b)
	edit := func(old, new string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%s is not in %s", old, whole)
		}
		return strings.Replace(whole, old, new, 1)
	}
	for _, text := range []string{whole, edit(`{`, `{"node":"lock-0000000001","op":"3","session":"0x1f",`), edit(`"9007199254740993"`, `9007199254740993`), edit(`"9007199254740993"`, `"09007199254740993"`),
		edit(`"9007199254740993"`, `"9223372036854775808"`), edit(`"9007199254740993"`, `"0"`), edit(`{`, `{"mode":"x",`), edit(`{`, `{"more":"x",`), edit(`"v":"1"`, `"v":"2"`), edit(`"sub":"0"`, `"sub":"4294967296"`),
		edit(`,"sub":"0"`, ``), edit(`"mode":"x"`, `"mode":"w"`), whole + whole, "[]", "", edit(`{`, `{"session":"31",`)} {
		var tok Token
		err := tok.UnmarshalJSON([]byte(text))
		read(tokenVector{JSON: text}, tok, err)
	}
	return out
}

func formatFields(fence int64, sub uint32) [2]string {
	b, _ := json.Marshal([]any{fence, sub})
	f, s, _ := strings.Cut(strings.Trim(string(b), "[]"), ",")
	return [2]string{f, s}
}

type scopeVector struct {
	Cluster ID     `json:"cluster"`
	Path    string `json:"path"`
	Kind    string `json:"kind"` // zxid or pair
	Scope   *ID    `json:"scope,omitempty"`
	Refused string `json:"refused,omitempty"`
}

func scopeVectors() (out []scopeVector) {
	for _, path := range []string{"/locks/job", "/a", "/locks/größe", "/locks/job/slots/slot-0", "/", "", "locks", "/locks/", "/a//b", "/a/../b", "/a/./b", "/a\x00b"} {
		for _, kind := range []string{"zxid", "pair"} {
			v := scopeVector{Cluster: testLineage().Cluster, Path: path, Kind: kind}
			of := ScopeOf
			if kind == "pair" {
				of = PairScopeOf
			}
			if id, err := of(v.Cluster, path); err != nil {
				v.Refused = ReasonOf(err).String()
			} else {
				v.Scope = &id
			}
			out = append(out, v)
		}
	}
	return out
}

type markVector struct {
	Text        string `json:"text"`
	Refused     string `json:"refused,omitempty"`
	Cluster     *ID    `json:"cluster,omitempty"`
	Incarnation *ID    `json:"incarnation,omitempty"`
	Scope       *ID    `json:"scope,omitempty"`
	Fence       string `json:"fence,omitempty"`
	Sub         string `json:"sub,omitempty"`
}

func markVectors(t *testing.T) (out []markVector) {
	m := Claim{token: testToken(t, 0x100000005)}.mark()
	empty, noScope := m, m
	empty.Fence, noScope.Scope = 0, ID{}
	good := m.String()
	for _, text := range []string{good, empty.String(), noScope.String(), "", good[:len(good)-1], good[:90] + "1" + good[91:], strings.ToUpper(good), good[:len(good)-1] + "g"} {
		v := markVector{Text: text}
		if got, err := ParseMark(text); err != nil {
			v.Refused = ReasonOf(err).String()
		} else {
			f := formatFields(got.Fence, got.Sub)
			v.Cluster, v.Incarnation, v.Scope, v.Fence, v.Sub = &got.Cluster, &got.Incarnation, &got.Scope, f[0], f[1]
		}
		out = append(out, v)
	}
	return out
}

// verdictVector is one judgement: the mark that is there ("" for none), the token presented ("" for an enrolment without a floor), and what becomes of both.
type verdictVector struct {
	Policy  string `json:"policy"` // its name
	Mark    string `json:"mark"`
	Token   string `json:"token"`
	Op      string `json:"op"`
	Verdict string `json:"verdict"`         // admitted, or the reason of the refusal
	Store   string `json:"store,omitempty"` // the mark to store, if it changes
}

type verdictVectorsFile struct {
	Policies map[string]policyVector `json:"policies"`
	Verdicts []verdictVector         `json:"verdicts"`
}

type policyVector struct {
	Cluster     ID             `json:"cluster"`
	Incarnation ID             `json:"incarnation"`
	Scope       ID             `json:"scope"`
	Successions []successionOf `json:"successions,omitempty"`
	Generation  uint8          `json:"generation,omitempty"`
	EnrolOnSeal bool           `json:"enrol_on_seal,omitempty"`
	RequireSeal bool           `json:"require_seal,omitempty"`
}

type successionOf struct {
	From     ID   `json:"from"`
	To       ID   `json:"to"`
	Restarts bool `json:"restarts,omitempty"`
}

// verdictOf is what a guard does with a token, but for the storage.
func verdictOf(g *Guard, t Token, op Op, seen Mark, found bool) (next Mark, store bool, err error) {
	switch {
	case op == OpEnrol && t != (Token{}):
		err = g.plausibleFloor(t)
	case op != OpEnrol:
		err = g.Admissible(t)
	}
	if err != nil {
		return Mark{}, false, err
	}
	return Claim{guard: g, token: t, op: op}.Judge(seen, found)
}

func verdictVectors(t *testing.T) (out verdictVectorsFile) {
	now := testLineage()
	before, stranger := ID{7}, ID{9}
	scope := testToken(t, 1).Scope
	plain := policyVector{Cluster: now.Cluster, Incarnation: now.Incarnation, Scope: scope}
	onSeal, require, follows, restarts, generation := plain, plain, plain, plain, plain
	onSeal.EnrolOnSeal, require.RequireSeal, generation.Generation = true, true, 3
	follows.Successions = []successionOf{{From: before, To: now.Incarnation}}
	restarts.Successions = []successionOf{{From: before, To: now.Incarnation, Restarts: true}}
	at := func(fence int64, change func(*Token)) Token {
		tok := testToken(t, fence)
		tok.Audit = Audit{}
		if change != nil {
			change(&tok)
		}
		return tok
	}
	old := func(tok *Token) { tok.Incarnation = before }
	tokens := []Token{at(9, nil), at(10, nil), at(10, func(tok *Token) { tok.Sub = 1 }), at(11, nil), at(11, func(tok *Token) { tok.Mode = Shared }), at(9, func(tok *Token) { tok.Mode = Shared }),
		at(2<<56, nil), at(1<<56, nil), at(4<<56, nil), at(12, old), at(10, old), at(12, func(tok *Token) { tok.Incarnation = stranger }), at(12, func(tok *Token) { tok.Scope = ID{5} }), at(12, func(tok *Token) { tok.Cluster = ID{5} })}
	ten := Claim{token: at(10, nil)}.mark()
	tenBefore := ten
	tenBefore.Incarnation = before
	none := Mark{}
	out.Policies = map[string]policyVector{}
	for _, c := range []struct {
		name  string
		p     policyVector
		marks []Mark
	}{
		{"strict", plain, []Mark{none, ten}}, {"enrols on a seal", onSeal, []Mark{none}}, {"requires a seal", require, []Mark{none, ten}}, {"succession", follows, []Mark{ten, tenBefore}},
		{"succession that restarts", restarts, []Mark{ten, tenBefore}}, {"generation 3", generation, []Mark{none, ten}},
	} {
		p := c.p
		out.Policies[c.name] = p
		policy := Policy{Lineage: Lineage{p.Cluster, p.Incarnation}, Scope: p.Scope, Generation: p.Generation, EnrolOnSeal: p.EnrolOnSeal, RequireSeal: p.RequireSeal}
		for _, s := range p.Successions {
			policy.Successions = append(policy.Successions, Succession(s))
		}
		g, err := NewGuard(policy)
		if err != nil {
			t.Fatal(err)
		}
		for _, seen := range c.marks {
			for _, op := range []Op{OpCheck, OpSeal, OpRead, OpEnrol} {
				presented := tokens
				if op == OpEnrol {
					presented = append([]Token{{}}, tokens...)
				}
				for _, tok := range presented {
					v := verdictVector{Policy: c.name, Op: op.String(), Verdict: "admitted"}
					if found := seen != (Mark{}); found {
						v.Mark = seen.String()
					}
					if tok != (Token{}) {
						v.Token = tok.String()
					}
					next, store, err := verdictOf(g, tok, op, seen, v.Mark != "")
					if err != nil {
						v.Verdict = ReasonOf(err).String()
					} else if store {
						v.Store = next.String()
					}
					out.Verdicts = append(out.Verdicts, v)
				}
			}
		}
	}
	return out
}

// The vectors are what the library does. Whoever changes one on purpose writes them anew (-update), and has then a new version of the specification.
func TestVectors(t *testing.T) {
	for name, vectors := range map[string]any{"tokens": tokenVectors(t), "scopes": scopeVectors(), "marks": markVectors(t), "verdicts": verdictVectors(t)} {
		want, err := json.MarshalIndent(vectors, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(vectorDir, name+".json")
		if want = append(want, '\n'); *updateVectors {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what the library does (%v): if that is meant, go test ./fencing -run TestVectors -update", file, err)
		}
	}
}

// The checker in Python, made from the specification alone, says of each vector what the library says.
func TestVectorsInPython(t *testing.T) {
	zktest.Require(t, "python3")
	out, err := exec.CommandContext(t.Context(), "python3", "-B", filepath.Join(vectorDir, "python", "check_vectors.py"), vectorDir).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
