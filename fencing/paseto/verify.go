package paseto

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"aidanwoods.dev/go-paseto"

	"github.com/paddock-zk/paddock/fencing"
)

// Config says what a Verifier trusts. Cluster and one of Root or Keys are needed.
type Config struct {
	Cluster fencing.ID
	// Root, if set, is pinned: key sets are believed only when it has signed them.
	Root ed25519.PublicKey
	// Keys is the first key set. With a Root it may be empty until the first Update; then every token is refused.
	Keys KeySet
	// Audience, if set, must be among a token's audiences; a token without audiences is for any.
	Audience string
	// Scopes, if set, are the only scopes accepted. The guard checks its own scope again.
	Scopes []fencing.ID
	// Now tells the time for not-before and expiry, which only refuse. nil: neither is looked at.
	Now func() time.Time
	// CacheSize bounds the remembered texts; 0 means 1024, negative none.
	CacheSize int
}

// Verifier implements fencing.Verifier. Safe from any goroutine.
type Verifier struct {
	cfg  Config
	mu   sync.RWMutex
	keys KeySet
	seen map[string]verified // by the whole text: the map hashes it, and compares all of it, so there is no collision to attack
}

// verified is what one text was found to be, with the times that must be looked at again.
type verified struct {
	token              fencing.Token
	notBefore, expires time.Time
}

// NewVerifier checks the configuration.
func NewVerifier(cfg Config) (*Verifier, error) {
	if cfg.Cluster.IsZero() {
		return nil, malformed("a verifier needs the cluster whose tokens it accepts")
	}
	if cfg.Root == nil && len(cfg.Keys.Keys) == 0 {
		return nil, malformed("a verifier needs a pinned root key or a key set")
	}
	if cfg.Root != nil && len(cfg.Root) != ed25519.PublicKeySize {
		return nil, malformed("the root key has %d bytes, an Ed25519 public key has %d", len(cfg.Root), ed25519.PublicKeySize)
	}
	if cfg.CacheSize == 0 {
		cfg.CacheSize = 1024
	}
	v := &Verifier{cfg: cfg}
	if len(cfg.Keys.Keys) > 0 {
		if err := v.adopt(cfg.Keys); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Update takes a newer key set: a document as served at /zookeeper/keys. With a pinned root its signature is verified first; without one the caller
// vouches for the way on which it came. An older serial is refused, and so is another set under the serial in use. Every remembered text is forgotten, so a
// revocation counts at once; a set that is in use already changes nothing.
func (v *Verifier) Update(document []byte) error {
	var k KeySet
	var err error
	if v.cfg.Root != nil {
		k, err = OpenKeySet(v.cfg.Root, document)
	} else {
		err = json.Unmarshal(document, &k)
	}
	if err != nil {
		return err
	}
	return v.adopt(k)
}

func (v *Verifier) adopt(k KeySet) error {
	for _, key := range k.Keys {
		if KeyID(key.Public) != key.ID {
			return malformed("key %q: the id belongs to another public key", key.ID)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if k.Cluster != v.cfg.Cluster {
		return unverified(fmt.Sprintf("key set of cluster %s, expected %s", k.Cluster, v.cfg.Cluster), nil)
	}
	if v.keys.Cluster == k.Cluster {
		switch {
		case k.Serial < v.keys.Serial:
			return unverified(fmt.Sprintf("key set %d is older than the known %d: a revoked key must not come back", k.Serial, v.keys.Serial), nil)
		case k.Serial == v.keys.Serial && k.same(v.keys):
			return nil
		case k.Serial == v.keys.Serial:
			return unverified(fmt.Sprintf("another key set %d is in use: nobody can tell which of them is the newer (were two copies of one backup started?)", k.Serial), nil)
		}
	}
	v.keys, v.seen = k, make(map[string]verified)
	return nil
}

// Serial is the serial of the key set in use.
func (v *Verifier) Serial() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.keys.Serial
}

// Verify is the fencing.Verifier contract.
func (v *Verifier) Verify(text string) (fencing.Token, error) {
	v.mu.RLock()
	hit, ok := v.seen[text]
	keys := v.keys
	v.mu.RUnlock()
	if ok {
		if err := v.inTime(hit); err != nil {
			return fencing.Token{}, err
		}
		return hit.token, nil
	}
	fresh, err := v.verify(keys, text)
	if err != nil {
		return fencing.Token{}, err
	}
	if err := v.inTime(fresh); err != nil {
		return fencing.Token{}, err
	}
	v.remember(text, fresh, keys.Serial)
	return fresh.token, nil
}

func (v *Verifier) remember(text string, fresh verified, serial uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cfg.CacheSize < 0 || v.keys.Serial != serial {
		return
	}
	for old := range v.seen { // any victim will do: a grant's text is used again and again, or never
		if len(v.seen) < v.cfg.CacheSize {
			break
		}
		delete(v.seen, old)
	}
	v.seen[text] = fresh
}

func (v *Verifier) inTime(f verified) error {
	if v.cfg.Now == nil {
		return nil
	}
	now := v.cfg.Now()
	if now.Before(f.notBefore) {
		return unverified("its key is not valid before "+f.notBefore.Format(time.RFC3339), nil)
	}
	if !f.expires.IsZero() && now.After(f.expires) {
		return unverified("expired at "+f.expires.Format(time.RFC3339), nil)
	}
	return nil
}

func (v *Verifier) verify(keys KeySet, text string) (verified, error) {
	if err := canonical(text, maxText); err != nil {
		return verified{}, unverified("not a signed token", err)
	}
	id, err := keyIDOf(text)
	if err != nil {
		return verified{}, unverified("not a signed token", err)
	}
	key, ok := keys.find(id)
	if !ok {
		return verified{}, unverified("key "+id+" is not in the key set", nil)
	}
	if key.Status != Active && key.Status != Retired {
		return verified{}, unverified("key "+id+" is revoked", nil)
	}
	public, err := paseto.NewV4AsymmetricPublicKeyFromEd25519(key.Public)
	if err != nil {
		return verified{}, unverified("key "+id, err)
	}
	body, err := openCanonical(public, text, tokenContext, maxText)
	if err != nil {
		return verified{}, unverified("the signature does not match", err)
	}
	return v.accept(key, body)
}

// accept reads claims whose signature was right.
func (v *Verifier) accept(key Key, body []byte) (verified, error) {
	var c claims
	if err := json.Unmarshal(body, &c); err != nil {
		return verified{}, malformed("claims: %v", err)
	}
	out := verified{notBefore: key.NotBefore}
	if err := out.token.UnmarshalJSON(c.Token); err != nil {
		return verified{}, err
	}
	if c.Expires != "" {
		var err error
		if out.expires, err = time.Parse(time.RFC3339, c.Expires); err != nil {
			return verified{}, malformed("exp: %v", err)
		}
	}
	t := out.token
	if t.Cluster != v.cfg.Cluster {
		return verified{}, &fencing.WrongScope{Token: t, Cluster: v.cfg.Cluster, Scope: t.Scope}
	}
	if len(v.cfg.Scopes) > 0 && !slices.Contains(v.cfg.Scopes, t.Scope) {
		return verified{}, &fencing.WrongScope{Token: t, Cluster: v.cfg.Cluster, Scope: v.cfg.Scopes[0]}
	}
	if v.cfg.Audience != "" && len(c.Audience) > 0 && !slices.Contains(c.Audience, v.cfg.Audience) {
		return verified{}, unverified(fmt.Sprintf("meant for %v, not for %q", c.Audience, v.cfg.Audience), nil)
	}
	return out, nil
}

// Inspect reads what a signed text says WITHOUT verifying it: for people who look at a token, never for a decision. kid is the id of the key that is said to have signed it.
func Inspect(text string) (t fencing.Token, kid string, err error) {
	if err := canonical(text, maxText); err != nil {
		return fencing.Token{}, "", unverified("not a signed token", err)
	}
	if kid, err = keyIDOf(text); err != nil {
		return fencing.Token{}, "", unverified("not a signed token", err)
	}
	body, _, _ := strings.Cut(strings.TrimPrefix(text, header), ".")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || len(raw) < ed25519.SignatureSize {
		return fencing.Token{}, kid, unverified("the body is too short for a signature", err)
	}
	var c claims
	if err := json.Unmarshal(raw[:len(raw)-ed25519.SignatureSize], &c); err != nil {
		return fencing.Token{}, kid, malformed("claims: %v", err)
	}
	err = t.UnmarshalJSON(c.Token)
	return t, kid, err
}
