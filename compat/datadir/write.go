package datadir

import (
	"bufio"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
	"strings"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

// SnapshotName is the file name that ZooKeeper expects of a snapshot at z.
func SnapshotName(z int64) string { return fmt.Sprintf("snapshot.%x", z) }

// WriteSnapshot writes the state as a snapshot that ZooKeeper 3.5 to 3.9 load: header, sessions, ACL table, nodes, seal. The optional
// digest and last zxid are left out, as versions before 3.6 do. Private records stay behind.
func WriteSnapshot(w io.Writer, st *znode.State) error {
	o := &sealed{w: bufio.NewWriterSize(w, 1<<20), sum: adler32.New()}
	b := jute.AppendInt(nil, snapMagic)
	b = jute.AppendInt(b, formatV2)
	o.put(jute.AppendLong(b, -1))
	o.put(jute.AppendInt(nil, int32(st.SessionCount())))
	st.Sessions(func(id session.ID, timeoutMs int32) {
		o.put(jute.AppendInt(jute.AppendLong(nil, int64(id)), timeoutMs))
	})
	keys, err := writeACLTable(o, st)
	if err != nil {
		return err
	}
	var buf []byte
	err = st.Walk(func(n *znode.Image) error {
		buf = appendNode(buf[:0], n, keys[aclKey(n.ACL)])
		o.put(buf)
		return o.err
	})
	if err != nil {
		return fmt.Errorf("datadir: write a snapshot: %w", err)
	}
	o.put(jute.AppendText(nil, endOfNodes))
	o.put(jute.AppendText(jute.AppendLong(nil, int64(o.sum.Sum32())), sealText))
	if o.err == nil {
		o.err = o.w.Flush()
	}
	if o.err != nil {
		return fmt.Errorf("datadir: write a snapshot: %w", o.err)
	}
	return nil
}

// sealed writes and sums; the first error sticks.
type sealed struct {
	w   *bufio.Writer
	sum hash.Hash32
	err error
}

func (o *sealed) put(b []byte) {
	if o.err == nil {
		o.sum.Write(b)
		_, o.err = o.w.Write(b)
	}
}

// writeACLTable numbers the lists that occur, from 1; the open list has its fixed key and is not written.
func writeACLTable(o *sealed, st *znode.State) (map[string]int64, error) {
	keys := map[string]int64{aclKey(openList()): openACL}
	var lists [][]znode.ACL
	err := st.Walk(func(n *znode.Image) error {
		if k := aclKey(n.ACL); keys[k] == 0 {
			lists = append(lists, append([]znode.ACL(nil), n.ACL...))
			keys[k] = int64(len(lists))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	o.put(jute.AppendInt(nil, int32(len(lists))))
	for i, list := range lists {
		b := jute.AppendInt(jute.AppendLong(nil, int64(i+1)), int32(len(list)))
		for _, a := range list {
			b = jute.AppendText(jute.AppendText(jute.AppendInt(b, a.Perms), a.Scheme), a.ID)
		}
		o.put(b)
	}
	return keys, nil
}

// aclKey tells lists apart.
func aclKey(list []znode.ACL) string {
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, "%d:%q:%q,", a.Perms, a.Scheme, a.ID)
	}
	return b.String()
}

func appendNode(b []byte, n *znode.Image, key int64) []byte {
	path := n.Path
	if path == "/" {
		path = ""
	}
	b = jute.AppendBuffer(jute.AppendText(b, path), n.Data)
	b = jute.AppendLong(b, key)
	for _, v := range []int64{n.Czxid, n.Mzxid, n.Ctime, n.Mtime} {
		b = jute.AppendLong(b, v)
	}
	for _, v := range []int32{n.Version, n.Cversion, n.Aversion} {
		b = jute.AppendInt(b, v)
	}
	return jute.AppendLong(jute.AppendLong(b, n.EphemeralOwner), n.Pzxid)
}
