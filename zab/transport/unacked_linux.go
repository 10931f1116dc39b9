package transport

import (
	"syscall"
	"time"
)

const tcpUserTimeout = 18 // TCP_USER_TIMEOUT of linux/tcp.h, which package syscall does not name

// loseUnacked has the kernel end a connection whose bytes are not acknowledged for so long. Else it would send them again at ever longer
// intervals, minutes in the end, and after a long cut of the network servers that reach each other would not speak until the next one.
func loseUnacked(c syscall.RawConn, after time.Duration) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(after.Milliseconds()))
	}); cerr != nil {
		return cerr
	}
	return err
}
