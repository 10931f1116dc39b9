package datadir

import (
	"errors"
	"fmt"
	"io"

	"github.com/paddock-zk/paddock/znode"
)

// snapshot file, in order: header, sessions, ACL table, nodes until the path "/", seal; then, since 3.6, digest and seal; then, since
// 3.9, last processed zxid and seal (FileSnap, SerializeUtils, DataTree.serialize).
const (
	snapMagic   = 0x5a4b534e // ZKSN
	formatV2    = 2
	openACL     = -1 // key of the list that is never written: world:anyone all
	sealText    = "/"
	endOfNodes  = "/"
	maxSessions = 1 << 28
)

// snapshotSink takes what a snapshot holds.
type snapshotSink interface {
	session(id int64, timeoutMs int32)
	node(n *znode.Image) error // Path is "/" for the root; parents come before children
}

// readSnapshot reads one uncompressed snapshot. Whatever is wrong with it is an error that wraps ErrDamaged.
func readSnapshot(r io.Reader, to snapshotSink) error {
	s := newStream(r)
	if magic, v := s.int(), s.int(); magic != snapMagic || v != formatV2 {
		return fmt.Errorf("%w: not a snapshot of format 2 (magic %08x, version %d)", ErrDamaged, uint32(magic), v)
	}
	s.long() // dbid
	n := int(s.int())
	if n < 0 || n > maxSessions {
		return fmt.Errorf("%w: %d sessions", ErrDamaged, n)
	}
	for i := 0; i < n && s.err == nil; i++ {
		id, timeout := s.long(), s.int()
		if s.err == nil {
			to.session(id, timeout)
		}
	}
	acls := readACLTable(s)
	if err := readNodes(s, acls, to); err != nil {
		return err
	}
	return readSeals(s)
}

func readACLTable(s *stream) map[int64][]znode.ACL {
	out := map[int64][]znode.ACL{openACL: {{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}}
	n := int(s.int())
	if n < 0 {
		s.fail(fmt.Errorf("%w: %d ACL lists", ErrDamaged, n))
	}
	for i := 0; i < n && s.err == nil; i++ {
		key := s.long()
		out[key] = s.acls()
	}
	return out
}

func readNodes(s *stream, acls map[int64][]znode.ACL, to snapshotSink) error {
	for s.err == nil {
		path := s.text()
		if s.err != nil || path == endOfNodes {
			break
		}
		n := znode.Image{Path: path, Data: s.buffer()}
		key := s.long()
		n.Czxid, n.Mzxid, n.Ctime, n.Mtime = s.long(), s.long(), s.long(), s.long()
		n.Version, n.Cversion, n.Aversion = s.int(), s.int(), s.int()
		n.EphemeralOwner, n.Pzxid = s.long(), s.long()
		if s.err != nil {
			break
		}
		list, ok := acls[key]
		if !ok {
			return fmt.Errorf("%w: node %s names ACL list %d, which is not in the table", ErrDamaged, path, key)
		}
		n.ACL = list
		if path == "" {
			n.Path = "/"
		}
		if err := to.node(&n); err != nil {
			return err
		}
	}
	return whole(s)
}

// whole turns an end of file inside the content into damage.
func whole(s *stream) error {
	if errors.Is(s.err, io.EOF) {
		return fmt.Errorf("%w: the file ends at offset %d, before the end of its content", ErrDamaged, s.off)
	}
	return s.err
}

// readSeals checks the Adler-32 behind the nodes, and those behind the optional parts, as far as the file goes.
func readSeals(s *stream) error {
	if err := readSeal(s); err != nil {
		return err
	}
	for _, part := range []func(){func() { s.long(); s.int(); s.long() }, func() { s.long() }} {
		part()
		if errors.Is(s.err, io.EOF) { // older versions end after any seal
			return nil
		}
		if err := readSeal(s); err != nil {
			return err
		}
	}
	return nil
}

func readSeal(s *stream) error {
	have := s.sum.Sum32()
	want, text := s.long(), s.text()
	if err := whole(s); err != nil {
		return err
	}
	if uint32(want) != have || want>>32 != 0 || text != sealText {
		return fmt.Errorf("%w: checksum %08x before offset %d, the content says %08x", ErrDamaged, uint64(want), s.off, have)
	}
	return nil
}
