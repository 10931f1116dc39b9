package badgerfence

import (
	"context"
	"errors"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

type store struct {
	g  *fencing.Guard
	db *badger.DB
}

func open(t testing.TB, g *fencing.Guard, change func(badger.Options) badger.Options) store {
	t.Helper()
	o := badger.DefaultOptions(t.TempDir()).WithLogger(nil).WithSyncWrites(true).WithMemTableSize(8 << 20).WithValueLogFileSize(16 << 20)
	if change != nil {
		o = change(o)
	}
	db, err := badger.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return store{g, db}
}

func (s store) Seal(ctx context.Context, t fencing.Token) error {
	return Update(ctx, s.db, func(txn *badger.Txn) error { return s.g.Seal(ctx, In(txn), t) })
}

func (s store) Enrol(ctx context.Context, floor fencing.Token) error {
	return Update(ctx, s.db, func(txn *badger.Txn) error { return s.g.Enrol(ctx, In(txn), floor) })
}

func (s store) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	return Update(ctx, s.db, func(txn *badger.Txn) error {
		if err := s.g.Check(ctx, In(txn), t); err != nil {
			return err
		}
		if between != nil {
			if err := between(); err != nil {
				return err
			}
		}
		return txn.Set([]byte(key), []byte(value))
	})
}

func (s store) SealAndRead(ctx context.Context, t fencing.Token, key string, begun func()) (v string, err error) {
	err = Update(ctx, s.db, func(txn *badger.Txn) error {
		if _, err := get(txn, key); err != nil {
			return err
		}
		begun()
		if err := s.g.Seal(ctx, In(txn), t); err != nil {
			return err
		}
		v, err = get(txn, key)
		return err
	})
	return v, err
}

func (s store) Read(_ context.Context, key string) (v string, err error) {
	err = s.db.View(func(txn *badger.Txn) error {
		v, err = get(txn, key)
		return err
	})
	return v, err
}

func get(txn *badger.Txn, key string) (v string, err error) {
	item, err := txn.Get([]byte(key))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	err = item.Value(func(b []byte) error { v = string(b); return nil })
	return v, err
}

func (s store) LoseWatermark(context.Context) error {
	scope := s.g.Scope()
	return s.db.Update(func(txn *badger.Txn) error { return txn.Delete(append([]byte(KeyPrefix), scope[:]...)) })
}

func TestConformance(t *testing.T) {
	fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store { return open(t, g, nil) })
}

func TestUnsafeOptionsAreRefused(t *testing.T) {
	g := fencingtest.NewWorld().Guard()
	for name, change := range map[string]func(badger.Options) badger.Options{
		"no conflict detection": func(o badger.Options) badger.Options { return o.WithDetectConflicts(false) },
		"no syncs":              func(o badger.Options) badger.Options { return o.WithSyncWrites(false) },
	} {
		if err := open(t, g, change).Enrol(t.Context(), fencing.Token{}); !errors.Is(err, ErrUnsafeOptions) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWatermarkSurvivesReopening(t *testing.T) {
	ctx, w, dir := t.Context(), fencingtest.NewWorld(), t.TempDir()
	at := func(o badger.Options) badger.Options { o.Dir, o.ValueDir = dir, dir; return o }
	s := open(t, w.Guard(), at)
	if err := errors.Join(s.Enrol(ctx, fencing.Token{}), s.Write(ctx, w.Token(20), "k", "v", nil), s.db.Close()); err != nil {
		t.Fatal(err)
	}
	again := open(t, w.Guard(), at)
	if err := again.Write(ctx, w.Token(19), "k", "stale", nil); !errors.Is(err, fencing.ErrStaleToken) {
		t.Fatalf("got %v", err)
	}
}
