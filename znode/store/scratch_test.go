package store

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func opened(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{ReserveBytes: 1 << 20})
	noError(t, err)
	return s
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lying says another digest than its records have.
type lying struct{ *pairs }

func (l lying) Digest() uint64 { return l.pairs.Digest() + 1 }

// files are the names and the contents below a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	noError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	}))
	return all
}

// VerifyDatabase sums the records of a database that was closed and of one whose process was killed, and leaves both as they were.
func TestVerifyDatabase(t *testing.T) {
	for _, c := range []struct {
		name   string
		source func(p *pairs) Source
		want   error
	}{
		{"as it was left", func(p *pairs) Source { return p }, nil},
		{"with a digest that its records do not have", func(p *pairs) Source { return lying{p} }, ErrRebuild},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, killed := t.TempDir(), t.TempDir()
			s, p := opened(t, dir), newPairs()
			p.set(1, "a", "1", "b", "2")
			noError(t, s.Commit(Collect(c.source(p))))
			p.set(2, "b", "", "c", "3")
			noError(t, s.Commit(Collect(c.source(p))))
			noError(t, os.CopyFS(killed, os.DirFS(dir)))
			noError(t, s.Close())
			for _, d := range []string{dir, killed} {
				before, got, free := files(t, d), newPairs(), false
				z, err := VerifyDatabase(d, Options{ReserveBytes: 1 << 20}, got, func() { free = true })
				if !errors.Is(err, c.want) || err == nil && (z != 2 || got.Digest() != p.Digest()) || !free {
					t.Errorf("at %v with digest %x, %v; want 2 with %x, %v", z, got.Digest(), err, p.Digest(), c.want)
				}
				if !maps.Equal(before, files(t, d)) {
					t.Error("the look has changed something")
				}
			}
		})
	}
	// what a look that was killed has left is in nobody's way
	dir := t.TempDir()
	noError(t, os.MkdirAll(filepath.Join(dir, "verifying", "badger"), 0o700))
	noError(t, os.WriteFile(filepath.Join(dir, "verifying", "badger", "MANIFEST"), []byte("half"), 0o600))
	if z, err := VerifyDatabase(dir, Options{ReserveBytes: 1 << 20}, newPairs(), func() {}); z != 0 || err != nil {
		t.Errorf("an empty database: %v, %v", z, err)
	}
	noError(t, os.MkdirAll(filepath.Join(dir, "verifying"), 0o700))
	noError(t, opened(t, dir).Close())
	if _, err := os.Stat(filepath.Join(dir, "verifying")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opening the store leaves it: %v", err)
	}
}
