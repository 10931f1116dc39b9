package formats

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing/paseto"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

// each runs a test for each version that has files.
func each(t *testing.T, test func(t *testing.T, dir string)) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(versions, "v*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no versions in %s: %v", versions, err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) { test(t, dir) })
	}
}

// The log is read record by record, and each transaction in it is understood.
func TestLog(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		log := filepath.Join(unpack(t, filepath.Join(dir, "folder.tar.gz")), "log")
		kinds, paths := map[zab.EntryKind]int{}, map[string]znode.Kind{}
		report, err := txnlog.Inspect(txnlog.OS{}, log, func(_ txnlog.Location, record *txnlog.Record) error {
			if record.Kind != txnlog.RecordEntry {
				return nil
			}
			kinds[record.Entry.Kind]++
			if record.Entry.Kind != zab.EntryTxn {
				return nil
			}
			var txn znode.Txn
			if err := znode.DecodeTxn(record.Entry.Data, &txn); err != nil {
				return err
			}
			paths[strings.Clone(txn.Op.Path)] = txn.Op.Kind
			return nil
		})
		must(t, err)
		if report.Torn != 0 || report.Last.Epoch() != 1 || kinds[zab.EntryNewLeader] != 1 || kinds[zab.EntryTxn] < 45 {
			t.Errorf("%d bytes torn, last %v, entries %v", report.Torn, report.Last, kinds)
		}
		if paths["/formats/container"] != znode.KindCreate || paths["/formats/gone"] != znode.KindDelete || paths["/formats/more-29"] != znode.KindCreate {
			t.Errorf("operations %v", paths)
		}
	})
}

// A checkpoint and a backup are loaded whole: their digest is summed.
func TestImages(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		folder := unpack(t, filepath.Join(dir, "folder.tar.gz"))
		checkpoints, err := store.Checkpoints(filepath.Join(folder, "state"))
		if err != nil || len(checkpoints) == 0 {
			t.Fatalf("checkpoints %v: %v", checkpoints, err)
		}
		for _, image := range []string{checkpoints[0].Path, filepath.Join(dir, "backup.img")} {
			state := znode.NewState(znode.Options{})
			header, err := store.LoadCheckpoint(image, nil, state)
			if err != nil {
				t.Errorf("%s: %v", image, err)
				continue
			}
			if data, stat, code := state.GetData("/formats/multi", nil, 0); code != 0 || string(data) != "set" || stat.Version != 1 {
				t.Errorf("%s at %v: %q %+v %v", image, header.Zxid, data, stat, code)
			}
		}
	})
}

// A server starts on the folder and serves all of it, and goes on writing.
func TestServe(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		folder := unpack(t, filepath.Join(dir, "folder.tar.gz"))
		paddock(t, "verify", "--data-dir", folder)
		look(t, folder, true)
		look(t, folder, true)
	})
}

// A backup is restored and served.
func TestRestore(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		folder := filepath.Join(t.TempDir(), "1")
		paddock(t, "snapshot", "restore", "--data-dir", folder, "--nothing-newer", filepath.Join(dir, "backup.img"))
		look(t, folder, false)
	})
}

// look starts a server on a folder, reads what [populate] and, if behind, [more] have written, and writes.
func look(t *testing.T, folder string, behind bool) {
	t.Helper()
	server := zktest.StartPaddock(t, config(folder))
	conn, _, err := zk.Connect([]string{server.Addr()}, zktest.Patience, zk.WithLogInfo(false))
	must(t, err)
	defer conn.Close()
	data, stat, err := conn.Get("/formats")
	if err != nil || string(data) != "two" || stat.Version != 1 || stat.Czxid>>32 != 1 {
		t.Errorf("/formats: %q %+v %v", data, stat, err)
	}
	if _, _, err := conn.Get("/formats/closed"); !errors.Is(err, zk.ErrNoAuth) {
		t.Errorf("a closed node without its password: %v", err)
	}
	must(t, conn.AddAuth("digest", []byte("user:password")))
	if data, _, err := conn.Get("/formats/closed"); err != nil || string(data) != "secret" {
		t.Errorf("a closed node: %q %v", data, err)
	}
	if acl, _, err := conn.GetACL("/formats/n-0000000002"); err != nil || len(acl) != 1 || acl[0].Perms != zk.PermRead {
		t.Errorf("an ACL that was set: %v %v", acl, err)
	}
	if limits, _, err := conn.Get("/zookeeper/quota/formats/zookeeper_limits"); err != nil || !bytes.HasPrefix(limits, []byte("count=100")) {
		t.Errorf("a quota: %q %v", limits, err)
	}
	names, _, err := conn.Children("/formats")
	must(t, err)
	names = slices.DeleteFunc(names, func(name string) bool { return name == "again" })
	slices.Sort(names)
	if got := strings.Join(names[:4], " "); got != "closed container more-00 more-01" && behind || len(names) != 34 && behind || !behind && len(names) != 4 {
		t.Errorf("%d children: %v", len(names), names)
	}
	if _, err := conn.Create("/formats/again", nil, 0, zk.WorldACL(zk.PermAll)); err != nil && !errors.Is(err, zk.ErrNodeExists) {
		t.Errorf("a write: %v", err)
	}
	must(t, server.Stop())
}

// A token is verified with the key set of its time.
func TestToken(t *testing.T) {
	each(t, func(t *testing.T, dir string) {
		document, err := os.ReadFile(filepath.Join(dir, "keys.json"))
		must(t, err)
		var keys paseto.KeySet
		must(t, json.Unmarshal(document, &keys))
		text, err := os.ReadFile(filepath.Join(dir, "token.txt"))
		must(t, err)
		verifier, err := paseto.NewVerifier(paseto.Config{Cluster: keys.Cluster, Keys: keys})
		must(t, err)
		token, err := verifier.Verify(strings.TrimSpace(string(text)))
		if err != nil || token.Fence>>32 != 1 || token.Audit.Path != "/lock" {
			t.Errorf("token %+v: %v", token, err)
		}
	})
}
