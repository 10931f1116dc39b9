package lock

import (
	"syscall"
	"time"
	"unsafe"
)

// Clock is monotonic time that does not stop while the machine sleeps.
type Clock interface {
	// Now is the time since some fixed moment.
	Now() time.Duration
	// Wake calls fn in its own goroutine after d, unless stop is called before.
	Wake(d time.Duration, fn func()) (stop func())
}

// bootClock reads CLOCK_BOOTTIME; Go's own monotonic clock stops in suspend.
type bootClock struct{}

const clockBoottime = 7

func (bootClock) Now() time.Duration {
	var ts syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		panic("lock: CLOCK_BOOTTIME: " + errno.Error())
	}
	return time.Duration(ts.Nano())
}

func (bootClock) Wake(d time.Duration, fn func()) func() {
	t := time.AfterFunc(d, fn)
	return func() { t.Stop() }
}
