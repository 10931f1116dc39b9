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
	node(n *snapNode) error // parents come before children
	reached(zxid int64)     // the transaction that was last when the snapshot was finished
}

// snapNode is a node of a snapshot. Path is "/" for the root.
type snapNode struct {
	znode.Image
	lostACL int64 // the key of its ACL list, if the table does not hold it: then a log behind the snapshot does. 0 = known
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
	return readSeals(s, to)
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
		n := snapNode{Image: znode.Image{Path: path, Data: s.buffer()}}
		key := s.long()
		n.Czxid, n.Mzxid, n.Ctime, n.Mtime = s.long(), s.long(), s.long(), s.long()
		n.Version, n.Cversion, n.Aversion = s.int(), s.int(), s.int()
		n.EphemeralOwner, n.Pzxid = s.long(), s.long()
		if s.err != nil {
			break
		}
		list, ok := acls[key]
		if n.ACL = list; !ok { // the table is written first, and the node was made or got its list while the snapshot was written
			n.lostACL = key
		}
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

// Behind the first seal there may be two parts, each with a seal of its own; which ones, only their length tells.
const (
	sealSize   = 8 + 4 + 1
	digestPart = 8 + 4 + 8 + sealSize // since 3.6, unless digest.enabled=false: zxid, version, digest
	zxidPart   = 8 + sealSize         // since 3.9, unless serializeLastProcessedZxid.enabled=false
)

// readSeals checks the Adler-32 behind the nodes, and those behind the optional parts.
func readSeals(s *stream, to snapshotSink) error {
	if err := readSeal(s); err != nil {
		return err
	}
	rest, err := s.r.Peek(digestPart + zxidPart + 1)
	if err != nil && err != io.EOF {
		return fmt.Errorf("%w: behind offset %d: %w", ErrDamaged, s.off, err)
	}
	switch len(rest) {
	case 0, digestPart, zxidPart, digestPart + zxidPart:
	default:
		return fmt.Errorf("%w: at least %d bytes are behind offset %d, which is no version's way to end a snapshot", ErrDamaged, len(rest), s.off)
	}
	if len(rest) >= digestPart {
		at := s.long()
		s.int()
		s.long()
		to.reached(at)
		if err := readSeal(s); err != nil {
			return err
		}
	}
	if len(rest) == zxidPart || len(rest) == digestPart+zxidPart {
		to.reached(s.long())
		return readSeal(s)
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
