package store

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// leftovers are the keys of a batch that a crash has cut short: written at a zxid for which no commit record exists. Nobody reads at such
// a zxid now, but the first batch that passes it would bring them to light, and they may be of no use by then (the state numbers its
// records as it likes, so the same node can have another key after a restart). Therefore every batch writes, for those of them that it
// does not write itself, what they were before: until one is at or after all of them.
type leftovers struct {
	keys   map[string]bool
	newest zxid.ID // the last zxid at which one was written
}

// find looks for versions after z, the newest commit.
func (l *leftovers) find(db *badger.DB, z zxid.ID) error {
	*l = leftovers{}
	if db.MaxVersion() <= uint64(z) {
		return nil
	}
	txn := db.NewTransactionAt(maxTs, false)
	defer txn.Discard()
	opt := badger.IteratorOptions{SinceTs: uint64(z), AllVersions: true}
	it := txn.NewIterator(opt)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		if item.Version() <= uint64(z) || string(item.Key()) == commitKey {
			continue
		}
		if l.keys == nil {
			l.keys = make(map[string]bool)
		}
		l.keys[string(item.Key())] = true
		l.newest = max(l.newest, zxid.ID(item.Version()))
	}
	return nil
}

// neutralize adds to w, the write of b, what the leftovers not in b were at last, the commit before.
func (l *leftovers) neutralize(db *badger.DB, w *badger.WriteBatch, b *Batch, last zxid.ID) error {
	if len(l.keys) == 0 {
		return nil
	}
	own := make(map[string]bool, len(b.ops))
	for i := range b.ops {
		own[string(b.ops[i].key)] = true
	}
	before := db.NewTransactionAt(uint64(last), false)
	defer before.Discard()
	for key := range l.keys {
		if own[key] {
			continue
		}
		o := op{key: []byte(key), del: true}
		item, err := before.Get(o.key)
		if err == nil {
			o.del = false
			o.value, err = item.ValueCopy(nil)
		}
		if err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
			return fmt.Errorf("read a record that a crash has left a newer version of: %w", err)
		}
		if err := writeOp(w, &o); err != nil {
			return err
		}
	}
	if b.Zxid >= l.newest {
		*l = leftovers{}
	}
	return nil
}
