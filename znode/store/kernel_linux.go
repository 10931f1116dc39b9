package store

import "golang.org/x/sys/unix"

// pageout gives the advice for n bytes at addr, which are no memory of Go's.
func pageout(addr, n uintptr) {
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, addr, n, unix.MADV_PAGEOUT)
}
