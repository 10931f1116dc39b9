// Package atomicfile replaces files so that after a crash there is the old file or the new one, whole, and so that a new one that was
// reported to be there stays there.
//
// The sequence is always the same: write beside the name, sync the file, rename it, sync the folder. [Write] does all of it, [Move] the last
// two for a file that is synced already. An error says that the name holds what it held before, except where the sync of the folder failed:
// then it may be either, and the caller must not believe that the new one is there.
//
// [FS] is the seam for tests: they cut the power after each operation.
package atomicfile

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FS is what files are made on; [OS] is the real one.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Rename(oldName, newName string) error
	Remove(name string) error
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
}

// File is an open file; *os.File is one.
type File interface {
	io.WriteSeeker
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// OS is the file system of the operating system.
type OS struct{}

// OpenFile implements [FS].
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Rename implements [FS].
func (OS) Rename(oldName, newName string) error { return os.Rename(oldName, newName) }

// Remove implements [FS].
func (OS) Remove(name string) error { return os.Remove(name) }

// SyncDir implements [FS].
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

const (
	bufferBytes = 128 << 10
	// syncEvery bounds what is left to be written at once by the sync at the end, which would hold up the syncs of others.
	syncEvery = 1 << 20
)

// Write replaces the file name by what write writes, durably, and says how long it is. What a crash leaves beside the name is called
// name.tmp, and the next Write replaces it.
func Write(on FS, name string, perm fs.FileMode, write func(w io.Writer) error) (size int64, err error) {
	tmp := name + ".tmp"
	f, err := on.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return 0, err
	}
	steady := &steadyWriter{f: f}
	buffered := bufio.NewWriterSize(steady, bufferBytes)
	if err = write(buffered); err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = on.Rename(tmp, name)
	}
	if err != nil {
		_ = on.Remove(tmp)
		return 0, err
	}
	return steady.size, on.SyncDir(filepath.Dir(name))
}

// WriteBytes is Write of what is there already, on the file system of the operating system.
func WriteBytes(name string, perm fs.FileMode, b []byte) error {
	_, err := Write(OS{}, name, perm, func(w io.Writer) error { _, err := w.Write(b); return err })
	return err
}

// Move gives a file that is synced, or a folder whose files are, another name, durably.
func Move(on FS, oldName, newName string) error {
	if err := on.Rename(oldName, newName); err != nil {
		return err
	}
	if err := on.SyncDir(filepath.Dir(newName)); err != nil {
		return err
	}
	if filepath.Dir(oldName) == filepath.Dir(newName) {
		return nil
	}
	return on.SyncDir(filepath.Dir(oldName))
}

// steadyWriter has what it wrote stored now and then. The first error is final: a sync that failed is not tried again.
type steadyWriter struct {
	f       File
	size    int64
	pending int
}

// Write implements [io.Writer].
func (w *steadyWriter) Write(b []byte) (int, error) {
	n, err := w.f.Write(b)
	w.size += int64(n)
	if err != nil {
		return n, err
	}
	if w.pending += n; w.pending < syncEvery {
		return n, nil
	}
	from, length := w.size-int64(w.pending), int64(w.pending)
	w.pending = 0
	if f, ok := w.f.(*os.File); ok {
		return n, writeBack(f, from, length)
	}
	return n, nil
}
