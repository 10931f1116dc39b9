package txnlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A frame is one batch on disk: header, payload (records), tail, zeros up to where the next header may stand.
//
//	0 magic 4 | payload length 4 | seq 8 | synced 8 | prev 4 | sum 4 | header crc 4 | zero 4
//
// seq counts the batches of the log. synced is the last batch that was known durable when this one was written: a frame with
// synced >= n proves that batch n was acknowledged. prev is the sum of the batch before, sum covers prev, header and payload, so
// the batches are a chain. The header crc is seeded with the identity of the log, a secret drawn for the segment and the offset:
// neither a misdirected or stale block nor data crafted by a client can pass for a frame.
const (
	frameMagic  = 0x464b4450 // "PDKF"
	frameHeader = 40
	frameTail   = 4          // never zero, so that a lost last sector shows
	frameEnd    = 0xb9b4bbaf // ^frameMagic
	frameAlign  = 8
	sectorSize  = 512 // what a disk writes whole or not at all
	maxPayload  = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is a decoded frame header and where it stands.
type frame struct {
	off     int64  // of the header in its segment
	length  uint32 // of the payload
	seq     uint64
	synced  uint64
	prev    uint32
	sum     uint32
	payload []byte // aliases the reader's buffer
}

// nextFrame is where the frame after a payload that ends at end begins: aligned, and never with a header across a sector boundary, so
// that a torn write leaves a header whole or absent.
func nextFrame(end int64) int64 {
	off := (end + frameAlign - 1) &^ (frameAlign - 1)
	if sectorSize-off%sectorSize < frameHeader {
		off = (off + sectorSize - 1) &^ (sectorSize - 1)
	}
	return off
}

func (f *frame) end() int64  { return f.off + frameHeader + int64(f.length) + frameTail }
func (f *frame) next() int64 { return nextFrame(f.end()) }

// sealFrame writes header and tail of the frame whose payload is already in b between them, to stand at off; it returns the sum.
func sealFrame(b []byte, seed uint32, off int64, seq, synced uint64, prev uint32) uint32 {
	payload := b[frameHeader : len(b)-frameTail]
	if len(payload) > maxPayload {
		panic(fmt.Sprintf("txnlog: a batch of %d bytes; the most is %d", len(payload), maxPayload))
	}
	le := binary.LittleEndian
	le.PutUint32(b[0:], frameMagic)
	le.PutUint32(b[4:], uint32(len(payload)))
	le.PutUint64(b[8:], seq)
	le.PutUint64(b[16:], synced)
	le.PutUint32(b[24:], prev)
	sum := frameSum(seed, b[:28], payload)
	le.PutUint32(b[28:], sum)
	le.PutUint32(b[32:], headerSum(seed, off, b[:32]))
	le.PutUint32(b[36:], 0)
	le.PutUint32(b[len(b)-frameTail:], frameEnd)
	return sum
}

// openHeader checks and decodes a header that stands at off. It does not look at the payload.
func openHeader(b []byte, seed uint32, off int64) (frame, bool) {
	le := binary.LittleEndian
	if le.Uint32(b) != frameMagic || le.Uint32(b[36:]) != 0 || le.Uint32(b[32:]) != headerSum(seed, off, b[:32]) {
		return frame{}, false
	}
	f := frame{
		off: off, length: le.Uint32(b[4:]), seq: le.Uint64(b[8:]), synced: le.Uint64(b[16:]),
		prev: le.Uint32(b[24:]), sum: le.Uint32(b[28:]),
	}
	return f, f.length <= maxPayload
}

func frameSum(seed uint32, head, payload []byte) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, head), castagnoli, payload)
}

func headerSum(seed uint32, off int64, head []byte) uint32 {
	var at [8]byte
	binary.LittleEndian.PutUint64(at[:], uint64(off))
	return crc32.Update(crc32.Update(seed, castagnoli, at[:]), castagnoli, head)
}

func allZero(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
