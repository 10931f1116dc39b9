package formats

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

var write = flag.String("write", "", "write the files of this version, as v2, with this build")

const versions = "../../../testdata/formats"

// config is of a server that makes checkpoints soon, so that a folder has a checkpoint and transactions behind it.
func config(dir string) zktest.Config {
	return zktest.Config{Dir: dir, Admin: true, Extra: []string{"snapCount=20", "extendedTypesEnabled=true", "preAllocSize=64"}}
}

// TestWrite writes the files of a version. It is only run when it is asked for.
func TestWrite(t *testing.T) {
	if *write == "" {
		t.Skip("It writes the files of a new version: -write v2")
	}
	to := filepath.Join(versions, *write)
	must(t, os.MkdirAll(to, 0o755))
	server := zktest.StartPaddock(t, config(filepath.Join(t.TempDir(), "1")))
	conn, _, err := zk.Connect([]string{server.Addr()}, zktest.Patience, zk.WithLogInfo(false))
	must(t, err)
	defer conn.Close()
	must(t, populate(conn))
	paddock(t, "snapshot", "save", "--admin", server.AdminAddr(), filepath.Join(to, "backup.img"))
	must(t, errors.Join(signed(conn, to), more(conn)))
	must(t, server.Kill())
	must(t, pack(server.Dir(), filepath.Join(to, "folder.tar.gz")))
}

// populate writes each kind of node with each kind of request.
func populate(conn *zk.Conn) error {
	open := zk.WorldACL(zk.PermAll)
	_, e1 := conn.Create("/formats", []byte("one"), 0, open)
	_, e2 := conn.Set("/formats", []byte("two"), 0)
	_, e3 := conn.Create("/formats/closed", []byte("secret"), 0, zk.DigestACL(zk.PermAll, "user", "password"))
	_, e4 := conn.CreateContainer("/formats/container", nil, zk.FlagContainer, open)
	_, e5 := conn.Create("/formats/container/child", nil, 0, open)
	_, e6 := conn.Create("/formats/n-", nil, zk.FlagSequence, open)
	_, e7 := conn.Create("/formats/gone", nil, 0, open)
	e8 := conn.Delete("/formats/gone", 0)
	_, e9 := conn.SetACL("/formats/n-0000000002", zk.WorldACL(zk.PermRead), 0)
	_, e10 := conn.Multi(&zk.CreateRequest{Path: "/formats/multi", Data: []byte("both"), Acl: open}, &zk.CheckVersionRequest{Path: "/formats", Version: 1},
		&zk.SetDataRequest{Path: "/formats/multi", Data: []byte("set"), Version: 0})
	_, e11 := conn.Create("/zookeeper/quota/formats", nil, 0, open)
	_, e12 := conn.Create("/zookeeper/quota/formats/zookeeper_limits", []byte("count=100,bytes=-1"), 0, open)
	_, e13 := conn.Set("/formats", []byte("refused"), 77)
	if !errors.Is(e13, zk.ErrBadVersion) {
		return fmt.Errorf("a wrong version: %v", e13)
	}
	return errors.Join(e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12)
}

// more is behind the backup: the folder has it, the backup does not. It is more than a checkpoint's worth, and then some.
func more(conn *zk.Conn) error {
	for i := range 30 {
		if _, err := conn.Create(fmt.Sprintf("/formats/more-%02d", i), []byte("more"), 0, zk.WorldACL(zk.PermAll)); err != nil {
			return err
		}
	}
	return nil
}

// signed writes the token of a lock's holder and the key set that proves it.
func signed(conn *zk.Conn, to string) error {
	node, err := conn.Create("/lock", nil, 0, zk.WorldACL(zk.PermAll))
	if err == nil {
		node, err = conn.Create(node+"/lock-", nil, zk.FlagEphemeral|zk.FlagSequence, zk.WorldACL(zk.PermAll))
	}
	if err != nil {
		return err
	}
	for path, name := range map[string]string{"/zookeeper/token" + node: "token.txt", "/zookeeper/keys": "keys.json"} {
		text, _, err := conn.Get(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), append(text, '\n'), 0o644)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// paddock runs the tool of this build.
func paddock(t *testing.T, args ...string) string {
	t.Helper()
	binary, err := zktest.PaddockBinary()
	must(t, err)
	out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("paddock %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// inFolder names what belongs to a data folder: not the harness's own files.
var inFolder = map[string]bool{"identity": true, "log": true, "state": true}

// sizeRecord says how long a file is with the zeros at its end, which are not in the archive: files are preallocated.
const sizeRecord = "PADDOCK.size"

// pack writes a data folder into an archive.
func pack(dir, archive string) error {
	f, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err != nil || entry.IsDir() {
			if filepath.Dir(name) == "." && name != "." && !inFolder[name] {
				return filepath.SkipDir
			}
			return err
		}
		if filepath.Dir(name) == "." && !inFolder[name] || entry.Name() == "LOCK" || entry.Name() == "spare.tmp" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		size := strconv.Itoa(len(text))
		text = bytes.TrimRight(text, "\x00")
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text)), PAXRecords: map[string]string{sizeRecord: size}}); err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
	return errors.Join(err, w.Close(), z.Close())
}

// unpack gives the data folder of a version, to be changed at will.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	f, err := os.Open(archive)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	dir := filepath.Join(t.TempDir(), "1")
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		must(t, err)
		path := filepath.Join(dir, header.Name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		text, err := io.ReadAll(r)
		must(t, err)
		must(t, os.WriteFile(path, text, 0o600))
		size, err := strconv.ParseInt(header.PAXRecords[sizeRecord], 10, 64)
		must(t, err)
		must(t, os.Truncate(path, size))
	}
}
