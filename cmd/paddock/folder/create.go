package folder

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// unfinished is the subfolder in which a new data folder is made. A folder that has it belongs to no server, and the next try begins again.
const unfinished = "unfinished"

// newFolder is the data folder of a server that begins with a state made elsewhere: by import, restore or recover. The first epoch that it opens
// is in the identity's generation, above everything that the state has seen. All is made aside and moved in at the end, the identity last: without
// it the folder belongs to no server, and while the subfolder is there, no command has reported success. So a second try works after any end of the first.
type newFolder struct {
	dir      string
	id       Identity
	st       *znode.State
	ensemble zab.Ensemble
	after    func(step int) // called by a test after each step; nil otherwise
}

// Create makes a data folder: whole, or not at all.
func Create(ctx context.Context, dir string, id Identity, st *znode.State, ensemble zab.Ensemble) error {
	f := newFolder{dir: dir, id: id, st: st, ensemble: ensemble}
	err := f.make(ctx)
	if err != nil {
		_ = Empty(dir) // a second try works anyway
	}
	return err
}

// make takes one step after another; each is durable before the next.
func (f *newFolder) make(ctx context.Context) error {
	making := filepath.Join(f.dir, unfinished)
	aside := func(name string) string { return filepath.Join(making, name) }
	moveIn := func(name string) func() error {
		return func() error { return atomicfile.Move(atomicfile.OS{}, aside(name), filepath.Join(f.dir, name)) }
	}
	steps := []func() error{
		func() error { return Empty(f.dir) },
		func() error { return txnlog.OS{}.MkdirAll(making) }, // which syncs
		func() error { return f.writeState(ctx, aside("state")) },
		func() error { return f.writeLog(aside("log")) },
		func() error { return f.id.Save(making) },
		ctx.Err, // from here on it is kept
		moveIn("state"),
		moveIn("log"),
		moveIn(IdentityFile),
		func() error { return errors.Join(os.Remove(making), atomicfile.OS{}.SyncDir(f.dir)) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return err
		}
		if f.after != nil {
			f.after(i)
		}
	}
	return nil
}

// Empty refuses a folder that holds something, and removes what an unfinished try has left in it.
func Empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Name() != "lost+found" && e.Name() != "myid" { // lost+found: the folder is a mount point; myid: the server has its number already
			names = append(names, e.Name())
		}
	}
	switch {
	case len(names) == 0:
		return nil
	case !slices.Contains(names, unfinished):
		return fmt.Errorf("%s is not empty: give a folder that does not exist yet", dir)
	}
	for _, name := range []string{IdentityFile, "log", "state", unfinished} { // the subfolder that marks it as unfinished goes last
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
		if err := (atomicfile.OS{}).SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// writeState makes the database, which need not survive a power cut, and an image, which must.
func (f *newFolder) writeState(ctx context.Context, dir string) error {
	s, err := store.Open(dir, f.id.StoreOptions(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	if err = ctx.Err(); err == nil {
		err = s.Rebuild(f.st)
	}
	if err == nil {
		_, err = s.CheckpointNow(ctx, nil)
	}
	return errors.Join(err, s.Close())
}

// writeLog makes a log that begins behind the image.
func (f *newFolder) writeLog(dir string) error {
	l, err := txnlog.Open(txnlog.OS{}, dir, f.id.LogOptions(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	err = l.Reset(zab.SnapshotMeta{Zxid: f.st.LastZxid(), Ensemble: f.ensemble})
	return errors.Join(err, l.Close())
}

// Copy is what a new folder is made of.
type Copy struct {
	Verb       string // import, restore, recover
	Seed       []byte // what is equal for all that are made of the same, and for no others
	Zxid       zxid.ID
	Generation uint32
	Cluster    lineage.ID // which goes on; zero draws a new one
}

// Identity makes the identity of a server that begins with the copy, and the copy of the state: all servers of an ensemble that read the same agree, so
// that they found one ensemble together, whose lineage its first leader draws. Ensembles that are founded apart have others.
func (c Copy) Identity(st *znode.State, server int) (Identity, error) {
	if c.Generation > zxid.MaxGeneration {
		return Identity{}, fmt.Errorf("this would be generation %d of the zxids, and there are %d: begin a new cluster by copying the znodes with export and import of a subtree", c.Generation, zxid.MaxGeneration)
	}
	h := sha256.New()
	io.WriteString(h, "paddock "+c.Verb)
	h.Write(c.Seed)
	binary.Write(h, binary.BigEndian, int64(c.Zxid))
	binary.Write(h, binary.BigEndian, c.Generation)
	sum := h.Sum(nil)
	peer, err := zab.PeerOf(int64(server))
	if err != nil {
		return Identity{}, fmt.Errorf("--id: %w", err)
	}
	id := NewIdentity(peer)
	id.Generation = c.Generation
	return id, tokens.MakeCopy(st, tokens.Origin{Cluster: c.Cluster, Source: lineage.ID(sum[:16])})
}

// ClearUnfinished refuses a folder that an import, a restore or a recovery has begun and not ended, and takes away the last sign of one that
// ended in all but that.
func ClearUnfinished(dir string, founded bool) error {
	making := filepath.Join(dir, unfinished)
	if _, err := os.Lstat(making); err != nil {
		return nil
	}
	if !founded {
		return fmt.Errorf("%s holds what an import, a restore or a recovery has left that was cut short: run it again with this folder, or give an empty one", dir)
	}
	if err := os.RemoveAll(making); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return atomicfile.OS{}.SyncDir(dir)
}
