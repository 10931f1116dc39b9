//go:build unix && !linux

package lock

import "golang.org/x/sys/unix"

// suspendAware is the clock of macOS and the BSDs that goes on while the machine sleeps (clock_gettime(3) of macOS: "will continue to
// increment while the system is asleep").
const suspendAware = unix.CLOCK_MONOTONIC
