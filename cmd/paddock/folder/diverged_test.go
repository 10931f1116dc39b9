package folder

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// oneNode is a state with one node of a client.
func oneNode() *znode.State {
	var r znode.Result
	st := znode.NewState(znode.Options{})
	st.Apply(zxid.New(1, 1), 1, &znode.Txn{Op: znode.Op{Kind: znode.KindCreate, Path: "/a", ACL: []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}}}, &r)
	return st
}

// diverged is a marked folder, whose log is on a disk of its own.
func diverged(t *testing.T) (dir, logDir string, id Identity) {
	t.Helper()
	dir, logDir = filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "log")
	id = NewIdentity(3)
	if err := Create(t.Context(), dir, id, oneNode(), zab.Ensemble{}); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(logDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "log"), filepath.Join(logDir, "log")); err != nil {
		t.Fatal(err)
	}
	if _, err := SetAside(dir, logDir); err == nil {
		t.Fatal("data that is not known to be wrong was put aside")
	}
	if err := RefuseDiverged(dir); err != nil {
		t.Fatal(err)
	}
	if err := MarkDiverged(dir, &zab.DivergedError{Zxid: zxid.New(1, 128), Mine: 0xbad, Majority: 0x900d, Agree: 2, Asked: 3}); err != nil {
		t.Fatal(err)
	}
	return dir, logDir, id
}

// A folder whose state is wrong is not served again, and the refusal says what to do.
func TestDivergedFolderIsRefused(t *testing.T) {
	dir, _, _ := diverged(t)
	err := RefuseDiverged(dir)
	for _, word := range []string{"0x100000080", "0000000000000bad", "000000000000900d", "2 of 3", "paddock refill --data-dir " + dir} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not say %q", err, word)
		}
	}
}

// cutShort does a part of SetAside.
func cutShort(dir, logDir, name, where string) error {
	mark, err := os.ReadFile(filepath.Join(dir, divergedFile))
	switch where {
	case "after the log":
		err = putAside(logDir, "log", filepath.Join(logDir, name))
	case "after the state":
		if err = putAside(logDir, "log", filepath.Join(logDir, name)); err == nil {
			err = putAside(dir, "state", filepath.Join(dir, name))
		}
	case "before the mark":
		if _, err = SetAside(dir, logDir); err == nil {
			err = os.WriteFile(filepath.Join(dir, divergedFile), mark, 0o600)
		}
	}
	return err
}

// Putting the data of a marked folder aside keeps all of it, and leaves an empty log of the same server, also if an earlier try was cut short anywhere.
func TestDivergedFolderIsPutAside(t *testing.T) {
	const name = "evidence-0x100000080"
	for _, where := range []string{"nowhere", "after the log", "after the state", "before the mark"} {
		t.Run(where, func(t *testing.T) {
			dir, logDir, id := diverged(t)
			if err := cutShort(dir, logDir, name, where); err != nil {
				t.Fatal(err)
			}
			aside, logAside := filepath.Join(dir, name), filepath.Join(logDir, name)
			evidence, err := SetAside(dir, logDir)
			if err != nil || len(evidence) != 2 || evidence[0] != aside || evidence[1] != logAside {
				t.Fatal(evidence, err)
			}
			if err := RefuseDiverged(dir); err != nil {
				t.Error(err)
			}
			f, err := Open(dir, logDir, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if f.Log.Last() != 0 || f.State.LastZxid() != 0 || f.ID.Incarnation != id.Incarnation || f.ID.Server != 3 {
				t.Errorf("what is left holds %v, the state is at %v, it is of %+v", f.Log.Last(), f.State.LastZxid(), f.ID)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if f, err = Open(aside, logAside, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			if f.State.Digest() != oneNode().Digest() {
				t.Error("the evidence holds another state")
			}
			_ = f.Close()
			if _, err := os.Stat(filepath.Join(aside, divergedFile)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A server that still runs on the folder keeps its data.
func TestRunningServerIsNotPutAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := Create(t.Context(), dir, NewIdentity(1), oneNode(), zab.Ensemble{}); err != nil {
		t.Fatal(err)
	}
	if err := MarkDiverged(dir, &zab.DivergedError{Zxid: 1}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := SetAside(dir, ""); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); err != nil {
		t.Error(err)
	}
}
