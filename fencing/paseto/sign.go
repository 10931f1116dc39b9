package paseto

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"aidanwoods.dev/go-paseto"

	"github.com/paddock-zk/paddock/fencing"
)

// claims is the signed body: the token's own JSON members flattened by json, and what is about the signature.
type claims struct {
	Token    json.RawMessage `json:"tok"`
	Audience []string        `json:"aud,omitempty"`
	IssuedAt string          `json:"iat,omitempty"`
	Expires  string          `json:"exp,omitempty"`
	Subject  string          `json:"sub,omitempty"` // the lock's path, for people
}

// Issue is what a Signer adds to a token. All of it is optional.
type Issue struct {
	Audience []string  // resource groups for which the token is meant; empty: any
	At       time.Time // shown to people, decides nothing
	Expires  time.Time // hygiene only: after it verifiers refuse, before it nothing is proven
}

// Signer signs tokens with one key.
type Signer struct {
	id     string
	footer []byte
	secret paseto.V4AsymmetricSecretKey
	public ed25519.PublicKey
}

// NewSigner makes a signer from an Ed25519 private key (64 bytes).
func NewSigner(private ed25519.PrivateKey) (*Signer, error) {
	secret, err := paseto.NewV4AsymmetricSecretKeyFromEd25519(private)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	public := private.Public().(ed25519.PublicKey)
	id := KeyID(public)
	return &Signer{id: id, footer: footerOf(id), secret: secret, public: public}, nil
}

func footerOf(id string) []byte { return []byte(`{"kid":"` + id + `"}`) }

// Key is the signer's public key as an entry of a key set.
func (s *Signer) Key(notBefore time.Time) Key {
	return Key{ID: s.id, Public: s.public, NotBefore: notBefore, Status: Active}
}

// Sign gives the signed text of a valid token: v4.public.<body and signature>.<footer with the key id>.
func (s *Signer) Sign(t fencing.Token, issue Issue) (string, error) {
	tok, err := t.MarshalJSON()
	if err != nil {
		return "", err
	}
	c := claims{Token: tok, Audience: issue.Audience, Subject: t.Audit.Path}
	if !issue.At.IsZero() {
		c.IssuedAt = issue.At.UTC().Format(time.RFC3339)
	}
	if !issue.Expires.IsZero() {
		c.Expires = issue.Expires.UTC().Format(time.RFC3339)
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	pt, err := paseto.NewTokenFromClaimsJSON(body, s.footer)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	text := pt.V4Sign(s.secret, []byte(tokenContext))
	if len(text) > maxText {
		return "", malformed("the signed token of %s would have %d characters, more than the %d that a verifier reads: the lock's path is too long", t.Scope, len(text), maxText)
	}
	return text, nil
}

// maxText and maxSetText bound a presented token and a signed key set (of MaxKeys keys) before anything is computed for them.
const (
	maxText    = 8 << 10
	maxSetText = 64 << 10
)

// header opens every v4.public text.
const header = "v4.public."

// openCanonical verifies a signature over a text that has exactly one spelling, and gives the claims.
func openCanonical(key paseto.V4AsymmetricPublicKey, text, context string, limit int) ([]byte, error) {
	if err := canonical(text, limit); err != nil {
		return nil, err
	}
	parser := paseto.MakeParser(nil)
	t, err := parser.ParseV4Public(key, text, []byte(context))
	if err != nil {
		return nil, err
	}
	return t.ClaimsJSON(), nil
}

// canonical refuses other spellings of the same bytes (unused bits of the last base64 digit, line breaks), so that no changed text is ever accepted.
func canonical(text string, limit int) error {
	if len(text) > limit {
		return fmt.Errorf("%d characters, at most %d", len(text), limit)
	}
	rest, ok := strings.CutPrefix(text, header)
	if !ok {
		return fmt.Errorf("the text does not begin with %q", header)
	}
	body, footer, hasFooter := strings.Cut(rest, ".")
	if body == "" || hasFooter && footer == "" {
		return errors.New("an empty part")
	}
	for _, part := range []string{body, footer} {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(raw) != part {
			return errors.New("not canonical base64url")
		}
	}
	return nil
}

// keyIDOf reads the footer, which is not yet verified: it only chooses the key that must then verify text and footer together.
func keyIDOf(text string) (string, error) {
	at := strings.LastIndexByte(text, '.')
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text[at+1:])
	if err != nil || strings.Count(text, ".") != 3 {
		return "", errors.New("the footer with the key id is missing")
	}
	var f struct {
		ID string `json:"kid"`
	}
	if err := json.Unmarshal(raw, &f); err != nil || string(footerOf(f.ID)) != string(raw) {
		return "", errors.New("the footer is not a key id")
	}
	return f.ID, nil
}
