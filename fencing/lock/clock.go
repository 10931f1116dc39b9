package lock

import "time"

// Clock is monotonic time that does not stop while the machine sleeps.
type Clock interface {
	// Now is the time since some fixed moment.
	Now() time.Duration
	// Wake calls fn in its own goroutine after d, unless stop is called before.
	Wake(d time.Duration, fn func()) (stop func())
}

// bootClock counts the time of sleep, which Go's own monotonic clock leaves out on some systems. sinceBoot is written for each of them.
type bootClock struct{}

func (bootClock) Now() time.Duration { return sinceBoot() }

func (bootClock) Wake(d time.Duration, fn func()) func() {
	t := time.AfterFunc(d, fn)
	return func() { t.Stop() }
}
