package tokens

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paddock-zk/paddock/fencing/paseto"
	"github.com/paddock-zk/paddock/znode"
)

// keyPrefix begins the names of the private records of keys; a number of fixed width follows, in the order of their founding.
const keyPrefix = "fencing/key/"

// record is one key as it is stored.
type record struct {
	Seed      []byte        `json:"seed"` // of the Ed25519 key, 32 bytes
	NotBefore time.Time     `json:"notBefore"`
	Status    paseto.Status `json:"status"`
}

func keyName(n int) string { return fmt.Sprintf("%s%010d", keyPrefix, n) }

// stored reads the keys of a state, in the order of their founding.
func stored(st *znode.State) (names []string, keys []record, err error) {
	st.EachSecret(keyPrefix, func(name string, data []byte) {
		var r record
		if jerr := json.Unmarshal(data, &r); jerr != nil || len(r.Seed) != ed25519.SeedSize {
			err = errors.Join(err, fmt.Errorf("tokens: the signing key %s is damaged (%v)", name, jerr))
			return
		}
		names, keys = append(names, name), append(keys, r)
	})
	return names, keys, err
}

func put(name string, r record, version int32) (znode.Op, error) {
	b, err := json.Marshal(r)
	return znode.Op{Kind: znode.KindPutSecret, Path: name, Data: b, Version: version}, err
}

// Found is the transaction that founds the first key; nil if there is one. random is where the key comes from: crypto/rand.Reader.
func Found(st *znode.State, random io.Reader, now time.Time) (*znode.Txn, error) {
	names, _, err := stored(st)
	if err != nil || len(names) > 0 {
		return nil, err
	}
	op, err := newKey(0, random, now)
	return &znode.Txn{Op: op}, err
}

func newKey(n int, random io.Reader, notBefore time.Time) (znode.Op, error) {
	r := record{Seed: make([]byte, ed25519.SeedSize), NotBefore: notBefore.UTC().Truncate(time.Second), Status: paseto.Active}
	if _, err := io.ReadFull(random, r.Seed); err != nil {
		return znode.Op{}, fmt.Errorf("tokens: draw a key: %w", err)
	}
	return put(keyName(n), r, 0)
}

// Rotate is the transactions that add a key and retire the active ones. Retired keys still verify: holders read their token again
// and get the same fence under the new key. revoke makes them worth nothing instead, for keys that were stolen.
func Rotate(st *znode.State, random io.Reader, now time.Time, revoke bool) ([]*znode.Txn, error) {
	names, keys, err := stored(st)
	if err != nil {
		return nil, err
	}
	var next int
	if n := len(names); n > 0 {
		if _, err := fmt.Sscanf(names[n-1], keyPrefix+"%d", &next); err != nil {
			return nil, fmt.Errorf("tokens: key record %q: %w", names[n-1], err)
		}
		next++
	}
	op, err := newKey(next, random, now)
	if err != nil {
		return nil, err
	}
	out := []*znode.Txn{{Op: op}}
	for i, r := range keys {
		to := paseto.Retired
		if revoke {
			to = paseto.Revoked
		}
		if r.Status == to || r.Status == paseto.Revoked {
			continue
		}
		r.Status = to
		op, err := put(names[i], r, -1)
		if err != nil {
			return nil, err
		}
		out = append(out, &znode.Txn{Op: op})
	}
	return out, nil
}

// KeySet is the public side of the keys. Its serial rises with every change, since keys are only added and their status only falls.
func (k *Keeper) KeySet(st *znode.State) (paseto.KeySet, error) {
	set := paseto.KeySet{Cluster: k.lineage.Cluster}
	_, keys, err := stored(st)
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
	return set, nil
}

// signer is the newest active key.
func signer(st *znode.State) (*paseto.Signer, error) {
	_, keys, err := stored(st)
	if err != nil {
		return nil, err
	}
	for i := len(keys) - 1; i >= 0; i-- {
		if keys[i].Status == paseto.Active {
			return paseto.NewSigner(ed25519.NewKeyFromSeed(keys[i].Seed))
		}
	}
	return nil, errors.New("tokens: there is no signing key yet")
}
