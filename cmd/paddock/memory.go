package main

import (
	"io/fs"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryShare is how much of what the container may use the Go runtime is told to stay below: the rest is for what is not its heap, the mapped files of the
// database above all, and for the moment that a collection takes.
const memoryShare = 0.8

// limitMemory tells the Go runtime how much memory this process may use, if a control group limits it and GOMEMLIMIT does not say otherwise: without that the
// collector lets the heap grow until the kernel kills the process. It returns what it has set, 0 for nothing. root is the root of the file system.
func limitMemory(root fs.FS, gomemlimit string) int64 {
	limit := cgroupMemory(root)
	if gomemlimit != "" || limit == math.MaxInt64 {
		return 0
	}
	most := int64(float64(limit) * memoryShare)
	debug.SetMemoryLimit(most)
	return most
}

// cgroupMemory is the least limit of memory among this process's control groups, of version 2 and of version 1; math.MaxInt64 without one. A group is
// limited by those above it too. Inside a container the paths of the groups may be those of the host, and the container's own group is at the root.
func cgroupMemory(root fs.FS) int64 {
	const mounted = "sys/fs/cgroup"
	least := int64(math.MaxInt64)
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return least
	}
	for line := range strings.Lines(string(groups)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3) // number:controllers:path
		if len(part) != 3 {
			continue
		}
		base, file := mounted, "memory.max"
		if part[1] != "" {
			base, file = mounted+"/memory", "memory.limit_in_bytes"
			if part[1] != "memory" && !strings.HasPrefix(part[1], "memory,") && !strings.HasSuffix(part[1], ",memory") && !strings.Contains(part[1], ",memory,") {
				continue
			}
		}
		for group := path.Clean("/" + part[2]); ; group = path.Dir(group) {
			least = min(least, limitIn(root, path.Join(base, group, file)))
			if group == "/" {
				break
			}
		}
	}
	return least
}

// limitIn is the limit that a file holds; math.MaxInt64 if it has none or is not there. Version 1 writes the largest whole number of pages for none.
func limitIn(root fs.FS, file string) int64 {
	b, err := fs.ReadFile(root, file)
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || n <= 0 || n >= 1<<60 {
		return math.MaxInt64
	}
	return n
}
