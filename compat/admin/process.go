package admin

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// files are the open file descriptors of this process and how many it may open; 0 where the system does not tell.
func files() (open, limit int64) {
	if d, err := os.Open("/proc/self/fd"); err == nil {
		names, _ := d.Readdirnames(-1)
		d.Close()
		open = int64(len(names))
	}
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) == nil {
		limit = int64(r.Cur)
	}
	return open, limit
}

type userName struct{ user, home, dir string }

func hostAndUser() (host string, name userName) {
	host, _ = os.Hostname()
	name.home, _ = os.UserHomeDir()
	name.dir, _ = os.Getwd()
	name.user = os.Getenv("USER")
	if name.user == "" {
		name.user = "?"
		if os.Getuid() == 0 {
			name.user = "root"
		}
	}
	return host, name
}

func osName() string {
	if runtime.GOOS == "linux" {
		return "Linux"
	}
	return runtime.GOOS
}

func kernel() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(b))
}

// memoryLimit is GOMEMLIMIT; without one, 0.
func memoryLimit() uint64 {
	limit := debug.SetMemoryLimit(-1)
	if limit == 1<<63-1 {
		return 0
	}
	return uint64(limit)
}

// resident is the resident memory of this process in bytes, and how much processor time it used, in seconds.
func resident() (bytes int64, cpu float64) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		cpu = float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
	}
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, cpu
	}
	f := strings.Fields(string(b))
	if len(f) > 1 {
		pages, _ := strconv.ParseInt(f[1], 10, 64)
		bytes = pages * int64(os.Getpagesize())
	}
	return bytes, cpu
}
