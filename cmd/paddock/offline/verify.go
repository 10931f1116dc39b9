// Package offline is the verbs that work on files without a server: look at data folders and backups (inspect, verify), make folders (import, snapshot
// restore, recover), write them elsewhere (export), skip a transaction (log skip), make certificates (certs). One of them asks a server:
// snapshot save, for the backup that the others then check.
//
// A folder is opened, and made, by package folder; here are the words, the questions before something is lost, and the reports.
package offline

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

func VerifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check every file of a data folder, or one backup, without changing anything",
		ArgsUsage: "[FILE...]",
		Description: `   paddock verify --data-dir /var/lib/paddock     identity, log, checkpoints, database (its tables and its digest)
   paddock verify backup.img                      a file made by snapshot save
   paddock verify /var/lib/paddock/identity

Beside a running server files come and go while they are read: what is found damaged then is checked again with the server stopped, and the digest of the
database is checked only then.

Exit codes: 0 all is well, 1 something is damaged (named with file and offset), 2 wrong usage.`,
		Flags:  tool.OfflineFlags(dataDirFlag("data folder"), logDirFlag()),
		Action: verifyAction,
	}
}

// fileReport is what is said of one file, or of a folder of files that belong together.
type fileReport struct {
	File        string `json:"file"`
	Kind        string `json:"kind"` // identity, log, database, checkpoint
	Good        bool   `json:"good"`
	Records     int    `json:"records"`
	Zxid        string `json:"zxid,omitempty"`
	Cluster     string `json:"cluster,omitempty"`
	Incarnation string `json:"incarnation,omitempty"`
	Digest      string `json:"digest,omitempty"`     // of the database
	Unchecked   string `json:"notChecked,omitempty"` // what could not be
	Error       string `json:"error,omitempty"`
	text        string
}

// failed is the report of a damaged file.
func (r fileReport) failed(err error) (fileReport, error) {
	r.Good, r.Error = false, err.Error()
	return r, err
}

// without is the report of a file of which something could not be checked.
func (r fileReport) without(what string) fileReport {
	r.Unchecked = what
	r.text += "; not checked: " + what
	return r
}

func verifyAction(c *cli.Context) error {
	words, out, err := tool.Begin(c, 0, -1)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return verifyFiles(out, words)
	}
	return verifyFolder(out, c.String("data-dir"), c.String("log-dir"))
}

// verifyFiles prints what each file is. Damage goes to standard error, at the end.
func verifyFiles(out tool.Out, files []string) error {
	var list []fileReport
	var errs []error
	for _, f := range files {
		r, err := verifyFile(f)
		list, errs = append(list, r), append(errs, err)
	}
	return errors.Join(append(errs, verifyPrint(out, list))...)
}

func verifyPrint(out tool.Out, list []fileReport) error {
	if done, err := out.Structured(list); done {
		return err
	}
	for _, r := range list {
		if r.Good {
			fmt.Fprintf(out.Writer, "%s: good, %s\n", r.File, r.text)
		}
	}
	return nil
}

// verifyFile checks one file by what it is.
func verifyFile(file string) (fileReport, error) {
	switch base := filepath.Base(file); {
	case base == folder.IdentityFile:
		return verifyIdentity(filepath.Dir(file))
	case strings.HasSuffix(base, ".log"):
		return fileReport{File: file, Kind: "log"}.failed(fmt.Errorf("%s: a file of the log is checked together with the others: verify --data-dir", file))
	}
	return verifyImage(file)
}

func verifyImage(file string) (fileReport, error) {
	r := fileReport{File: file, Kind: "checkpoint", Good: true}
	h, err := store.VerifyImage(file, znode.NewChecker(), func(_, _ []byte) error { r.Records++; return nil })
	if err != nil {
		return r.failed(fmt.Errorf("%s: %w", file, err))
	}
	r.Zxid, r.text = h.Zxid.String(), fmt.Sprintf("%d records at zxid %s", r.Records, h.Zxid)
	if h.Identity != (lineage.Lineage{}) { // else the state in it says
		r.Cluster, r.Incarnation = h.Identity.Cluster.String(), h.Identity.Incarnation.String()
		r.text += fmt.Sprintf(", cluster %s incarnation %s", r.Cluster, r.Incarnation)
	}
	return r, nil
}

func verifyIdentity(dir string) (fileReport, error) {
	r := fileReport{File: filepath.Join(dir, folder.IdentityFile), Kind: "identity", Good: true, Records: 1}
	id, err := folder.IdentityOf(dir)
	if err != nil {
		return r.failed(err)
	}
	r.text = fmt.Sprintf("server %d, generation %d; cluster and incarnation are in the state", id.Server, id.Generation)
	if id.Format == 1 {
		r.Cluster, r.Incarnation = id.Cluster.String(), id.Incarnation.String()
		r.text = fmt.Sprintf("server %d of cluster %s, incarnation %s, generation %d", id.Server, id.Cluster, id.Incarnation, id.Generation)
	}
	return r, nil
}

func verifyLog(dir string) (fileReport, error) {
	r := fileReport{File: dir, Kind: "log", Good: true}
	rep, err := txnlog.Inspect(txnlog.OS{}, dir, func(txnlog.Location, *txnlog.Record) error { r.Records++; return nil })
	if err != nil {
		return r.failed(err)
	}
	r.Zxid = rep.Last.String()
	r.text = fmt.Sprintf("%d records up to zxid %s", r.Records, r.Zxid)
	if rep.Torn > 0 {
		r.text += fmt.Sprintf(", and %d bytes of a torn write at the end, which the next start cuts off", rep.Torn)
	}
	return r, nil
}

// verifyDatabase checks the tables, and sums the records up to the digest at which the database was left. While a server writes to it there is no
// such moment: then the digest is not checked, which is said.
func verifyDatabase(dir, log string) (fileReport, error) {
	r := fileReport{File: filepath.Join(dir, "badger"), Kind: "database", Good: true, text: "its tables hold together"}
	rebuilt := func(err error) (fileReport, error) {
		return r.failed(fmt.Errorf("%s: %w (the next start rebuilds the database from a checkpoint and the log)", r.File, err))
	}
	if err := store.VerifyTables(dir); err != nil {
		return rebuilt(err)
	}
	lock, err := txnlog.LockDir(txnlog.OS{}, log)
	if errors.As(err, new(*txnlog.LockedError)) {
		return r.without("its digest: a server writes to it"), nil
	}
	if err != nil {
		return r.without("its digest: " + err.Error()), nil
	}
	id, err := folder.IdentityOf(filepath.Dir(dir))
	if err != nil {
		return r.failed(errors.Join(err, lock.Close()))
	}
	sum := znode.NewChecker()
	z, err := store.VerifyDatabase(dir, id.StoreOptions(slog.New(slog.DiscardHandler)), sum, func() { _ = lock.Close() })
	if errors.Is(err, store.ErrRebuild) {
		return rebuilt(err)
	}
	if errors.Is(err, store.ErrForeign) || errors.Is(err, store.ErrNewer) {
		return r.failed(err)
	}
	if err != nil {
		return r.without("its digest: " + err.Error()), nil
	}
	r.Zxid, r.Digest = z.String(), fmt.Sprintf("%016x", sum.Digest())
	r.text = fmt.Sprintf("its records add up to the digest %s at zxid %s", r.Digest, r.Zxid)
	return r, nil
}

func verifyFolder(out tool.Out, dir, logDir string) error {
	if _, err := folder.IdentityOf(dir); err != nil {
		return err
	}
	var list []fileReport
	var errs []error
	add := func(r fileReport, err error) { list, errs = append(list, r), append(errs, err) }
	add(verifyIdentity(dir))
	add(verifyLog(filepath.Join(folder.LogDir(dir, logDir), "log")))
	images, err := store.Checkpoints(filepath.Join(dir, "state"))
	errs = append(errs, err)
	for _, i := range images {
		add(verifyImage(i.Path))
	}
	add(verifyDatabase(filepath.Join(dir, "state"), filepath.Join(folder.LogDir(dir, logDir), "log")))
	return errors.Join(append(errs, verifyPrint(out, list))...)
}
