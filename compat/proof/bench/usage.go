package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// ownCPU is the CPU time that this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processCPU is the CPU time that the processes have used together, from /proc/<pid>/stat.
func processCPU(pids []int) (time.Duration, error) {
	const ticksPerSecond = 100 // USER_HZ, which is 100 on every Linux that Go runs on
	var total time.Duration
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("bench: reading the server's CPU time: %w", err)
		}
		// The command's name is in parentheses and may hold anything; utime and stime are fields 14 and 15.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 13 {
			return 0, fmt.Errorf("bench: /proc/%d/stat has %d fields behind the name", pid, len(fields))
		}
		for _, f := range fields[11:13] {
			n, err := strconv.ParseInt(string(f), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("bench: /proc/%d/stat: %w", pid, err)
			}
			total += time.Duration(n) * time.Second / ticksPerSecond
		}
	}
	return total, nil
}

// resident is the memory in bytes that the processes hold together, from /proc/<pid>/status.
func resident(pids []int) (int64, error) {
	var total int64
	for _, pid := range pids {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, fmt.Errorf("bench: reading the server's memory: %w", err)
		}
		_, rest, found := bytes.Cut(status, []byte("VmRSS:"))
		fields := bytes.Fields(rest)
		if !found || len(fields) == 0 {
			return 0, fmt.Errorf("bench: /proc/%d/status names no VmRSS", pid)
		}
		kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("bench: /proc/%d/status: %w", pid, err)
		}
		total += kb << 10
	}
	return total, nil
}
