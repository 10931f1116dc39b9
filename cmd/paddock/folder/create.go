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

// DeriveIdentity is the identity after an import or a restore. It is made of what was read and of nothing else, so that all servers of an
// ensemble that read the same agree.
func DeriveIdentity(what string, seed []byte, z zxid.ID, generation uint32, server int) (Identity, error) {
	if generation > zxid.MaxGeneration {
		return Identity{}, fmt.Errorf("this would be generation %d of the zxids, and there are %d: begin a new cluster by copying the znodes with export and import of a subtree", generation, zxid.MaxGeneration)
	}
	h := sha256.New()
	io.WriteString(h, "paddock "+what)
	h.Write(seed)
	binary.Write(h, binary.BigEndian, int64(z))
	binary.Write(h, binary.BigEndian, generation)
	sum := h.Sum(nil)
	return Identity{Format: 1, Lineage: lineage.Lineage{Cluster: lineage.ID(sum[:16]), Incarnation: lineage.ID(sum[16:])}, Generation: generation, Server: server}, nil
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
