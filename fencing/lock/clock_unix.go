//go:build unix

package lock

import (
	"time"

	"golang.org/x/sys/unix"
)

func sinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(suspendAware, &ts); err != nil {
		panic("lock: the clock that counts the time of sleep cannot be read: " + err.Error())
	}
	return time.Duration(ts.Nano())
}
