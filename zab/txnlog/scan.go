package txnlog

import (
	"encoding/binary"
	"fmt"
)

// scanner walks the frames of one segment in order. Its window grows to the largest frame.
type scanner struct {
	seg *segment
	end int64 // frames are read below it
	buf []byte
	at  int64 // offset of buf[0]
}

// scanWindow is how much is read at a time.
const scanWindow = 256 << 10

// bytes returns n bytes at off, which stay good until the next call.
func (s *scanner) bytes(off, n int64) ([]byte, error) {
	if off >= s.at && off+n <= s.at+int64(len(s.buf)) {
		return s.buf[off-s.at:][:n], nil
	}
	want := min(max(n, scanWindow), s.end-off)
	if want < n {
		return nil, damage(s.seg.path, off, "%d bytes are missing at its end", n-want)
	}
	if int64(cap(s.buf)) < want {
		s.buf = make([]byte, want)
	}
	s.buf, s.at = s.buf[:want], off
	if err := readFull(s.seg.file, s.seg.path, s.buf, off); err != nil {
		s.buf = s.buf[:0]
		return nil, err
	}
	return s.buf[:n], nil
}

// verdict is what stands at an offset where a frame may begin.
type verdict uint8

const (
	frameGood  verdict = iota
	frameNone          // zeros, or no room for a header: nothing was written here
	frameBad           // the header does not check
	frameWrong         // the header checks and the rest does not
)

// frame reads what stands at off. The text says what is wrong when the verdict is frameBad or frameWrong.
func (s *scanner) frame(off int64) (f frame, v verdict, what string, err error) {
	if off+frameHeader > s.end {
		return f, frameNone, "", nil
	}
	b, err := s.bytes(off, frameHeader)
	if err != nil {
		return f, frameBad, "", err
	}
	if allZero(b) {
		return f, frameNone, "", nil
	}
	f, ok := openHeader(b, s.seg.seed, off)
	if !ok {
		return f, frameBad, "no frame header that checks", nil
	}
	if f.end() > s.end {
		return f, frameBad, fmt.Sprintf("a frame of %d bytes, which reaches beyond the file", f.length), nil
	}
	b, err = s.bytes(off, min(f.next(), s.end)-off)
	if err != nil {
		return f, frameBad, "", err
	}
	f.payload = b[frameHeader:][:f.length]
	if frameSum(s.seg.seed, b[:28], f.payload) != f.sum {
		return f, frameWrong, fmt.Sprintf("the checksum of batch %d (%d bytes) does not match", f.seq, f.length), nil
	}
	if binary.LittleEndian.Uint32(b[frameHeader+f.length:]) != frameEnd || !allZero(b[frameHeader+f.length+frameTail:]) {
		return f, frameWrong, fmt.Sprintf("batch %d does not end as it should", f.seq), nil
	}
	return f, frameGood, "", nil
}

// records calls each for every record of a checked frame. The error of a record that makes no sense names its place.
func (f *frame) records(path string, each func(off int64, r *Record) error) error {
	b := f.payload
	var r Record
	for len(b) > 0 {
		off := f.off + frameHeader + int64(len(f.payload)-len(b))
		rest, err := decodeRecord(b, &r)
		if err != nil {
			return damage(path, off, "%v", err)
		}
		if err := each(off, &r); err != nil {
			return err
		}
		b = rest
	}
	return nil
}
