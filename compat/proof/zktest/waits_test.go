package zktest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shortWait is a wait for something good with a bound of its own.
var shortWait = regexp.MustCompile(`\b(Eventually\([^,]*|progress\(|Shutdown\(|WaitReady\() ?,? ?[0-9]+ ?\* ?time\.`)

// Who waits for something that comes in a moment waits for as long as [Patience] says: a bound of a few seconds is broken by a busy machine.
func TestNobodyIsImpatient(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		for number, line := range strings.Split(string(text), "\n") {
			if shortWait.MatchString(line) {
				t.Errorf("%s:%d has a bound of its own; take zktest.Patience:\n%s", path, number+1, line)
			}
		}
		return nil
	})
	if err != nil || looked < 50 {
		t.Fatalf("%d test files were looked at: %v", looked, err)
	}
}
