package audit

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/auth"
)

// Whoever rotates logs renames the file: the next lines are in a new one.
func TestRenamedFileIsOpenedAnew(t *testing.T) {
	who, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := Open(path, who, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.flush()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.Closed(0x10, []string{"/a\tb\nc"})
	l.Closed(0x10, nil)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		path + ".1": "user=ME\toperation=serverStart\tresult=success\n",
		path: "session=0x10\tuser=ME\toperation=ephemeralZNodeDeletionOnSessionCloseOrExpire\tznode=/a\\tb\\nc\tresult=success\n" +
			"user=ME\toperation=serverStop\tresult=invoked\n",
	} {
		b, err := os.ReadFile(name)
		if got := strings.ReplaceAll(string(b), "user="+l.self, "user=ME"); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
