package adminapi

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The socket is its owner's alone, it takes the place of one that a killed process left, and a data folder may stand as deep as it likes.
func TestSocket(t *testing.T) {
	short, err := os.MkdirTemp("/tmp", "sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	deep := filepath.Join(short, strings.Repeat("d", 100))
	if err := os.Mkdir(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{short, deep} {
		for range 2 {
			l, err := ListenSocket(dir)
			if err != nil {
				t.Fatal(err)
			}
			for path, want := range map[string]os.FileMode{SocketPath(dir): 0o600, filepath.Dir(SocketPath(dir)): 0o700} {
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
					t.Errorf("%s: %v, %v, want mode %o", path, info, err, want)
				}
			}
			go func() {
				if c, err := l.Accept(); err == nil {
					_, _ = c.Write([]byte("here"))
					c.Close()
				}
			}()
			c, err := DialSocket(t.Context(), SocketPath(dir))
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(c); string(b) != "here" || err != nil {
				t.Errorf("heard %q, %v", b, err)
			}
			closeAll(t, c, l)
		}
	}
}

func closeAll(t *testing.T, c net.Conn, l net.Listener) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
