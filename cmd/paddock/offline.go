package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

// folder is a data folder that no server runs on: its locks are held until close.
type folder struct {
	dir   string
	id    identity
	log   *txnlog.Log
	store *store.Store
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
	if f.store, f.state, err = store.OpenState(filepath.Join(dir, "state"), id.ofStore(log), store.Span{Base: f.log.Base().Zxid, Last: f.log.Last()}); err != nil {
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

func (i *identity) ofStore(log *slog.Logger) store.Options {
	return store.Options{Identity: store.Identity{Cluster: i.cluster(), Incarnation: i.incarnation()}, Logger: log}
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
	if f.store != nil {
		errs = append(errs, f.store.Close())
	}
	if f.log != nil {
		errs = append(errs, f.log.Close())
	}
	return errors.Join(errs...)
}

// bar is a progress bar on a terminal, and nothing elsewhere.
func bar(c *cli.Context, total int64, what string) *progressbar.ProgressBar {
	if tool.Bool(c, "no-progress") || !term.IsTerminal(int(os.Stderr.Fd())) {
		return progressbar.DefaultSilent(total, what)
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowBytes(true),
		progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100_000_000))
}

func dataDirFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "data-dir", Aliases: []string{"d"}, Usage: usage, Value: "paddock-data", EnvVars: []string{"PADDOCK_DATA_DIR"}}
}

func logDirFlag() cli.Flag {
	return &cli.StringFlag{Name: "log-dir", Usage: "its dataLogDir, if it has one of its own", EnvVars: []string{"PADDOCK_LOG_DIR"}}
}

func newDataDirFlag() cli.Flag {
	return &cli.StringFlag{Name: "data-dir", Aliases: []string{"d"}, Usage: "folder to make; must not exist or be empty", EnvVars: []string{"PADDOCK_DATA_DIR"}}
}

func serverIDFlag() cli.Flag {
	return &cli.IntFlag{Name: "id", Usage: "number of the server that will run on it", Value: 1, EnvVars: []string{"PADDOCK_ID"}}
}
