package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// scratchDir is where a copy of the database is looked at. One that a kill has left is removed by the next look, and when the store is opened.
const scratchDir = "verifying"

// VerifyDatabase loads the database of a stopped server into sum, and holds it to the zxid and the digest at which it was left. Badger changes what it opens
// (it flushes and removes files of a process that was killed), so a copy is opened: tables, which are never written again, are linked, and the few other
// files are copied. copied is called when the database itself is not needed any more.
func VerifyDatabase(dir string, opt Options, sum Target, copied func()) (zxid.ID, error) {
	scratch := filepath.Join(dir, scratchDir)
	if err := os.RemoveAll(scratch); err != nil {
		return 0, fmt.Errorf("verify the database: %w", err)
	}
	err := copyDatabase(filepath.Join(dir, badgerDir), filepath.Join(scratch, badgerDir))
	copied()
	var z zxid.ID
	if err == nil {
		z, err = loadCopy(scratch, opt, sum)
	}
	return z, errors.Join(err, os.RemoveAll(scratch))
}

func loadCopy(scratch string, opt Options, sum Target) (zxid.ID, error) {
	s, err := Open(scratch, opt)
	if err != nil {
		return 0, err
	}
	z, err := s.Load(sum)
	return z, errors.Join(err, s.Close())
}

// copyDatabase links the tables of a database and copies its other files.
func copyDatabase(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("verify the database: %w", err)
	}
	entries, err := os.ReadDir(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil // there is none yet
	}
	for _, e := range entries {
		one := copyFile
		if strings.HasSuffix(e.Name(), ".sst") {
			one = os.Link
		}
		if err == nil && e.Type().IsRegular() {
			err = one(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("verify the database: copy what is not a table, and link the tables: %w", err)
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
