package badgerfence

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/paddock-zk/paddock/fencing"
)

// KeyPrefix begins the key of every watermark; the scope's 16 bytes follow. Applications keep out of it.
const KeyPrefix = "\x00paddock/fence/"

// ErrUnsafeOptions refuses a database whose options cannot keep the promise.
var ErrUnsafeOptions = errors.New("badgerfence: unsafe options")

// In keeps the watermark in an update transaction.
func In(txn *badger.Txn) fencing.Watermarks { return watermarks{txn} }

// Update is db.Update that runs fn again, in a new transaction, when another one was faster, until it commits, fails or ctx ends.
func Update(ctx context.Context, db *badger.DB, fn func(txn *badger.Txn) error) error {
	switch o := db.Opts(); {
	case !o.DetectConflicts:
		return fmt.Errorf("%w: DetectConflicts is off, so a check and its write are not one step", ErrUnsafeOptions)
	case !o.SyncWrites && !o.InMemory:
		return fmt.Errorf("%w: SyncWrites is off, so an acknowledged watermark may be lost in a power cut", ErrUnsafeOptions)
	}
	for {
		err := db.Update(fn)
		if !errors.Is(err, badger.ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("badgerfence: given up among conflicts: %w", context.Cause(ctx))
		}
	}
}

type watermarks struct{ txn *badger.Txn }

// Raise is the fencing.Watermarks contract.
func (w watermarks) Raise(_ context.Context, c fencing.Claim) error {
	scope := c.Scope()
	key := append([]byte(KeyPrefix), scope[:]...)
	seen, found, err := w.load(key)
	if err != nil {
		return err
	}
	next, store, err := c.Judge(seen, found)
	if err != nil || !store {
		return err
	}
	if err := w.txn.Set(key, []byte(next.String())); err != nil {
		return fmt.Errorf("badgerfence: store the watermark of %s: %w", scope, err)
	}
	return nil
}

func (w watermarks) load(key []byte) (m fencing.Mark, found bool, err error) {
	item, err := w.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return m, false, nil
	}
	if err == nil {
		err = item.Value(func(v []byte) (e error) { m, e = fencing.ParseMark(string(v)); return e })
	}
	if err != nil {
		return m, false, fmt.Errorf("badgerfence: read the watermark: %w", err)
	}
	return m, true, nil
}
