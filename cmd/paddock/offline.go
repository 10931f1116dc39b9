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

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

// folder is a data folder that no server runs on: its locks are held until close.
type folder struct {
	dir   string
	id    identity
	log   *txnlog.Log
	home  *home
	state *znode.State
}

// openFolder opens the data of a stopped server and brings the state up to the end of its log. On a member of an ensemble the tail may
// hold transactions that were never committed.
func openFolder(dir, logDir string, log *slog.Logger) (*folder, error) {
	f, err := openStored(dir, logDir, log)
	if err != nil {
		return nil, err
	}
	if err := f.replay(); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// openStored is openFolder without the replay: the state is as far as it was written.
func openStored(dir, logDir string, log *slog.Logger) (*folder, error) {
	id, err := folderIdentity(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{dir: dir, id: id}
	if f.log, err = txnlog.Open(txnlog.OS{}, filepath.Join(logDirOf(dir, logDir), "log"), id.ofLog(log)); err != nil {
		return nil, errors.Join(err, f.close())
	}
	if f.home, f.state, err = openHome(filepath.Join(dir, "state"), id.ofStore(), span{f.log.Base().Zxid, f.log.Last()}, log); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// folderIdentity is the identity of a folder that must be a server's.
func folderIdentity(dir string) (identity, error) {
	id, ok, err := loadIdentity(dir)
	if err == nil && !ok {
		err = fmt.Errorf("%s is not the data folder of a Paddock server (there is no file %q in it): check --data-dir", dir, identityFile)
	}
	return id, err
}

func logDirOf(dir, logDir string) string {
	if logDir == "" {
		return dir
	}
	return logDir
}

func (i *identity) ofLog(log *slog.Logger) txnlog.Options {
	return txnlog.Options{Identity: txnlog.Identity{Cluster: i.cluster(), Incarnation: i.incarnation(), Peer: zab.PeerID(i.Server)}, Logger: log}
}

func (i *identity) ofStore() store.Identity {
	return store.Identity{Cluster: i.cluster(), Incarnation: i.incarnation()}
}

// replay applies what the log holds behind the state.
func (f *folder) replay() error {
	for {
		entries, err := f.log.Entries(f.state.LastZxid(), 4<<20)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if len(entries) == 0 {
			return nil
		}
		server.Replay(f.state, entries)
	}
}

// close gives the folder free.
func (f *folder) close() error {
	var errs []error
	if f.home != nil {
		errs = append(errs, f.home.store.Close())
	}
	if f.log != nil {
		errs = append(errs, f.log.Close())
	}
	return errors.Join(errs...)
}

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
	s, err := store.Open(filepath.Join(dir, "state"), store.Options{Identity: id.ofStore(), Logger: log})
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

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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

// bar is a progress bar on a terminal, and nothing elsewhere.
func bar(c *cli.Context, total int64, what string) *progressbar.ProgressBar {
	if toolBool(c, "no-progress") || !term.IsTerminal(int(os.Stderr.Fd())) {
		return progressbar.DefaultSilent(total, what)
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowBytes(true),
		progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100_000_000))
}
