package txnlog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// RecordKind says what a record of the log holds.
type RecordKind uint8

// The records of a frame stand in this order; an anchor only in the first frame of a segment.
const (
	RecordAnchor    RecordKind = 1 // the history before the segment ended at Zxid: opening may begin at any segment
	RecordHardState RecordKind = 2 // promise, vote, commit hint
	RecordBase      RecordKind = 3 // an image at Zxid was installed: every entry before this record is void
	RecordTruncate  RecordKind = 4 // every entry after Zxid is void
	RecordEntry     RecordKind = 5 // one entry of the history
)

// String names the kind as the inspect tool prints it.
func (k RecordKind) String() string {
	switch k {
	case RecordAnchor:
		return "anchor"
	case RecordHardState:
		return "hard-state"
	case RecordTruncate:
		return "truncate"
	case RecordBase:
		return "base"
	case RecordEntry:
		return "entry"
	}
	return fmt.Sprintf("record(%d)", uint8(k))
}

// Record is one decoded record. Data aliases the buffer it was decoded from.
type Record struct {
	Kind  RecordKind
	Zxid  zxid.ID // anchor: the last entry before; truncate, base, entry: the one it is about
	Entry zab.Entry
	State zab.HardState
	Data  []byte // anchor, truncate, base: the encoded ensemble as of Zxid
}

// A record is kind 1 | entry kind 1 | zero 2 | body length 4 | body. The frame around it carries the checksum.
const (
	recordHeader = 8
	entryFixed   = 24 // zxid, prev, time
	stateSize    = 13 // promised, vote, commit
	fillSize     = 8  // behind it, if there is a fill or a file
	fileSize     = 8  // behind it, if there is a file
	longVoteSize = 4  // behind it, if the vote's number does not fit into its byte, which is longID then
)

// Numbers of servers take one byte where they fit, as nearly all do.
const (
	maxShortID = 0xfe
	longID     = 0xff
)

func shortID(id zab.PeerID) byte {
	if id > maxShortID {
		return longID
	}
	return byte(id)
}

func appendRecordHeader(dst []byte, k RecordKind, ek zab.EntryKind, body int) []byte {
	dst = append(dst, byte(k), byte(ek), 0, 0)
	return binary.LittleEndian.AppendUint32(dst, uint32(body))
}

func appendZxidRecord(dst []byte, k RecordKind, z zxid.ID, data []byte) []byte {
	dst = appendRecordHeader(dst, k, 0, 8+len(data))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(z))
	return append(dst, data...)
}

func appendEntryRecord(dst []byte, e *zab.Entry) []byte {
	dst = appendRecordHeader(dst, RecordEntry, e.Kind, entryFixed+len(e.Data))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Zxid))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Prev))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Time))
	return append(dst, e.Data...)
}

func appendStateRecord(dst []byte, hs zab.HardState) []byte {
	size := stateSize
	if hs.Fill != 0 || hs.File != 0 {
		size += fillSize
	}
	if hs.File != 0 {
		size += fileSize
	}
	if hs.Vote > maxShortID {
		size += longVoteSize
	}
	dst = appendRecordHeader(dst, RecordHardState, 0, size)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(hs.Promised))
	dst = append(dst, shortID(hs.Vote))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(hs.Commit))
	if hs.Fill != 0 || hs.File != 0 {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(hs.Fill))
	}
	if hs.File != 0 {
		dst = binary.LittleEndian.AppendUint64(dst, hs.File)
	}
	if hs.Vote > maxShortID {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(hs.Vote))
	}
	return dst
}

// decodeRecord takes one record off the front of b. It is total: any bytes give a record or an error.
func decodeRecord(b []byte, r *Record) (rest []byte, err error) {
	if len(b) < recordHeader {
		return nil, fmt.Errorf("%d bytes where a record header of %d should be", len(b), recordHeader)
	}
	kind, ek := RecordKind(b[0]), zab.EntryKind(b[1])
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	if b[2]|b[3] != 0 || kind != RecordEntry && ek != 0 {
		return nil, fmt.Errorf("a %v with a reserved byte set", kind)
	}
	b = b[recordHeader:]
	if n > uint64(len(b)) {
		return nil, fmt.Errorf("a %v of %d bytes with only %d left", kind, n, len(b))
	}
	body, rest := b[:n:n], b[n:]
	*r = Record{Kind: kind}
	switch kind {
	case RecordHardState:
		if err := decodeState(body, &r.State); err != nil {
			return nil, err
		}
	case RecordAnchor, RecordTruncate, RecordBase:
		if n < 8 {
			return nil, fmt.Errorf("a %v of %d bytes", kind, n)
		}
		r.Zxid, r.Data = zxid.ID(binary.LittleEndian.Uint64(body)), body[8:]
	case RecordEntry:
		if n < entryFixed {
			return nil, fmt.Errorf("an entry of %d bytes", n)
		}
		r.Zxid = zxid.ID(binary.LittleEndian.Uint64(body))
		r.Entry = zab.Entry{
			Zxid: r.Zxid, Prev: zxid.ID(binary.LittleEndian.Uint64(body[8:])), Kind: ek,
			Time: int64(binary.LittleEndian.Uint64(body[16:])), Data: body[entryFixed:],
		}
	default:
		return nil, fmt.Errorf("unknown %v", kind)
	}
	if r.Zxid < 0 || r.Entry.Prev < 0 || r.State.Commit < 0 || r.State.Fill < 0 {
		return nil, fmt.Errorf("a %v with a negative zxid", kind)
	}
	return rest, nil
}

// decodeState reads the body of a hard state.
func decodeState(b []byte, hs *zab.HardState) error {
	le, size := binary.LittleEndian, len(b)
	long := size >= stateSize && b[4] == longID
	if long {
		size -= longVoteSize
	}
	if size != stateSize && size != stateSize+fillSize && size != stateSize+fillSize+fileSize {
		return fmt.Errorf("a hard state of %d bytes", len(b))
	}
	*hs = zab.HardState{Promised: zxid.Epoch(le.Uint32(b)), Vote: zab.PeerID(b[4]), Commit: zxid.ID(le.Uint64(b[5:]))}
	if size > stateSize {
		hs.Fill = zxid.ID(le.Uint64(b[stateSize:]))
	}
	if size > stateSize+fillSize {
		if hs.File = le.Uint64(b[stateSize+fillSize:]); hs.File == 0 {
			return errors.New("a hard state with a file that is none")
		}
	} else if size > stateSize && hs.Fill == 0 {
		return errors.New("a hard state with a fill that is none")
	}
	if long {
		hs.Vote = zab.PeerID(le.Uint32(b[size:]))
		if hs.Vote <= maxShortID {
			return fmt.Errorf("a hard state with a vote for %d in the form of a larger number", hs.Vote)
		}
	}
	return nil
}
