package txnlog

import (
	"encoding/binary"
)

// The last frames of the last segment may be what a crash left of a write that was never acknowledged. Cutting them is right then,
// and wrong if they were acknowledged and have rotted since. What tells the two apart, in this order:
//
//  1. The mark says that they were durable: rot.
//  2. A later frame says that they were durable when it was written (its synced field): rot.
//  3. A write can be torn only by losing sectors, which then read as the zeros of the preallocation (or, where a sector was stored
//     while the write was still being copied, end in zeros). A frame none of whose sectors lacks anything was written completely: rot.
//
// The limit: rot in the last acknowledged write is taken for a tear only if the mark did not reach the disk (a power cut within the
// kernel's writeback time, some 30 s) and the damaged frame has a sector of zeros by its own content or by the damage.

// missingTail is how many zeros at the end of a sector say that the rest of it was never written.
const missingTail = 32

// judge decides what a frame that is not good, at o.off in the last segment, is.
func (o *opener) judge(sc *scanner, f *frame, v verdict, what string) (tear, error) {
	path := sc.seg.path
	end, err := sc.lastByte(o.off)
	if err != nil {
		return tear{}, err
	}
	if end == o.off {
		return tear{}, nil // nothing but zeros: the log ends cleanly
	}
	if v == frameNone {
		what = "zeros with something after them"
	}
	if o.marked.seq > o.seq {
		return tear{}, damage(path, o.off, "%s; batch %d was stored and acknowledged", what, o.marked.seq)
	}
	later, found, err := sc.laterFrame(o.off, end, o.seq)
	if err != nil {
		return tear{}, err
	}
	if found {
		return tear{}, damage(path, o.off, "%s; batch %d at offset %d was written after it was stored and acknowledged", what, later.seq, later.off)
	}
	torn := v == frameNone
	switch v {
	case frameWrong:
		torn, err = sc.lacksSector(f)
	case frameBad:
		torn, err = sc.lacksHeader(o.off)
	}
	if err != nil {
		return tear{}, err
	}
	if !torn {
		return tear{}, damage(path, o.off, "%s; no sector of it is missing, so it was not torn by a crash", what)
	}
	return tear{off: o.off, bytes: end - o.off, what: what}, nil
}

// lastByte is the offset after the last byte at or after off that is not zero; off if all are.
func (s *scanner) lastByte(off int64) (int64, error) {
	last := off
	for at := off; at < s.end; {
		n := min(scanWindow, s.end-at)
		b, err := s.bytes(at, n)
		if err != nil {
			return 0, err
		}
		if !allZero(b) {
			k := len(b)
			for b[k-1] == 0 {
				k--
			}
			last = at + int64(k)
		}
		at += n
	}
	return last, nil
}

// laterFrame looks after off for a header that says that the batch after seq was durable when it was written.
func (s *scanner) laterFrame(off, end int64, seq uint64) (frame, bool, error) {
	for at := (off + frameAlign) &^ (frameAlign - 1); at+frameHeader <= end; {
		n := min(scanWindow, end-at)
		b, err := s.bytes(at, n)
		if err != nil {
			return frame{}, false, err
		}
		for i := int64(0); i+frameHeader <= n; i += frameAlign {
			if binary.LittleEndian.Uint32(b[i:]) != frameMagic {
				continue
			}
			if f, ok := openHeader(b[i:i+frameHeader], s.seg.seed, at+i); ok && f.synced > seq {
				return f, true, nil
			}
		}
		if n < scanWindow {
			break
		}
		at += n - (frameHeader+frameAlign-1)&^(frameAlign-1) // the next window begins with what may be half a header
	}
	return frame{}, false, nil
}

// lacksSector says whether a frame, whose header is good, has a sector that reads as if it had not been written.
func (s *scanner) lacksSector(f *frame) (bool, error) {
	b, err := s.bytes(f.off, f.end()-f.off)
	if err != nil {
		return false, err
	}
	for at := f.off; at < f.end(); {
		next := min((at/sectorSize+1)*sectorSize, f.end())
		if lacks(b[at-f.off : next-f.off]) {
			return true, nil
		}
		at = next
	}
	return false, nil
}

// lacks says whether a sector, or the frame's part of one, is missing: all of it or its end.
func lacks(b []byte) bool {
	return allZero(b[max(0, len(b)-missingTail):])
}

// lacksHeader says whether the header at off is itself the place where the writing stopped: its checksum and all after it in the
// sector are zeros. (A header never crosses a sector.)
func (s *scanner) lacksHeader(off int64) (bool, error) {
	n := min(sectorSize-off%sectorSize, s.end-off)
	b, err := s.bytes(off, n)
	if err != nil {
		return false, err
	}
	return allZero(b[32:]), nil
}
