package datadir

import (
	"bytes"
	"fmt"
	"hash/adler32"
	"os"
	"path/filepath"
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

// Data directories of ZooKeeper, written byte by byte: what a test damages it must first know to be whole.

const epoch1 = int64(1) << 32

func logBytes(entries ...[]byte) []byte {
	b := jute.AppendLong(jute.AppendInt(jute.AppendInt(nil, logMagic), formatV2), 0)
	return append(b, bytes.Join(entries, nil)...)
}

// txn is a type and its record.
type txn struct {
	kind int32
	body []byte
}

// entry is one whole entry of a log.
func entry(z int64, t txn) []byte {
	b := jute.AppendInt(jute.AppendLong(nil, 0x100000000000001), 1)
	b = jute.AppendInt(jute.AppendLong(jute.AppendLong(b, z), 1_700_000_000_000+z%100000), t.kind)
	b = append(b, t.body...)
	return append(jute.AppendBuffer(jute.AppendLong(nil, int64(adler32.Checksum(b))), b), endOfEntry)
}

func appendACL(b []byte, list []znode.ACL) []byte {
	b = jute.AppendInt(b, int32(len(list)))
	for _, a := range list {
		b = jute.AppendText(jute.AppendText(jute.AppendInt(b, a.Perms), a.Scheme), a.ID)
	}
	return b
}

func createTxn(path string, acl []znode.ACL, parentCversion int32) txn {
	b := appendACL(jute.AppendBuffer(jute.AppendText(nil, path), []byte("d")), acl)
	return txn{typeCreate, jute.AppendInt(append(b, 0), parentCversion)}
}

func deleteTxn(path string) txn { return txn{typeDelete, jute.AppendText(nil, path)} }

func setTxn(path, data string, version int32) txn {
	return txn{typeSetData, jute.AppendInt(jute.AppendBuffer(jute.AppendText(nil, path), []byte(data)), version)}
}

func setACLTxn(path string, acl []znode.ACL, version int32) txn {
	return txn{typeSetACL, jute.AppendInt(appendACL(jute.AppendText(nil, path), acl), version)}
}

func sessionTxn(timeout int32) txn { return txn{typeCreateSession, jute.AppendInt(nil, timeout)} }

func closeTxn() txn { return txn{kind: typeCloseSession} }

// snapNodeBytes is one node of a snapshot whose three zxids are the same.
func snapNodeBytes(path string, aclKey, z int64, cversion int32) []byte {
	b := jute.AppendLong(jute.AppendBuffer(jute.AppendText(nil, path), []byte("d")), aclKey)
	for _, v := range []int64{z, z, 5, 5} {
		b = jute.AppendLong(b, v)
	}
	for _, v := range []int32{0, cversion, 0} {
		b = jute.AppendInt(b, v)
	}
	return jute.AppendLong(jute.AppendLong(b, 0), z)
}

// snapBytes is a snapshot with an ACL table and nodes; parts are the optional ones behind the first seal, each gets a seal of its own.
func snapBytes(acls map[int64][]znode.ACL, nodes [][]byte, parts ...[]byte) []byte {
	b := jute.AppendInt(jute.AppendLong(jute.AppendInt(jute.AppendInt(nil, snapMagic), formatV2), -1), 0)
	b = jute.AppendInt(b, int32(len(acls)))
	for key, list := range acls {
		b = appendACL(jute.AppendLong(b, key), list)
	}
	for _, path := range []string{"", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"} {
		b = append(b, snapNodeBytes(path, openACL, 0, 0)...)
	}
	b = jute.AppendText(append(b, bytes.Join(nodes, nil)...), endOfNodes)
	seal := func() { b = jute.AppendText(jute.AppendLong(b, int64(adler32.Checksum(b))), sealText) }
	seal()
	for _, part := range parts {
		b = append(b, part...)
		seal()
	}
	return b
}

// dataDir writes files into version-2 of a fresh folder.
func dataDir(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "version-2"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, "version-2", name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load reads files and says which nodes outside /zookeeper came of them.
func load(t testing.TB, accept bool, files map[string][]byte) (*Report, map[string]znode.Image, error) {
	t.Helper()
	st := znode.NewState(znode.Options{})
	rep, err := Load(Options{DataDir: dataDir(t, files), AcceptLoss: accept}, st)
	nodes := map[string]znode.Image{}
	if err == nil {
		if bad := st.CheckInvariants(); bad != nil {
			t.Fatal(bad)
		}
		_ = st.Walk(func(n *znode.Image) error {
			if len(n.Path) > 1 && (len(n.Path) < 10 || n.Path[:10] != "/zookeeper") {
				c := *n
				c.ACL, c.Data = append([]znode.ACL(nil), n.ACL...), bytes.Clone(n.Data)
				nodes[n.Path] = c
			}
			return nil
		})
	}
	return rep, nodes, err
}

// creates are entries that create /a1, /a2, … behind zxid z.
func creates(z int64, n int) [][]byte {
	var out [][]byte
	for i := 1; i <= n; i++ {
		out = append(out, entry(z+int64(i), createTxn(fmt.Sprintf("/a%d", i), openList(), int32(i))))
	}
	return out
}
