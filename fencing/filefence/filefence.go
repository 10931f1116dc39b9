package filefence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/paddock-zk/paddock/fencing"
)

// stateDir holds lock files and watermarks, inside the guarded folder.
const stateDir = ".paddock-fence"

// Dir is a guarded folder. Safe from any goroutine and any number of processes.
type Dir struct{ path string }

// Open prepares a folder, which must exist.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(filepath.Join(path, stateDir), 0o755); err != nil {
		return nil, fmt.Errorf("filefence: prepare %s: %w", path, err)
	}
	return &Dir{path: path}, syncDir(path)
}

// Writing gives the watermarks for one guarded write; write may be nil to seal or enrol.
func (d *Dir) Writing(write func(w *Writer) error) fencing.Watermarks { return step{d, write} }

type step struct {
	dir   *Dir
	write func(w *Writer) error
}

// Raise is the fencing.Watermarks contract.
func (s step) Raise(ctx context.Context, c fencing.Claim) error {
	unlock, err := s.dir.lock(ctx, c.Scope())
	if err != nil {
		return err
	}
	defer unlock()
	name := filepath.Join(stateDir, c.Scope().String()+".mark")
	seen, found, err := s.dir.load(name)
	if err != nil {
		return err
	}
	next, store, err := c.Judge(seen, found)
	if err != nil {
		return err
	}
	if store {
		if err := replace(s.dir.path, name, []byte(next.String())); err != nil {
			return err
		}
	}
	if s.write == nil {
		return nil
	}
	return s.write(&Writer{dir: s.dir})
}

// lock takes the file lock of a scope. It tries again and again rather than blocking in the kernel, so that ctx can end the wait.
func (d *Dir) lock(ctx context.Context, scope fencing.ID) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(d.path, stateDir, scope.String()+".lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("filefence: lock: %w", err)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		held, err := tryLock(f)
		if held {
			return func() { f.Close() }, nil
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("filefence: lock %s: %w", f.Name(), err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("filefence: another writer holds %s (if it is stopped, end it): %w", f.Name(), context.Cause(ctx))
		}
	}
}

func (d *Dir) load(name string) (fencing.Mark, bool, error) {
	b, err := os.ReadFile(filepath.Join(d.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return fencing.Mark{}, false, nil
	}
	if err != nil {
		return fencing.Mark{}, false, fmt.Errorf("filefence: read the watermark: %w", err)
	}
	m, err := fencing.ParseMark(string(b))
	return m, err == nil, err
}

// Writer replaces files of the folder while the check holds. It is valid only inside the function that got it.
type Writer struct{ dir *Dir }

// WriteFile replaces a file of the folder (a local path without ..), durably and in one step for readers.
func (w *Writer) WriteFile(name string, data []byte) error {
	if err := w.allowed(name); err != nil {
		return err
	}
	return replace(w.dir.path, name, data)
}

// Remove deletes a file of the folder, durably.
func (w *Writer) Remove(name string) error {
	if err := w.allowed(name); err != nil {
		return err
	}
	path := filepath.Join(w.dir.path, name)
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("filefence: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func (w *Writer) allowed(name string) error {
	if !filepath.IsLocal(name) || strings.HasPrefix(filepath.Clean(name), stateDir) {
		return fmt.Errorf("filefence: %q is not a file of the guarded folder", name)
	}
	return nil
}

// replace writes a temporary file, syncs it, renames it over name and syncs the folder. A failed sync is final: the caller must not believe the file.
func replace(dir, name string, data []byte) error {
	path := filepath.Join(dir, name)
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return fmt.Errorf("filefence: write %s: %w", name, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("filefence: write %s: %w", name, err)
	}
	return syncDir(filepath.Dir(path))
}
