package txnlog

import (
	"errors"
	"fmt"
)

// What callers distinguish, with errors.Is.
var (
	// ErrCorrupt: bytes that were stored are not what is read. Every [*DamageError] is one.
	ErrCorrupt = errors.New("damaged log")
	// ErrForeign: the directory belongs to another cluster, incarnation or peer.
	ErrForeign = errors.New("log of another server")
	// ErrNewer: the directory was written by a newer version of the program.
	ErrNewer = errors.New("newer log format")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("log is closed")
	// ErrLocked: another process uses the directory. Every [*LockedError] is one.
	ErrLocked = errors.New("data directory is in use")
)

// DamageError names the place where a log cannot be believed, and what to do. The log is never used past such a place.
type DamageError struct {
	File   string // path of the segment
	Offset int64  // byte in File where the damaged frame begins
	What   string // what is wrong there
}

// Error implements error.
func (e *DamageError) Error() string {
	return fmt.Sprintf("log %s is damaged at offset %d: %s; this server must not vote with it: "+
		"move the data directory away and start empty, so that it copies the history from its peers (a single server: restore a checkpoint)",
		e.File, e.Offset, e.What)
}

// Unwrap makes errors.Is(err, ErrCorrupt) true.
func (e *DamageError) Unwrap() error { return ErrCorrupt }

// LockedError says that another process uses the data directory.
type LockedError struct {
	File string // the lock file
	PID  string // the process which holds it, as it wrote itself; empty if unknown
}

// Error implements error.
func (e *LockedError) Error() string {
	pid := e.PID
	if pid == "" {
		pid = "unknown"
	}
	return fmt.Sprintf("data directory is in use: %s is locked by process %s; stop that server first, or give this one its own directory", e.File, pid)
}

// Unwrap makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Unwrap() error { return ErrLocked }

func damage(file string, off int64, format string, args ...any) error {
	return &DamageError{File: file, Offset: off, What: fmt.Sprintf(format, args...)}
}
