package txnlog

import (
	"io"
	"path/filepath"
)

// lockName is the file whose lock says that a server uses the directory.
const lockName = "LOCK"

// LockDir stops two servers on one data directory: it takes the lock file in dir, or fails with a [*LockedError] that names the
// process which has it. The lock ends with Close or with the process, however it ends; the file stays.
func LockDir(fs FS, dir string) (io.Closer, error) {
	if err := fs.MkdirAll(dir); err != nil {
		return nil, err
	}
	return fs.Lock(filepath.Join(dir, lockName))
}
