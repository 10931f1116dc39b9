package folder

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// killed is what ends the making of a folder in the middle.
type killed struct{ step int }

// makeUntil makes a folder and is killed after a step; done is false if it was.
func makeUntil(t *testing.T, dir string, st *znode.State, step int) (done bool) {
	t.Helper()
	defer func() {
		if k := recover(); k != nil && k != (killed{step}) {
			panic(k)
		}
	}()
	f := newFolder{dir: dir, id: NewIdentity(1), st: st, after: func(i int) {
		if i == step {
			panic(killed{step})
		}
	}}
	if err := f.make(t.Context()); err != nil {
		t.Fatalf("killed after step %d: %v", step, err)
	}
	return true
}

// mayServe is what a server asks of a folder before it starts.
func mayServe(dir string) error {
	_, founded, err := LoadIdentity(dir)
	if err == nil {
		err = ClearUnfinished(dir, founded)
	}
	if err == nil && !founded {
		err = errors.New("it has no identity")
	}
	return err
}

// The making of a folder may end after any step: a server serves it whole or says what it is, and the same making goes through.
func TestNewFolderCutShort(t *testing.T) {
	var r znode.Result
	st := znode.NewState(znode.Options{})
	st.Apply(zxid.New(1, 1), 1, &znode.Txn{Op: znode.Op{Kind: znode.KindCreate, Path: "/a", ACL: []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}}}, &r)
	whole := 0
	for step, done := 0, false; !done; step++ {
		dir := filepath.Join(t.TempDir(), "new")
		done = makeUntil(t, dir, st, step)
		if f, err := Open(dir, "", slog.New(slog.DiscardHandler)); err == nil {
			if whole++; f.State.Digest() != st.Digest() {
				t.Errorf("killed after step %d: the folder holds another state", step)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		} else if step > 0 { // after step 0 there is nothing yet
			if err := mayServe(dir); err == nil || !strings.Contains(err.Error(), "cut short") {
				t.Errorf("killed after step %d: a server starts on what is left: %v", step, err)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, unfinished)); os.IsNotExist(err) && step > 0 {
			continue // all is done: nothing is made over it
		}
		makeUntil(t, dir, st, -1)
		f, err := Open(dir, "", slog.New(slog.DiscardHandler))
		if err != nil || f.State.Digest() != st.Digest() {
			t.Fatalf("killed after step %d, and made again: %v", step, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := mayServe(dir); err != nil {
			t.Errorf("killed after step %d, and made again: %v", step, err)
		}
	}
	if whole != 3 { // the identity is in; the place aside is gone; all is done
		t.Errorf("the folder was whole %d times", whole)
	}
}
