package tokens

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/paseto"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

func (w *world) rotate(seed byte, from time.Time, revoke bool) {
	w.Helper()
	txns, err := Rotate(w.st, draw(seed), from, revoke)
	if err != nil {
		w.Fatal(err)
	}
	for _, t := range txns {
		w.apply(t)
	}
}

func TestKeysAreFoundedOnce(t *testing.T) {
	w := newWorld(t)
	w.session(alice)
	w.create(alice, "/leader", znode.ModeEphemeral)
	if text, _, code := w.ask(alice, "/leader"); code != znode.ErrSystem || text != "" {
		t.Errorf("without a key: %v %q", code, text)
	}
	if k := w.keySet(); len(k.Keys) != 0 || k.Serial != 0 {
		t.Errorf("%+v", k)
	}
	mine, err1 := Found(w.st, draw(1), w.now)
	yours, err2 := Found(w.st, draw(2), w.now) // two leaders who both saw none
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	w.must(mine)
	if r := w.apply(yours); r.Code != znode.ErrNodeExists {
		t.Errorf("the second founding: %v", r.Code)
	}
	want := paseto.KeyID(ed25519.NewKeyFromSeed(mustRead(draw(1))).Public().(ed25519.PublicKey))
	if k := w.keySet(); len(k.Keys) != 1 || k.Keys[0].ID != want || k.Keys[0].Status != paseto.Active {
		t.Errorf("%+v", k)
	}
	if again, err := Found(w.st, draw(3), w.now); again != nil || err != nil {
		t.Errorf("a third founding: %v %v", again, err)
	}
}

func mustRead(r interface{ Read([]byte) (int, error) }) []byte {
	b := make([]byte, 32)
	_, _ = r.Read(b)
	return b
}

func TestRotation(t *testing.T) {
	w := newLocks(t)
	node := w.create(alice, "/l/lock-", seq)
	text, _, _ := w.ask(alice, node)
	old, serial := w.token(alice, node), w.keySet().Serial
	w.rotate(8, w.now, false)
	if w.statuses() != "retired active " || w.keySet().Serial <= serial {
		t.Errorf("%s, serial %d after %d", w.statuses(), w.keySet().Serial, serial)
	}
	if _, err := w.verifier().Verify(text); err != nil {
		t.Errorf("a retired key verifies no more: %v", err)
	}
	renewed, _, _ := w.ask(alice, node)
	if _, kid, _ := paseto.Inspect(renewed); kid != w.keySet().Keys[1].ID {
		t.Errorf("signed by %s", kid)
	}
	if now := w.token(alice, node); now != old {
		t.Errorf("rotation changed the grant: %v %v", old, now)
	}
	serial = w.keySet().Serial
	w.rotate(9, w.now, true)
	if w.statuses() != "revoked revoked active " || w.keySet().Serial <= serial {
		t.Errorf("%s, serial %d after %d", w.statuses(), w.keySet().Serial, serial)
	}
	for _, stolen := range []string{text, renewed} {
		if _, err := w.verifier().Verify(stolen); !errors.Is(err, fencing.ErrUnverified) {
			t.Errorf("a revoked key verifies: %v", err)
		}
	}
	if now := w.token(alice, node); now != old {
		t.Errorf("revocation changed the grant: %v %v", old, now)
	}
}

// A verifier takes a bounded key set: however often keys were rotated, the served one is as large at most, and its newest key is the one that signs.
func TestManyRotations(t *testing.T) {
	w := newLocks(t)
	node := w.create(alice, "/l/lock-", seq)
	serial := w.keySet().Serial
	for i := range paseto.MaxKeys + 6 {
		w.rotate(byte(100+i), w.now, false)
		if now := w.keySet().Serial; now <= serial {
			t.Fatalf("rotation %d: serial %d after %d", i, now, serial)
		} else {
			serial = now
		}
	}
	doc, err := w.keySet().Document("")
	if err != nil {
		t.Fatal(err)
	}
	var read paseto.KeySet
	if err := json.Unmarshal(doc, &read); err != nil || len(read.Keys) != paseto.MaxKeys {
		t.Fatalf("%d keys: %v", len(read.Keys), err)
	}
	w.token(alice, node)
}

// A key that is published ahead of time is known to the verifiers before anything is signed with it.
func TestRotationAnnounced(t *testing.T) {
	w := newLocks(t)
	node := w.create(alice, "/l/lock-", seq)
	by := func() int {
		text, _, _ := w.ask(alice, node)
		_, kid, _ := paseto.Inspect(text)
		for i, k := range w.keySet().Keys {
			if k.ID == kid {
				return i
			}
		}
		return -1
	}
	before := w.verifier()
	w.rotate(8, w.now.Add(time.Hour), false)
	if text, _, _ := w.ask(alice, node); by() != 0 {
		t.Errorf("signed by key %d at once", by())
	} else if _, err := before.Verify(text); err != nil {
		t.Errorf("a verifier that has not heard of it yet: %v", err)
	}
	w.now = w.now.Add(time.Hour)
	if by() != 1 {
		t.Errorf("signed by key %d after its time", by())
	}
	w.token(alice, node)
	w.now = w.now.Add(-2 * time.Hour) // a server whose clock is behind all keys still signs
	if by() != 1 {
		t.Errorf("signed by key %d before all times", by())
	}
}

// What two servers ask at the same time, each from what it saw, comes out the same in both orders: a key that was revoked stays so.
func TestRotationsAtTheSameTime(t *testing.T) {
	for _, revokeFirst := range []bool{true, false} {
		w := newLocks(t)
		one, err1 := Rotate(w.st, draw(8), w.now, revokeFirst)
		two, err2 := Rotate(w.st, draw(9), w.now, !revokeFirst)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		last := w.keySet().Serial
		for _, txn := range append(one, two...) {
			w.apply(txn)
			if now := w.keySet().Serial; now < last {
				t.Errorf("the serial fell from %d to %d", last, now)
			} else {
				last = now
			}
		}
		if w.statuses() != "revoked active " {
			t.Errorf("revoke first %v: %s", revokeFirst, w.statuses())
		}
	}
}

// The keys are part of the state's image: a server that loads it signs like the one that wrote it.
func TestKeysAreInTheImage(t *testing.T) {
	w := newLocks(t)
	w.rotate(8, w.now, false)
	node := w.create(alice, "/l/lock-", seq)
	token := w.token(alice, node)
	other := znode.NewState(znode.Options{})
	other.BeginLoad()
	if err := w.st.Dump(other.LoadRecord); err != nil {
		t.Fatal(err)
	}
	if err := other.EndLoad(); err != nil {
		t.Fatal(err)
	}
	w.st = other
	if w.token(alice, node) != token || w.statuses() != "retired active " {
		t.Errorf("%s", w.statuses())
	}
}

// No damaged key is passed over in silence: a set with a hole would tell verifiers an old story.
func TestDamagedKey(t *testing.T) {
	for name, data := range map[string]string{numbered(keyPrefix, 0): "{", numbered(keyPrefix, 1): `{"seed":"AAAA"}`, numbered(keyPrefix, 3): `{}`} {
		w := newLocks(t)
		w.must(&znode.Txn{Op: znode.Op{Kind: znode.KindPutSecret, Path: name, Data: []byte(data), Version: -1}})
		node := w.create(alice, "/l/lock-", seq)
		w.denied(alice, node, znode.ErrSystem)
		if _, _, code := w.keep.Read(w.st, 0, nil, KeysPath); code != znode.ErrSystem {
			t.Errorf("%s: %v", name, code)
		}
		if _, err := Rotate(w.st, draw(1), w.now, false); err == nil {
			t.Errorf("%s: rotated", name)
		}
		if _, err := Found(w.st, draw(1), w.now); err == nil {
			t.Errorf("%s: founded", name)
		}
	}
}

// A million grants of one lock, over elections, counters that roll over, restores and parents made anew: each token is above all before, and every
// hundredth is read as a client reads it, signed, and verified.
func TestMillionGrants(t *testing.T) {
	w := newLocks(t)
	verifier, last := w.verifier(), fencing.Token{}
	for n := range 1_000_000 {
		switch {
		case n%200_000 == 199_999: // restored from a backup: a generation and an incarnation more
			w.z = zxid.New(zxid.NewEpoch(w.z.Epoch().Generation()+1, 1), 0)
			w.reborn(byte(3 + n/200_000))
		case n%50_000 == 49_999: // the counter rolls over, which takes an election
			w.z = zxid.New(w.z.Epoch(), 1<<32-1) + 1
		case n%1000 == 999:
			w.z = zxid.New(w.z.Epoch()+1, 0)
		case n%5000 == 998:
			w.delete(alice, "/l")
			w.create(alice, "/l", znode.ModePersistent)
		}
		node := w.create(alice, "/l/lock-", seq)
		token, _, err := w.keep.grant(w.st, alice, node)
		if err != nil || token.Fence <= last.Fence {
			t.Fatalf("grant %d: %v is not after %v (%v)", n, token.Order(), last.Order(), err)
		}
		if last = token; n%100 == 0 {
			text, _, _ := w.ask(alice, node)
			if signed, err := verifier.Verify(text); err != nil || signed.Fence != token.Fence || signed.Incarnation != token.Incarnation {
				t.Fatalf("grant %d: signed is %v (%v), granted %v", n, signed, err, token)
			}
		}
		w.delete(alice, node)
	}
}
