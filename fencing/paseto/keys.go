package paseto

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"aidanwoods.dev/go-paseto"

	"github.com/paddock-zk/paddock/fencing"
)

// Status says what a key may still do.
type Status string

const (
	// Active keys sign and verify.
	Active Status = "active"
	// Retired keys verify only, until no live grant uses them.
	Retired Status = "retired"
	// Revoked keys do nothing: every token that they signed is refused.
	Revoked Status = "revoked"
)

// Key is one public key of the ensemble.
type Key struct {
	ID        string // KeyID of Public
	Public    ed25519.PublicKey
	NotBefore time.Time // tokens by this key are refused before; the zero time means always
	Status    Status
}

// KeyID names a public key: base 32 of a truncated SHA-256, so that an id cannot be put on another key.
func KeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(append([]byte("paddock/fencing/key/v1\x00"), public...))
	return fencing.ID(sum[:16]).String()
}

// KeySet is every key of one cluster at one time. Serial rises with each change; a verifier never goes back to a lower one.
type KeySet struct {
	Cluster fencing.ID
	Serial  uint64
	Keys    []Key
}

// keyJSON and keySetJSON are the served shapes: strings only, like tokens.
type keyJSON struct {
	ID        string `json:"kid"`
	Public    string `json:"public"`
	NotBefore string `json:"not_before,omitempty"`
	Status    Status `json:"status"`
}

type keySetJSON struct {
	V       string     `json:"v"`
	Cluster fencing.ID `json:"cluster"`
	Serial  string     `json:"serial"`
	Keys    []keyJSON  `json:"keys"`
	Signed  string     `json:"signed,omitempty"`
}

// MaxKeys bounds a key set that comes from outside.
const MaxKeys = 64

func (k KeySet) toJSON() keySetJSON {
	out := keySetJSON{V: "1", Cluster: k.Cluster, Serial: strconv.FormatUint(k.Serial, 10), Keys: []keyJSON{}}
	for _, key := range k.Keys {
		j := keyJSON{ID: key.ID, Public: base64.RawURLEncoding.EncodeToString(key.Public), Status: key.Status}
		if !key.NotBefore.IsZero() {
			j.NotBefore = key.NotBefore.UTC().Format(time.RFC3339)
		}
		out.Keys = append(out.Keys, j)
	}
	return out
}

// MarshalJSON writes the key set without a root signature.
func (k KeySet) MarshalJSON() ([]byte, error) { return json.Marshal(k.toJSON()) }

// Document is the JSON that is served at /zookeeper/keys: the key set for people, and in member "signed" the same set signed by the root (SignKeySet), or "" without one.
func (k KeySet) Document(signed string) ([]byte, error) {
	j := k.toJSON()
	j.Signed = signed
	return json.Marshal(j)
}

// UnmarshalJSON reads MarshalJSON's or Document's output. Every id is recomputed from its key. Errors are *fencing.Malformed.
func (k *KeySet) UnmarshalJSON(b []byte) error {
	var j keySetJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return malformed("key set: %v", err)
	}
	serial, err := strconv.ParseUint(j.Serial, 10, 64)
	switch {
	case j.V != "1":
		return malformed("key set of version %q; this reads version 1", j.V)
	case err != nil:
		return malformed("key set: serial %q", j.Serial)
	case j.Cluster.IsZero():
		return malformed("key set without a cluster")
	case len(j.Keys) > MaxKeys:
		return malformed("key set with %d keys; at most %d", len(j.Keys), MaxKeys)
	}
	out := KeySet{Cluster: j.Cluster, Serial: serial}
	for _, kj := range j.Keys {
		key, err := kj.key()
		if err != nil {
			return err
		}
		if _, twice := out.find(key.ID); twice {
			return malformed("key %s appears twice", key.ID)
		}
		out.Keys = append(out.Keys, key)
	}
	*k = out
	return nil
}

func (j keyJSON) key() (Key, error) {
	public, err := base64.RawURLEncoding.Strict().DecodeString(j.Public)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return Key{}, malformed("key %q: the public part is not 32 bytes of unpadded base64url", j.ID)
	}
	if KeyID(public) != j.ID {
		return Key{}, malformed("key %q: the id belongs to another public key", j.ID)
	}
	if j.Status != Active && j.Status != Retired && j.Status != Revoked {
		return Key{}, malformed("key %s: status %q is none of active, retired, revoked", j.ID, j.Status)
	}
	key := Key{ID: j.ID, Public: public, Status: j.Status}
	if j.NotBefore != "" {
		if key.NotBefore, err = time.Parse(time.RFC3339, j.NotBefore); err != nil {
			return Key{}, malformed("key %s: not_before: %v", j.ID, err)
		}
	}
	return key, nil
}

// same: every byte of the served form is equal.
func (k KeySet) same(o KeySet) bool {
	a, errA := k.MarshalJSON()
	b, errB := o.MarshalJSON()
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

func (k KeySet) find(id string) (Key, bool) {
	for _, key := range k.Keys {
		if key.ID == id {
			return key, true
		}
	}
	return Key{}, false
}

// keySetContext is the implicit assertion that keeps key sets and tokens apart, though both are v4.public.
const (
	keySetContext = "paddock/fencing/keyset/v1"
	tokenContext  = "paddock/fencing/token/v1"
)

// SignKeySet signs the set with the root key that verifiers pin. The root stays offline; it is not one of the keys that sign tokens.
func SignKeySet(root ed25519.PrivateKey, k KeySet) (string, error) {
	secret, err := paseto.NewV4AsymmetricSecretKeyFromEd25519(root)
	if err != nil {
		return "", fmt.Errorf("sign key set: root key: %w", err)
	}
	body, err := json.Marshal(k)
	if err != nil {
		return "", err
	}
	t, err := paseto.NewTokenFromClaimsJSON(body, nil)
	if err != nil {
		return "", fmt.Errorf("sign key set: %w", err)
	}
	return t.V4Sign(secret, []byte(keySetContext)), nil
}

// OpenKeySet verifies a document of /zookeeper/keys (or the bare signed text) against the pinned root key. Errors are *fencing.Unverified or Malformed.
func OpenKeySet(root ed25519.PublicKey, document []byte) (KeySet, error) {
	text := string(bytes.TrimSpace(document))
	if len(text) > 0 && text[0] == '{' {
		var j keySetJSON
		if err := json.Unmarshal(document, &j); err != nil {
			return KeySet{}, malformed("key set: %v", err)
		}
		text = j.Signed
	}
	if text == "" {
		return KeySet{}, unverified("the key set is not signed by the root", nil)
	}
	public, err := paseto.NewV4AsymmetricPublicKeyFromEd25519(root)
	if err != nil {
		return KeySet{}, unverified("the pinned root key", err)
	}
	claims, err := openCanonical(public, text, keySetContext, maxSetText)
	if err != nil {
		return KeySet{}, unverified("the key set's signature does not match the pinned root key", err)
	}
	var k KeySet
	return k, k.UnmarshalJSON(claims)
}

func malformed(format string, args ...any) error {
	return &fencing.Malformed{Reason: fmt.Sprintf(format, args...)}
}

func unverified(reason string, err error) error { return &fencing.Unverified{Reason: reason, Err: err} }
