package audit

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/auth"
)

// Whoever rotates logs renames the file: the next lines are in a new one. Each begins with the time, and what operators do is among them.
func TestRenamedFileIsOpenedAnew(t *testing.T) {
	who, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	at := time.Date(2026, 3, 1, 12, 30, 45, 678e6, time.UTC)
	l, err := Open(path, who, func() time.Time { return at }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.flush()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.Closed(0x10, []string{"/a\tb\nc"})
	l.Closed(0x10, nil)
	l.Operator("", "", "rotateKeys", "", true)
	l.Operator("unknown", "10.0.0.9", "killSession", "0x5\tresult=success", false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	const start = "2026-03-01 12:30:45,678 INFO audit: "
	for name, want := range map[string]string{
		path + ".1": start + "user=ME\toperation=serverStart\tresult=success\n",
		path: start + "session=0x10\tuser=ME\toperation=ephemeralZNodeDeletionOnSessionCloseOrExpire\tznode=/a\\tb\\nc\tresult=success\n" +
			start + "user=ME\toperation=rotateKeys\tresult=success\n" +
			start + "user=unknown\tip=10.0.0.9\toperation=killSession\tobject=0x5\\tresult=success\tresult=failure\n" +
			start + "user=ME\toperation=serverStop\tresult=invoked\n",
	} {
		b, err := os.ReadFile(name)
		if got := strings.ReplaceAll(string(b), "user="+l.self, "user=ME"); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
