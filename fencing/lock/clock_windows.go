package lock

import (
	"time"

	"golang.org/x/sys/windows"
)

// sinceBoot is GetTickCount64, which counts the time of sleep. Its steps of 10 to 16 ms are short beside any session timeout.
func sinceBoot() time.Duration { return windows.DurationSinceBoot() }
