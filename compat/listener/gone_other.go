//go:build !linux

package listener

import "golang.org/x/sys/unix"

// hungUp knows of a connection that was reset, and of the end of a stream whose bytes are all read.
func hungUp(fd int) bool {
	var next [1]byte
	n, _, err := unix.Recvfrom(fd, next[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return n == 0 && err == nil || err == unix.ECONNRESET
}
