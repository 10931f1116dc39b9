package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"
)

// VerifyTables checks the tables of the database in a store's folder, without the lock and without changing anything. Beside a running
// server a table may vanish while it is read.
func VerifyTables(dir string) error { return verifyTables(filepath.Join(dir, badgerDir)) }

// verifyTables checks every table of the database before Badger opens it. Badger opens tables on goroutines of its own and panics there
// on a damaged one (4.9: VerifyChecksum, initBiggestAndSmallest), which would end the process at every start. Here a panic is an error.
func verifyTables(dir string) error {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	manifest, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	for id := range manifest.Tables {
		if err := verifyTable(table.NewFilename(id, dir)); err != nil {
			return err
		}
	}
	return nil
}

func verifyTable(path string) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // the map may reach beyond a file that is too short
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("table %s is damaged: %.200v", path, p)
		}
	}()
	m, err := z.OpenMmapFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if _, err := table.OpenTable(m, table.Options{ChkMode: options.OnTableRead}); err != nil {
		return fmt.Errorf("table %s is damaged: %w", path, err)
	}
	return m.Close(-1)
}
