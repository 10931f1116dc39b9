package txnlog

import (
	"os"

	"golang.org/x/sys/unix"
)

// reserve takes the blocks of the first size bytes, or fails with ENOSPC.
func reserve(f *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch err {
		case unix.EINTR:
			continue
		case unix.EOPNOTSUPP:
			return f.Truncate(size) // the zeros written afterwards reserve the blocks
		}
		return err
	}
}

// datasync makes the data durable without forcing times and other metadata out.
func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}

// writeBack stores a part of a file without the journal and without a flush of the disk's cache, which the log's syncs would have to
// wait for. It makes nothing durable.
func writeBack(f *os.File, off, n int64) error {
	err := unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
	if err == unix.ENOSYS || err == unix.EINVAL || err == unix.ESPIPE {
		return nil // not on this file system; the sync at the end does it
	}
	return err
}
