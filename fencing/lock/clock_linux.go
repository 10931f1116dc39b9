package lock

import "golang.org/x/sys/unix"

// suspendAware is the clock of Linux that goes on while the machine sleeps; its CLOCK_MONOTONIC stops.
const suspendAware = unix.CLOCK_BOOTTIME
