package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// unfinished is where a new data folder is made, inside of itself: what has this in it is nobody's, and the next try begins again.
const unfinished = "unfinished"

// newFolder is the data folder of a server that begins with a state made elsewhere: by import, restore or recover. The first epoch that it opens
// is in the identity's generation, above everything that the state has seen. All is made aside and moved in at the end, the identity last: without
// it the folder is nobody's, and while the place aside is there, nobody was told that it is made. So a second try works after any end of the first.
type newFolder struct {
	dir      string
	id       identity
	st       *znode.State
	ensemble zab.Ensemble
	after    func(step int) // what a test does after each step; nil: nothing
}

// createFolder makes a data folder.
func createFolder(ctx context.Context, dir string, id identity, st *znode.State, ensemble zab.Ensemble) error {
	f := newFolder{dir: dir, id: id, st: st, ensemble: ensemble}
	err := f.make(ctx)
	if err != nil {
		_ = emptyFolder(dir) // a second try works anyway
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
		func() error { return emptyFolder(f.dir) },
		func() error { return txnlog.OS{}.MkdirAll(making) }, // which syncs
		func() error { return f.writeState(ctx, aside("state")) },
		func() error { return f.writeLog(aside("log")) },
		func() error { return f.id.store(making) },
		ctx.Err, // from here on it is kept
		moveIn("state"),
		moveIn("log"),
		moveIn(identityFile),
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

// emptyFolder refuses a folder that holds something, and clears away what an unfinished try has left.
func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Name() != "lost+found" && e.Name() != "myid" { // a mount point, a server that has its number already
			names = append(names, e.Name())
		}
	}
	switch {
	case len(names) == 0:
		return nil
	case !slices.Contains(names, unfinished):
		return fmt.Errorf("%s is not empty: give a folder that does not exist yet", dir)
	}
	for _, name := range []string{identityFile, "log", "state", unfinished} { // the sign that it is nobody's goes last
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
	s, err := store.Open(dir, f.id.ofStore(slog.New(slog.DiscardHandler)))
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
	l, err := txnlog.Open(txnlog.OS{}, dir, f.id.ofLog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	err = l.Reset(zab.SnapshotMeta{Zxid: f.st.LastZxid(), Ensemble: f.ensemble})
	return errors.Join(err, l.Close())
}

// rebornIdentity is the identity after an import or a restore. It is made of what was read and of nothing else, so that all servers of an
// ensemble that read the same agree.
func rebornIdentity(what string, seed []byte, z zxid.ID, generation uint32, server int) (identity, error) {
	if generation > zxid.MaxGeneration {
		return identity{}, fmt.Errorf("this would be generation %d of the zxids, and there are %d: begin a new cluster by copying the znodes with export and import of a subtree", generation, zxid.MaxGeneration)
	}
	h := sha256.New()
	io.WriteString(h, "paddock "+what)
	h.Write(seed)
	binary.Write(h, binary.BigEndian, int64(z))
	binary.Write(h, binary.BigEndian, generation)
	sum := h.Sum(nil)
	return identity{Format: 1, Cluster: hex.EncodeToString(sum[:16]), Incarnation: hex.EncodeToString(sum[16:]), Generation: generation, Server: server}, nil
}

// bornReport is what import, restore and recover say of the folder that they made.
type bornReport struct {
	DataDir     string `json:"dataDir"`
	Server      int    `json:"server"`
	Znodes      int    `json:"znodes"`
	Sessions    int    `json:"sessions"`
	Zxid        string `json:"zxid"`
	Cluster     string `json:"cluster"`
	Incarnation string `json:"incarnation"`
	Generation  uint32 `json:"generation"`
}

func bornOf(dir string, id identity, st *znode.State) bornReport {
	return bornReport{dir, id.Server, st.NodeCount() - 1, st.SessionCount(), st.LastZxid().String(), id.Cluster, id.Incarnation, id.Generation}
}

func (b bornReport) print(out tool.Out, text string) error {
	return out.Line(b, fmt.Sprintf("%s\nincarnation %s, generation %d\nnext: paddock serve --data-dir %s", text, b.Incarnation, b.Generation, b.DataDir))
}

// madeNothing words the failure of createFolder.
func madeNothing(ctx context.Context, verb, dir string, err error) error {
	if ctx.Err() != nil {
		return &tool.Error{Tried: verb, Happened: "interrupted: nothing was kept", Code: tool.ExitInterrupt, Cause: err}
	}
	todo := "nothing was kept: try again when that is mended"
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, store.ErrNoSpace) {
		todo = "nothing was kept: make room there, or give --data-dir on another disk"
	}
	return &tool.Error{Tried: verb + ": make " + dir, Happened: strings.ReplaceAll(err.Error(), "\n", "; "), Todo: todo, Code: 1, Cause: err}
}
