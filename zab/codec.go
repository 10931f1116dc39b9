package zab

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// valid checks what can be checked without knowing the receiver's state.
func (m *Message) valid() error {
	if m.Type == 0 || m.Type >= msgTypeEnd {
		return fmt.Errorf("zab: unknown message type %d from server %d", m.Type, m.From)
	}
	if !m.From.Valid() {
		return fmt.Errorf("zab: %v from impossible server %d", m.Type, uint32(m.From))
	}
	if more := m.fields() &^ usedFields[m.Type]; more != 0 {
		return fmt.Errorf("zab: %v from server %d has fields that it cannot have: %v", m.Type, m.From, more)
	}
	if _, n := binary.Uvarint(m.Data); m.Type == MsgPing && n != len(m.Data) {
		return fmt.Errorf("zab: %v from server %d tells of a pause in %d bytes that are no number", m.Type, m.From, len(m.Data))
	}
	if m.Zxid < 0 || m.Prev < 0 || m.Commit < 0 || m.Epoch > 1<<31-1 {
		return fmt.Errorf("zab: negative zxid or epoch in %v", m)
	}
	if (m.Type == MsgVoteResp || m.Type == MsgPreVoteResp || m.Type == MsgHigher || m.Type == MsgVote) && m.Seq > 1<<31-1 {
		return fmt.Errorf("zab: epoch %d in %v from server %d is too large", m.Seq, m.Type, m.From)
	}
	prev := m.Prev
	for i := range m.Entries {
		e := &m.Entries[i]
		if e.Kind < EntryTxn || e.Kind > EntryReconfig || e.Prev != prev || e.Zxid.Epoch() > m.Epoch || !follows(prev, e.Zxid, e.Kind) {
			return fmt.Errorf("zab: entry %d of %v does not follow %v (prev %v, kind %d)", i, m, prev, e.Prev, e.Kind)
		}
		if e.Kind != EntryTxn {
			if _, _, err := e.Ensemble(); err != nil {
				return err
			}
		}
		prev = e.Zxid
	}
	return nil
}

// MaxMessageItems bounds the number of entries or payloads in one message.
const MaxMessageItems = 1 << 20

const (
	bitFlag = 1 << iota
	bitReject
	bitDigest
	bitEntries
	bitData
	bitPayloads
	bitsKnown = 1<<iota - 1
)

// AppendMessage appends the binary form of m: a fixed head of 64 bytes (big endian), then the parts that the bits in it name.
func AppendMessage(dst []byte, m *Message) []byte {
	var bits byte
	set := func(on bool, b byte) {
		if on {
			bits |= b
		}
	}
	set(m.Flag, bitFlag)
	set(m.Reject, bitReject)
	set(m.DigestZxid != 0 || m.Digest != 0, bitDigest)
	set(len(m.Entries) > 0, bitEntries)
	set(len(m.Data) > 0, bitData)
	set(len(m.Payloads) > 0, bitPayloads)
	be := binary.BigEndian
	dst = append(dst, byte(m.Type), bits, 0, 0)
	for _, v := range [...]uint32{uint32(m.From), uint32(m.To), uint32(m.Epoch)} {
		dst = be.AppendUint32(dst, v)
	}
	for _, v := range [...]uint64{uint64(m.Zxid), uint64(m.Prev), uint64(m.Commit), m.Seq, m.Ctx, m.Link} {
		dst = be.AppendUint64(dst, v)
	}
	if bits&bitDigest != 0 {
		dst = be.AppendUint64(dst, uint64(m.DigestZxid))
		dst = be.AppendUint64(dst, m.Digest)
	}
	if bits&bitEntries != 0 {
		dst = be.AppendUint32(dst, uint32(len(m.Entries)))
		for i := range m.Entries {
			dst = AppendEntry(dst, &m.Entries[i])
		}
	}
	if bits&bitData != 0 {
		dst = appendBytes(dst, m.Data)
	}
	if bits&bitPayloads != 0 {
		dst = be.AppendUint32(dst, uint32(len(m.Payloads)))
		for _, p := range m.Payloads {
			dst = appendBytes(dst, p)
		}
	}
	return dst
}

const messageHead = 4 + 3*4 + 6*8

// AppendEntry appends the binary form of one entry: zxid, prev, time (8 bytes each), kind (1), length (4), data.
func AppendEntry(dst []byte, e *Entry) []byte {
	be := binary.BigEndian
	dst = be.AppendUint64(dst, uint64(e.Zxid))
	dst = be.AppendUint64(dst, uint64(e.Prev))
	dst = be.AppendUint64(dst, uint64(e.Time))
	dst = append(dst, byte(e.Kind))
	return appendBytes(dst, e.Data)
}

const entryHead = 8 + 8 + 8 + 1 + 4

func appendBytes(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}

// DecodeMessage reads exactly one message; the result aliases b. Total: any bytes give a message or an error, and memory in
// proportion to len(b).
func DecodeMessage(b []byte, m *Message) error {
	*m = Message{}
	if len(b) < messageHead {
		return fmt.Errorf("zab: message of %d bytes is shorter than its head", len(b))
	}
	be := binary.BigEndian
	bits := b[1]
	if bits&^byte(bitsKnown) != 0 || b[2]|b[3] != 0 {
		return fmt.Errorf("zab: message with unknown bits %#x", b[1:4])
	}
	m.Type, m.Flag, m.Reject = MsgType(b[0]), bits&bitFlag != 0, bits&bitReject != 0
	m.From, m.To, m.Epoch = PeerID(be.Uint32(b[4:])), PeerID(be.Uint32(b[8:])), zxid.Epoch(be.Uint32(b[12:]))
	m.Zxid, m.Prev, m.Commit = zxid.ID(be.Uint64(b[16:])), zxid.ID(be.Uint64(b[24:])), zxid.ID(be.Uint64(b[32:]))
	m.Seq, m.Ctx, m.Link = be.Uint64(b[40:]), be.Uint64(b[48:]), be.Uint64(b[56:])
	d := decoder{b: b[messageHead:]}
	if bits&bitDigest != 0 {
		m.DigestZxid, m.Digest = zxid.ID(d.uint64()), d.uint64()
	}
	if bits&bitEntries != 0 {
		m.Entries = make([]Entry, d.count(entryHead))
		for i := range m.Entries {
			d.entry(&m.Entries[i])
		}
	}
	if bits&bitData != 0 {
		m.Data = d.bytes()
	}
	if bits&bitPayloads != 0 {
		m.Payloads = make([][]byte, d.count(4))
		for i := range m.Payloads {
			m.Payloads[i] = d.bytes()
		}
	}
	if d.err == nil && len(d.b) > 0 {
		d.err = fmt.Errorf("zab: %d bytes after the end of a message", len(d.b))
	}
	if d.err != nil {
		return d.err
	}
	return m.valid()
}

// DecodeEntry reads one entry from the start of b and returns the rest; e.Data aliases b. Total.
func DecodeEntry(b []byte, e *Entry) (rest []byte, err error) {
	d := decoder{b: b}
	d.entry(e)
	return d.b, d.err
}

// decoder cuts pieces off b; after the first error it returns zeros.
type decoder struct {
	b   []byte
	err error
}

var errShort = errors.New("zab: message ends in the middle")

func (d *decoder) cut(n int) []byte {
	if d.err != nil || n > len(d.b) {
		d.err, d.b = errShort, nil
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) uint64() uint64 {
	if p := d.cut(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if p := d.cut(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (d *decoder) bytes() []byte { return d.cut(int(d.uint32())) }

// count reads a number of items of at least size bytes each, and believes it only if they fit.
func (d *decoder) count(size int) int {
	n := int(d.uint32())
	if n > MaxMessageItems || n > len(d.b)/size {
		d.err, d.b = errShort, nil
		return 0
	}
	return n
}

func (d *decoder) entry(e *Entry) {
	p := d.cut(entryHead - 4)
	if p == nil {
		return
	}
	be := binary.BigEndian
	e.Zxid, e.Prev, e.Time = zxid.ID(be.Uint64(p)), zxid.ID(be.Uint64(p[8:])), int64(be.Uint64(p[16:]))
	e.Kind = EntryKind(p[24])
	e.Data = d.bytes()
}
