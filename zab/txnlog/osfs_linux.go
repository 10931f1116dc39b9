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
