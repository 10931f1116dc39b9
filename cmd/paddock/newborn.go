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
)

// unfinished is where a new data folder is made, inside of itself: what has this in it is nobody's, and the next try begins again.
const unfinished = "unfinished"

// createFolder makes the data folder of a server that begins with a state made elsewhere: by import, restore or recover. The first epoch that
// it opens is in the identity's generation, above everything that the state has seen. All is made aside and moved in at the end, the identity
// last: without it the folder is nobody's, and a second try works after any end of the first.
func createFolder(ctx context.Context, dir string, id identity, st *znode.State, ensemble zab.Ensemble) error {
	if err := emptyFolder(dir); err != nil {
		return err
	}
	making := filepath.Join(dir, unfinished)
	if err := os.MkdirAll(making, 0o755); err != nil {
		return err
	}
	err := fillFolder(ctx, making, id, st, ensemble)
	for _, name := range []string{"state", "log", identityFile} {
		if err == nil {
			err = os.Rename(filepath.Join(making, name), filepath.Join(dir, name))
		}
	}
	if err == nil {
		err = errors.Join(os.Remove(making), syncFolder(dir))
	}
	if err != nil {
		_ = emptyFolder(dir) // a second try works anyway
	}
	return err
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
	case slices.Contains(names, unfinished) && !slices.Contains(names, identityFile):
		return errors.Join(os.RemoveAll(filepath.Join(dir, "state")), os.RemoveAll(filepath.Join(dir, "log")), os.RemoveAll(filepath.Join(dir, unfinished)))
	}
	return fmt.Errorf("%s is not empty: give a folder that does not exist yet", dir)
}

// fillFolder writes state, log and identity.
func fillFolder(ctx context.Context, dir string, id identity, st *znode.State, ensemble zab.Ensemble) error {
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(filepath.Join(dir, "state"), id.ofStore(log))
	if err != nil {
		return err
	}
	if err = ctx.Err(); err == nil {
		err = s.Rebuild(st)
	}
	if err == nil {
		_, err = s.Checkpoint(ctx, nil)
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	l, err := txnlog.Open(txnlog.OS{}, filepath.Join(dir, "log"), id.ofLog(log))
	if err != nil {
		return err
	}
	err = l.Reset(zab.SnapshotMeta{Zxid: st.LastZxid(), Ensemble: ensemble})
	if err = errors.Join(err, l.Close(), ctx.Err()); err != nil {
		return err
	}
	return id.store(dir)
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
