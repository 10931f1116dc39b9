package zktest

import (
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// PaddockBinary is the path of the binary under test: $PADDOCK_BINARY, or else one built from this tree, once for a test process.
func PaddockBinary() (string, error) {
	if binary := os.Getenv("PADDOCK_BINARY"); binary != "" {
		return binary, nil
	}
	return buildOnce()
}

// memoized, never changed: every server of a test process runs the same build
var buildOnce = sync.OnceValues(buildPaddock)

// buildPaddock builds into the cache folder, where an unchanged tree costs no second link. Test processes of several packages may be
// at it at once, hence the lock; and a tree may change under a running test, hence a name of its own for each build.
func buildPaddock() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	cache, err := Peers()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tree := fnv.New32a()
	tree.Write([]byte(root))
	newest := filepath.Join(dir, fmt.Sprintf("paddock-%08x", tree.Sum32()))
	lock, err := os.OpenFile(newest+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("zktest: lock %s: %w", lock.Name(), err)
	}
	build := exec.Command("go", "build", "-o", newest, "./cmd/paddock")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("zktest: go build ./cmd/paddock: %w\n%s", err, out)
	}
	return named(newest)
}

// named gives the newest build a name that the next build does not take away, and forgets names of long ago.
func named(newest string) (string, error) {
	info, err := os.Stat(newest)
	if err != nil {
		return "", err
	}
	old, _ := filepath.Glob(newest + "-*")
	for _, binary := range old {
		if was, err := os.Stat(binary); err == nil && info.ModTime().Sub(was.ModTime()) > 3*time.Hour {
			_ = os.Remove(binary)
		}
	}
	binary := fmt.Sprintf("%s-%x", newest, info.ModTime().UnixNano())
	if err := os.Link(newest, binary); err != nil && !os.IsExist(err) {
		return "", err
	}
	return binary, nil
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("zktest: go env GOMOD: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if mod == "" || mod == os.DevNull {
		return "", fmt.Errorf("zktest: not inside the module; set PADDOCK_BINARY to a built paddock")
	}
	return filepath.Dir(mod), nil
}
