package filefence

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

type store struct {
	g    *fencing.Guard
	path string
}

func (s store) dir() *Dir {
	d, err := Open(s.path)
	if err != nil {
		panic(err)
	}
	return d
}

func (s store) Seal(ctx context.Context, t fencing.Token) error {
	return s.g.Seal(ctx, s.dir().Writing(nil), t)
}

func (s store) Enrol(ctx context.Context, floor fencing.Token) error {
	return s.g.Enrol(ctx, s.dir().Writing(nil), floor)
}

func (s store) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	return s.g.Check(ctx, s.dir().Writing(func(w *Writer) error {
		if between != nil {
			if err := between(); err != nil {
				return err
			}
		}
		return w.WriteFile(key, []byte(value))
	}), t)
}

func (s store) Read(_ context.Context, key string) (string, error) {
	b, err := os.ReadFile(filepath.Join(s.path, key))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

func (s store) LoseWatermark(context.Context) error {
	return os.Remove(filepath.Join(s.path, stateDir, s.g.Scope().String()+".mark"))
}

func TestConformance(t *testing.T) {
	fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store { return store{g, t.TempDir()} })
}

func TestOnlyFilesOfTheFolder(t *testing.T) {
	w := &Writer{dir: store{path: t.TempDir()}.dir()}
	for _, name := range []string{"../x", "/etc/x", stateDir + "/x", "a/../../x", ""} {
		if err := w.WriteFile(name, nil); err == nil {
			t.Errorf("%q was written", name)
		}
	}
}

// The watermark is on the disk before the data is: a process that ends between the two must leave a mark that shuts older tokens out, and not
// data of a grant that nobody knows of.
func TestTheMarkIsWrittenBeforeTheData(t *testing.T) {
	w := fencingtest.NewWorld()
	s := store{w.Guard(), t.TempDir()}
	if err := s.Enrol(t.Context(), fencing.Token{}); err != nil {
		t.Fatal(err)
	}
	for _, fence := range []int64{10, 20} {
		seen := ""
		err := s.Write(t.Context(), w.Token(fence), "k", "data", func() error {
			b, err := os.ReadFile(filepath.Join(s.path, stateDir, s.g.Scope().String()+".mark"))
			seen = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if m, err := fencing.ParseMark(seen); err != nil || m.Fence != fence {
			t.Errorf("while the data of token %d was written, the mark on the disk was %q", fence, seen)
		}
	}
}

// TestStoppedProcess runs this test binary as a second process that is stopped inside its write, then ended.
func TestStoppedProcess(t *testing.T) {
	w := fencingtest.NewWorld()
	if dir := os.Getenv("FILEFENCE_CHILD"); dir != "" {
		_ = store{w.Guard(), dir}.Write(context.Background(), w.Token(10), "k", "stale", func() error {
			_, _ = os.Stdout.WriteString("inside\n")
			_, _ = io.Copy(io.Discard, os.Stdin)
			return nil
		})
		return
	}
	s := store{w.Guard(), t.TempDir()}
	ctx := t.Context()
	if err := errors.Join(s.Enrol(ctx, fencing.Token{}), s.Write(ctx, w.Token(10), "k", "old", nil)); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run", "^TestStoppedProcess$")
	child.Env = append(os.Environ(), "FILEFENCE_CHILD="+s.path)
	stdin, _ := child.StdinPipe()
	stdout, _ := child.StdoutPipe()
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	t.Cleanup(func() { // a test that fails must not leave a stopped process behind, which nothing else would end
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "inside\n" {
		t.Fatalf("child said %q, %v", line, err)
	}
	_ = child.Process.Signal(syscall.SIGSTOP)
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if err := s.Seal(short, w.Token(20)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the newer holder must wait for a writer that is stopped inside its step: %v", err)
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	if err := s.Seal(ctx, w.Token(20)); err != nil {
		t.Fatalf("after the stopped process was ended: %v", err)
	}
	if err := s.Write(ctx, w.Token(10), "k", "stale", nil); !errors.Is(err, fencing.ErrStaleToken) {
		t.Fatalf("got %v", err)
	}
	if got, _ := s.Read(ctx, "k"); got != "old" {
		t.Fatalf("k is %q", got)
	}
}
