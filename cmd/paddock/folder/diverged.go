package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// divergedFile is the mark of a folder whose server has ended since its state differed from that of the majority. Its log and its state are evidence,
// and no server starts on them again.
const divergedFile = "diverged"

// divergence is what the mark says.
type divergence struct {
	Zxid     string `json:"zxid"`
	Digest   string `json:"digest"`         // of the state of this server after that transaction
	Majority string `json:"majorityDigest"` // of the states of the others
	Agree    int    `json:"agree"`          // so many servers have the majority's digest
	Asked    int    `json:"asked"`          // of so many that have reported theirs
}

// MarkDiverged marks the folder of a server that has ended with e.
func MarkDiverged(dir string, e *zab.DivergedError) error {
	b, err := json.MarshalIndent(divergence{e.Zxid.String(), fmt.Sprintf("%016x", e.Mine), fmt.Sprintf("%016x", e.Majority), e.Agree, e.Asked}, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, divergedFile), 0o600, append(b, '\n'))
}

// readMark reads the mark; ok is false if there is none.
func readMark(dir string) (d divergence, ok bool, err error) {
	file := filepath.Join(dir, divergedFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return d, false, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("data folder: %w", err)
	}
	if err := json.Unmarshal(b, &d); err != nil || d.Zxid == "" || filepath.Base(d.Zxid) != d.Zxid {
		return d, false, fmt.Errorf("%s is damaged: empty the whole data folder and let the others rebuild this server", file)
	}
	return d, true, nil
}

// RefuseDiverged refuses a folder that is marked.
func RefuseDiverged(dir string) error {
	d, ok, err := readMark(dir)
	if err != nil || !ok {
		return err
	}
	return fmt.Errorf("the state in %s is wrong: at zxid %s its digest is %s, and %d of %d servers had %s. Copy the folder if you want to find out why, check the memory and the disk of "+
		"this machine, and run `paddock refill --data-dir %s`: it puts log and state aside, and the other servers fill this one anew", dir, d.Zxid, d.Digest, d.Agree, d.Asked, d.Majority, dir)
}

// SetAside puts the log and the state of a marked folder aside, in a subfolder of theirs, and makes an empty log in their place: the ensemble fills the
// server when it starts. The evidence has a copy of the identity, so that it can be looked at as a data folder. It returns where it is. The mark goes last, so that a try that was cut short is made again.
func SetAside(dir, logDir string) (evidence []string, err error) {
	d, ok, err := readMark(dir)
	if err == nil && !ok {
		err = fmt.Errorf("the state in %s is not known to be wrong (there is no file %q in it), so nothing is put aside: to fill a server anew whatever its state, stop it and "+
			"empty its data folder", dir, divergedFile)
	}
	if err != nil {
		return nil, err
	}
	id, err := IdentityOf(dir)
	if err != nil {
		return nil, err
	}
	logDir = LogDir(dir, logDir)
	name := "evidence-" + d.Zxid
	if err := putAside(logDir, "log", filepath.Join(logDir, name)); err != nil { // first: a server that runs holds its lock
		return nil, err
	}
	if err := putAside(dir, "state", filepath.Join(dir, name)); err != nil {
		return nil, err
	}
	evidence = []string{filepath.Join(dir, name)}
	if logDir != dir {
		evidence = append(evidence, filepath.Join(logDir, name))
	}
	l, err := txnlog.Open(txnlog.OS{}, filepath.Join(logDir, "log"), id.LogOptions(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, err
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	if err := id.Save(filepath.Join(dir, name)); err != nil { // inspect and verify must know of whom the evidence is
		return nil, err
	}
	return evidence, atomicfile.Move(atomicfile.OS{}, filepath.Join(dir, divergedFile), filepath.Join(dir, name, divergedFile))
}

// putAside moves one subfolder, unless an earlier try has done so. What lies in its place then was made by that try.
func putAside(dir, what, to string) error {
	from := filepath.Join(dir, what)
	if _, err := os.Lstat(filepath.Join(to, what)); err == nil {
		return nil
	}
	if _, err := os.Lstat(from); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no %s: check --data-dir and --log-dir", from)
	}
	if what == "log" {
		lock, err := txnlog.LockDir(txnlog.OS{}, from)
		if err != nil {
			return err
		}
		defer lock.Close()
	}
	if err := (txnlog.OS{}).MkdirAll(to); err != nil {
		return err
	}
	return atomicfile.Move(atomicfile.OS{}, from, filepath.Join(to, what))
}
