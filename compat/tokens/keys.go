package tokens

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paddock-zk/paddock/fencing/paseto"
	"github.com/paddock-zk/paddock/znode"
)

// Names of the private records: a key, and for each status to which it fell one more record. Records are only added, never written again, so
// rotations at the same time on two servers cannot undo each other. A number of fixed width follows, in the order of founding.
const (
	keyPrefix     = "fencing/key/"
	retiredPrefix = "fencing/retired/"
	revokedPrefix = "fencing/revoked/"
)

// record is one key as it is stored.
type record struct {
	Seed      []byte        `json:"seed"` // of the Ed25519 key, 32 bytes
	NotBefore time.Time     `json:"notBefore"`
	Status    paseto.Status `json:"status"` // when founded: active
}

func numbered(prefix string, n int) string { return fmt.Sprintf("%s%010d", prefix, n) }

// stored reads the keys of a state, in the order of their founding: the key at i has the number i.
func stored(st *znode.State) (keys []record, err error) {
	st.EachSecret(keyPrefix, func(name string, data []byte) {
		var r record
		if jerr := json.Unmarshal(data, &r); jerr != nil || len(r.Seed) != ed25519.SeedSize || name != numbered(keyPrefix, len(keys)) {
			err = errors.Join(err, fmt.Errorf("tokens: the signing key %s is damaged, or one before it is missing (%v)", name, jerr))
			return
		}
		switch {
		case st.Secret(numbered(revokedPrefix, len(keys))) != nil:
			r.Status = paseto.Revoked
		case st.Secret(numbered(retiredPrefix, len(keys))) != nil:
			r.Status = paseto.Retired
		}
		keys = append(keys, r)
	})
	return keys, err
}

// put is a record that is written once.
func put(name string, data []byte) *znode.Txn {
	return &znode.Txn{Op: znode.Op{Kind: znode.KindPutSecret, Path: name, Data: data, Version: 0}}
}

// Found is the transaction that founds the first key; nil if there is one. random is where the key comes from: crypto/rand.Reader.
func Found(st *znode.State, random io.Reader, now time.Time) (*znode.Txn, error) {
	keys, err := stored(st)
	if err != nil || len(keys) > 0 {
		return nil, err
	}
	return newKey(0, random, now)
}

func newKey(n int, random io.Reader, notBefore time.Time) (*znode.Txn, error) {
	r := record{Seed: make([]byte, ed25519.SeedSize), NotBefore: notBefore.UTC().Truncate(time.Second), Status: paseto.Active}
	if _, err := io.ReadFull(random, r.Seed); err != nil {
		return nil, fmt.Errorf("tokens: draw a key: %w", err)
	}
	b, err := json.Marshal(r)
	return put(numbered(keyPrefix, n), b), err
}

// Rotate is the transactions that add a key and retire the active ones. Retired keys still verify: holders read their token again and get the same
// fence under the new key. If notBefore is ahead, the newest retired key goes on signing until then, so that verifiers have the time to learn the new
// one. revoke makes the old keys worth nothing instead, at once, for keys that were stolen.
func Rotate(st *znode.State, random io.Reader, notBefore time.Time, revoke bool) ([]*znode.Txn, error) {
	keys, err := stored(st)
	if err != nil {
		return nil, err
	}
	key, err := newKey(len(keys), random, notBefore)
	if err != nil {
		return nil, err
	}
	out := []*znode.Txn{key}
	for i, r := range keys {
		switch {
		case revoke && r.Status != paseto.Revoked:
			out = append(out, put(numbered(revokedPrefix, i), []byte{1}))
		case !revoke && r.Status == paseto.Active:
			out = append(out, put(numbered(retiredPrefix, i), []byte{1}))
		}
	}
	return out, nil
}

// KeySet is the public side of the newest paseto.MaxKeys keys, which is as many as verifiers take; a token by an older one is refused, as if it were revoked.
// Its serial rises with every change, since keys are only added and their status only falls.
func (k *Keeper) KeySet(st *znode.State) (paseto.KeySet, error) {
	set := paseto.KeySet{Cluster: k.lineage().Cluster}
	keys, err := stored(st)
	if err != nil {
		return set, err
	}
	for _, r := range keys {
		signer, err := paseto.NewSigner(ed25519.NewKeyFromSeed(r.Seed))
		if err != nil {
			return set, err
		}
		key := signer.Key(r.NotBefore)
		key.Status = r.Status
		set.Keys = append(set.Keys, key)
		set.Serial++
		switch r.Status {
		case paseto.Retired:
			set.Serial++
		case paseto.Revoked:
			set.Serial += 2
		}
	}
	set.Keys = set.Keys[max(0, len(set.Keys)-paseto.MaxKeys):]
	return set, nil
}

// signer is the newest key that has begun, or, by the clock of a server that is behind, the newest one.
func (k *Keeper) signer(st *znode.State, now time.Time) (*paseto.Signer, error) {
	keys, err := stored(st)
	if err != nil {
		return nil, err
	}
	best := -1
	for i, r := range keys {
		if r.Status != paseto.Revoked && (best < 0 || !r.NotBefore.After(now) || keys[best].NotBefore.After(now)) {
			best = i
		}
	}
	if best < 0 {
		return nil, errors.New("tokens: there is no signing key yet")
	}
	if made := k.made.Load(); made != nil && bytes.Equal(made.seed, keys[best].Seed) {
		return made.signer, nil
	}
	s, err := paseto.NewSigner(ed25519.NewKeyFromSeed(keys[best].Seed))
	if err == nil {
		k.made.Store(&madeSigner{keys[best].Seed, s})
	}
	return s, err
}

// madeSigner spares a token the derivation of the key.
type madeSigner struct {
	seed   []byte
	signer *paseto.Signer
}
