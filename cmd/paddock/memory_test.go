package main

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

// What a control group allows is found in both versions, above the process's own group, and in a container that sees the paths of its host.
func TestMemoryOfTheControlGroup(t *testing.T) {
	const most = math.MaxInt64
	for what, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no control groups":             {nil, most},
		"version 2, no limit":           {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, most},
		"version 2, a container":        {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "134217728\n"}, 128 << 20},
		"version 2, a unit":             {map[string]string{"proc/self/cgroup": "0::/system.slice/paddock.service\n", "sys/fs/cgroup/system.slice/paddock.service/memory.max": "268435456\n"}, 256 << 20},
		"version 2, the slice above":    {map[string]string{"proc/self/cgroup": "0::/a.slice/b.service\n", "sys/fs/cgroup/a.slice/memory.max": "1000\n", "sys/fs/cgroup/a.slice/b.service/memory.max": "2000\n"}, 1000},
		"version 1, a container":        {map[string]string{"proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/abc\n0::/x\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "134217728\n"}, 128 << 20},
		"version 1, no limit":           {map[string]string{"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, most},
		"version 1, another controller": {map[string]string{"proc/self/cgroup": "4:cpu,cpuacct:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "5\n"}, most},
		"what is no number":             {map[string]string{"proc/self/cgroup": "0::/\nnonsense\n", "sys/fs/cgroup/memory.max": "-1\n"}, most},
	} {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := cgroupMemory(root); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
}

// The runtime is told of the limit, unless GOMEMLIMIT says something else.
func TestRuntimeKnowsTheLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	root := fstest.MapFS{"proc/self/cgroup": {Data: []byte("0::/\n")}, "sys/fs/cgroup/memory.max": {Data: []byte("8589934592\n")}}
	if set := limitMemory(root, "1GiB"); set != 0 || debug.SetMemoryLimit(-1) != before {
		t.Errorf("GOMEMLIMIT counts, and %d was set", set)
	}
	if set := limitMemory(root, ""); set != debug.SetMemoryLimit(-1) || set < 6<<30 || set > 7<<30 {
		t.Errorf("of 8 GiB the runtime is told %d, and has %d", set, debug.SetMemoryLimit(-1))
	}
	if set := limitMemory(fstest.MapFS{}, ""); set != 0 {
		t.Errorf("without control groups %d is set", set)
	}
}
