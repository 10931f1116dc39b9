package store

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Trim asks the kernel to take back the pages of the database's tables that reading has brought into this process. They stay in the page
// cache if there is room. It is a hint (MADV_PAGEOUT, which destroys nothing and so does no harm to a mapping that has changed hands since
// it was listed) and does nothing where the kernel does not know it.
func (s *Store) Trim() {
	dir, err := filepath.Abs(filepath.Join(s.dir, badgerDir))
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text() // 7f00-7f80 r--s 00000000 08:01 1234   /path
		at := strings.IndexByte(line, '/')
		if at < 0 || !strings.HasPrefix(line[at:], dir) || !strings.HasSuffix(line, ".sst") {
			continue
		}
		from, to, ok := strings.Cut(line[:strings.IndexByte(line, ' ')], "-")
		lo, err1 := strconv.ParseUint(from, 16, 64)
		hi, err2 := strconv.ParseUint(to, 16, 64)
		if ok && err1 == nil && err2 == nil && hi > lo {
			pageout(uintptr(lo), uintptr(hi-lo))
		}
	}
}
