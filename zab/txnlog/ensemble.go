package txnlog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// The membership as records of the log carry it:
//
//	version 8 | count 4 | each member: id 1, role 1, group 1, weight 4, length 2 + addr, length 2 + client
//
// An id that is longID says that the number stands in 4 bytes behind the client.
const memberFixed = 1 + 1 + 1 + 4 + 2 + 2

func appendEnsemble(dst []byte, e zab.Ensemble) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint64(dst, uint64(e.Version))
	dst = le.AppendUint32(dst, uint32(len(e.Members)))
	for _, m := range e.Members {
		dst = append(dst, shortID(m.ID), byte(m.Role), m.Group)
		dst = le.AppendUint32(dst, m.Weight)
		dst = append(le.AppendUint16(dst, uint16(len(m.Addr))), m.Addr...)
		dst = append(le.AppendUint16(dst, uint16(len(m.Client))), m.Client...)
		if m.ID > maxShortID {
			dst = le.AppendUint32(dst, uint32(m.ID))
		}
	}
	return dst
}

// decodeEnsemble is total: any bytes give an ensemble or an error.
func decodeEnsemble(b []byte) (zab.Ensemble, error) {
	var e zab.Ensemble
	le := binary.LittleEndian
	if len(b) < 12 {
		return e, fmt.Errorf("a membership of %d bytes", len(b))
	}
	e.Version = zxid.ID(le.Uint64(b))
	count := le.Uint32(b[8:])
	b = b[12:]
	if uint64(count) > uint64(len(b)/memberFixed) {
		return e, fmt.Errorf("a membership that claims %d servers in %d bytes", count, len(b))
	}
	var ok bool
	for range count {
		if len(b) < memberFixed {
			return e, errors.New("a membership that ends too early")
		}
		m := zab.Member{ID: zab.PeerID(b[0]), Role: zab.MemberRole(b[1]), Group: b[2], Weight: le.Uint32(b[3:])}
		if m.Addr, b, ok = shortString(b[7:]); !ok {
			return e, errors.New("a membership with an address that ends too early")
		}
		if m.Client, b, ok = shortString(b); !ok {
			return e, errors.New("a membership with a client address that ends too early")
		}
		if m.ID == longID {
			if len(b) < 4 || le.Uint32(b) <= maxShortID {
				return e, errors.New("a membership with a number that ends too early, or is in the form of a larger one")
			}
			m.ID, b = zab.PeerID(le.Uint32(b)), b[4:]
		}
		e.Members = append(e.Members, m)
	}
	if len(b) > 0 {
		return e, fmt.Errorf("a membership with %d bytes after it", len(b))
	}
	return e, nil
}

func shortString(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 2 {
		return "", nil, false
	}
	n := int(binary.LittleEndian.Uint16(b))
	if b = b[2:]; n > len(b) {
		return "", nil, false
	}
	return string(b[:n]), b[n:], true
}

func appendMetaRecord(dst []byte, k RecordKind, m zab.SnapshotMeta) []byte {
	return appendZxidRecord(dst, k, m.Zxid, appendEnsemble(nil, m.Ensemble))
}

// meta is the zxid and the membership of an anchor, a truncation or a base.
func (r *Record) meta() (zab.SnapshotMeta, error) {
	e, err := decodeEnsemble(r.Data)
	return zab.SnapshotMeta{Zxid: r.Zxid, Ensemble: e}, err
}
