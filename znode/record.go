package znode

import (
	"encoding/binary"
	"fmt"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Records are the state as (key, value) pairs: for the store, for checkpoint files, for the transfer to a peer. Keys are short: nodes are
// known by slot, not by path, and name their parent's slot. Every value begins with a format version.
//
//	a <acl id, 4>      an ACL
//	m                  totals, zxid, time, digest
//	n <slot, 4>        a node: fixed part, name, data
//	p <name>           a private record
//	s <session id, 8>  a session
const (
	recordACL     = 'a'
	recordMeta    = 'm'
	recordNode    = 'n'
	recordSecret  = 'p'
	recordSession = 's'

	recordVersion = 1

	maxSecretName = 255
	maxPath       = maxName // a sanity bound far above any frame
	maxACLID      = 1 << 28

	nodeFixed = 1 + 7*4 + 6*8
	metaSize  = 1 + 6*8
)

func appendKey32(dst []byte, kind byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, kind), id)
}

func appendSessionKey(dst []byte, id session.ID) []byte {
	return binary.BigEndian.AppendUint64(append(dst, recordSession), uint64(id))
}

// appendNode is the value of a node's record.
func (s *State) appendNode(dst []byte, n *node) []byte {
	le := binary.LittleEndian
	dst = append(dst, recordVersion)
	dst = le.AppendUint32(dst, n.parent)
	dst = le.AppendUint32(dst, n.acl)
	dst = le.AppendUint32(dst, uint32(n.version))
	dst = le.AppendUint32(dst, uint32(n.cversion))
	dst = le.AppendUint32(dst, uint32(n.aversion))
	dst = le.AppendUint32(dst, uint32(n.nameLen()))
	dst = le.AppendUint32(dst, uint32(n.dataLen))
	dst = le.AppendUint64(dst, uint64(n.czxid))
	dst = le.AppendUint64(dst, uint64(n.mzxid))
	dst = le.AppendUint64(dst, uint64(n.pzxid))
	dst = le.AppendUint64(dst, uint64(n.ctime))
	dst = le.AppendUint64(dst, uint64(n.mtime))
	dst = le.AppendUint64(dst, uint64(n.owner))
	return append(dst, s.blobs.bytes(n.blob, n.blobSize())...)
}

// decodeNode fills the fields of n that a record holds and returns name and data together.
func decodeNode(v []byte, n *node) (blob []byte, err error) {
	if len(v) < nodeFixed {
		return nil, fmt.Errorf("znode: node record has %d bytes, needs at least %d", len(v), nodeFixed)
	}
	le := binary.LittleEndian
	n.parent, n.acl = le.Uint32(v[1:]), le.Uint32(v[5:])
	n.version, n.cversion, n.aversion = int32(le.Uint32(v[9:])), int32(le.Uint32(v[13:])), int32(le.Uint32(v[17:]))
	nameLen := le.Uint32(v[21:])
	n.dataLen = int32(le.Uint32(v[25:]))
	for i, p := range [...]*int64{&n.czxid, &n.mzxid, &n.pzxid, &n.ctime, &n.mtime, &n.owner} {
		*p = int64(le.Uint64(v[29+8*i:]))
	}
	blob = v[nodeFixed:]
	if nameLen > maxName || n.dataLen < -1 || uint64(nameLen)+uint64(max(n.dataLen, 0)) != uint64(len(blob)) {
		return nil, fmt.Errorf("znode: node record: name of %d and data of %d bytes do not fill %d", nameLen, n.dataLen, len(blob))
	}
	n.setNameLen(int(nameLen))
	return blob, nil
}

// metaRecord is what the image as a whole must add up to.
type metaRecord struct {
	zxid     zxid.ID
	time     int64
	nodes    int64
	sessions int64
	secrets  int64
	digest   uint64
}

func (s *State) appendMeta(dst []byte) []byte {
	dst = append(dst, recordVersion)
	for _, v := range [...]int64{int64(s.zxid), s.time, int64(s.totals.nodes), int64(len(s.sessions)), int64(len(s.secrets)), int64(s.totals.sum)} {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
	}
	return dst
}

func decodeMeta(v []byte) (m metaRecord, err error) {
	if len(v) != metaSize {
		return m, fmt.Errorf("znode: record of totals has %d bytes, needs %d", len(v), metaSize)
	}
	at := func(i int) int64 { return int64(binary.LittleEndian.Uint64(v[1+8*i:])) }
	return metaRecord{zxid: zxid.ID(at(0)), time: at(1), nodes: at(2), sessions: at(3), secrets: at(4), digest: uint64(at(5))}, nil
}

func appendSession(dst []byte, rec *sessionRecord) []byte {
	dst = binary.LittleEndian.AppendUint32(append(dst, recordVersion), uint32(rec.timeoutMs))
	return append(dst, rec.password[:]...)
}

func decodeSession(v []byte) (timeoutMs int32, password [16]byte, err error) {
	if len(v) != 1+4+16 {
		return 0, password, fmt.Errorf("znode: session record has %d bytes, needs 21", len(v))
	}
	return int32(binary.LittleEndian.Uint32(v[1:])), [16]byte(v[5:]), nil
}

// decodeACL reads the canonical bytes that appendACL wrote. The strings alias v.
func decodeACL(v []byte) ([]ACL, error) {
	list := []ACL{}
	r := reader{b: v}
	for len(r.b) > 0 && r.err == nil {
		list = append(list, ACL{Perms: Perm(r.fixed32()), Scheme: r.text(), ID: r.text()})
	}
	return list, r.err
}
