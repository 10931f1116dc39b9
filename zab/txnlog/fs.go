package txnlog

import "io"

// FS is the seam between the log and a disk: [OS] is the real one, package faultfs the one that loses, tears and fails.
// Paths are used as given. Every method may be called from any goroutine.
type FS interface {
	// OpenFile opens a file for reading and writing; with create it must not exist yet, otherwise it must.
	OpenFile(name string, create bool) (File, error)
	// ReadDir lists the names (not paths) in dir, sorted.
	ReadDir(dir string) ([]string, error)
	// Rename replaces newName atomically; durable only after SyncDir.
	Rename(oldName, newName string) error
	// Remove deletes a file; durable only after SyncDir.
	Remove(name string) error
	// MkdirAll makes dir and its parents, and makes them durable.
	MkdirAll(dir string) error
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
	// Lock takes an exclusive lock that ends with the process; see [LockDir].
	Lock(name string) (io.Closer, error)
	// Space tells how full the file system of dir is.
	Space(dir string) (Space, error)
}

// File is an open file of an [FS]. ReadAt and WriteAt may run at the same time.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Preallocate extends the file to size bytes that read as zeros and that can be written without a "no space" error.
	Preallocate(size int64) error
	// Sync makes all data written so far durable (fdatasync). After an error nothing is known and it must not be retried.
	Sync() error
	// Size is the length of the file in bytes.
	Size() (int64, error)
}

// Space is the room on a file system in bytes, as an unprivileged process sees it.
type Space struct {
	Free  uint64 // bytes that may still be written
	Total uint64 // bytes in all
}

// FreeSpace asks how much room the file system of dir has, so that a server can refuse growth before the disk is full.
func FreeSpace(fs FS, dir string) (Space, error) { return fs.Space(dir) }
