package folder

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

// Folder is a data folder that no server runs on: it holds the locks of the log and of the database until Close.
type Folder struct {
	dir   string
	ID    Identity
	Log   *txnlog.Log
	store *store.Store
	State *znode.State
}

// Open opens the data of a stopped server and brings the state up to the end of its log. On a member of an ensemble the tail may
// hold transactions that were never committed.
func Open(dir, logDir string, log *slog.Logger) (*Folder, error) {
	f, err := OpenStored(dir, logDir, log)
	if err != nil {
		return nil, err
	}
	if err := f.replay(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// OpenStored is Open without the replay: the state is as far as it was written.
func OpenStored(dir, logDir string, log *slog.Logger) (*Folder, error) {
	id, err := IdentityOf(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{dir: dir, ID: id}
	if f.Log, err = txnlog.Open(txnlog.OS{}, filepath.Join(LogDir(dir, logDir), "log"), id.LogOptions(log)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if f.store, f.State, err = store.OpenState(filepath.Join(dir, "state"), id.StoreOptions(log), store.Span{Base: f.Log.Base().Zxid, Last: f.Log.Last()}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l, err := f.Lineage()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	f.store.Name(l)
	return f, nil
}

// IdentityOf reads the identity of a folder, which must be the data folder of a server.
func IdentityOf(dir string) (Identity, error) {
	id, ok, err := LoadIdentity(dir)
	if err == nil && !ok {
		err = fmt.Errorf("%s is not the data folder of a Paddock server (there is no file %q in it): check --data-dir", dir, IdentityFile)
	}
	return id, err
}

func LogDir(dir, logDir string) string {
	if logDir == "" {
		return dir
	}
	return logDir
}

func (i *Identity) LogOptions(log *slog.Logger) txnlog.Options {
	peer, _ := zab.PeerOf(int64(i.Server)) // it was checked when it was read
	return txnlog.Options{Identity: txnlog.Identity{Lineage: i.Lineage, Peer: peer}, Logger: log}
}

func (i *Identity) StoreOptions(log *slog.Logger) store.Options {
	return store.Options{Identity: i.Lineage, Logger: log}
}

// Lineage is the cluster and the incarnation of the folder's history; the zero value if its ensemble has not been founded yet.
func (f *Folder) Lineage() (lineage.Lineage, error) {
	l, ok, err := tokens.LineageOf(f.State)
	if err != nil || !ok {
		return f.ID.Lineage, err
	}
	return l, nil
}

// replay applies what the log holds behind the state.
func (f *Folder) replay() error {
	for {
		entries, err := f.Log.Entries(f.State.LastZxid(), 4<<20)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if len(entries) == 0 {
			return nil
		}
		server.Replay(f.State, entries)
	}
}

// Close releases the folder.
func (f *Folder) Close() error {
	var errs []error
	if f.store != nil {
		errs = append(errs, f.store.Close())
	}
	if f.Log != nil {
		errs = append(errs, f.Log.Close())
	}
	return errors.Join(errs...)
}

// After counts the transactions behind z.
func (f *Folder) After(z zxid.ID) (int, error) {
	n := 0
	for {
		entries, err := f.Log.Entries(z, 4<<20)
		if errors.Is(err, zab.ErrCompacted) || err == nil && len(entries) == 0 {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		for i := range entries {
			if entries[i].Kind != zab.EntryNewLeader {
				n++
			}
			z = entries[i].Zxid
		}
	}
}

// RefuseForeign refuses a folder that holds the data of an Apache ZooKeeper and none of Paddock: to a server it would look empty.
func RefuseForeign(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, IdentityFile)); err == nil {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(dir, "version-2"))
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s holds the data of a ZooKeeper server: to take it over run `paddock import --from %s --data-dir NEW-FOLDER` and serve from there; to start empty, give an empty folder", dir, dir)
}
