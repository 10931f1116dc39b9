package atomicfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// writeBack starts the storing of a part of a file and waits for it, without the journal and without a flush of the disk's cache, which
// the log's syncs would have to wait for. It makes nothing durable; the sync at the end does.
func writeBack(f *os.File, off, n int64) error {
	err := unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
	if err == unix.ENOSYS || err == unix.EINVAL || err == unix.ESPIPE {
		return nil
	}
	return err
}
