package listener

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	// ErrFrameLength says that a length prefix was negative or above MaxFrame.
	ErrFrameLength = errors.New("frame length out of range")
	// ErrFrameRefused says that Options.AdmitFrame refused a large frame.
	ErrFrameRefused = errors.New("large frame refused, too many bytes of large requests are in flight")
)

// Frames is the input of one connection: a queue of bytes that is cut into frames. It is filled by the connection and emptied by the
// Receiver. Not safe for concurrent use.
type Frames struct {
	buf      []byte
	r, w     int // unread bytes are buf[r:w]
	max      int
	admit    func(n int) error
	admitted bool  // the frame at the head: admit is asked once for each frame, so that Ready and Next say the same
	err      error // why no further frame will ever come
}

// Next takes the next complete frame without its length prefix. It aliases the buffer and is valid until Receive returns. ok is false
// when no further complete frame is there.
func (f *Frames) Next() (frame []byte, ok bool) {
	n, ok := f.peek()
	if !ok || f.w-f.r < 4+n {
		return nil, false
	}
	frame = f.buf[f.r+4 : f.r+4+n : f.r+4+n]
	f.r += 4 + n
	f.admitted = false
	return frame, true
}

// Ready says whether Next would return a frame; if a bad length stands at the head it is noted.
func (f *Frames) Ready() bool {
	n, ok := f.peek()
	return ok && f.w-f.r >= 4+n
}

// Peek is the frame that Next would return; it stays where it is.
func (f *Frames) Peek() (frame []byte, ok bool) {
	n, ok := f.peek()
	if !ok || f.w-f.r < 4+n {
		return nil, false
	}
	return f.buf[f.r+4 : f.r+4+n : f.r+4+n], true
}

// Len is the number of bytes that wait, complete frames or not.
func (f *Frames) Len() int { return f.w - f.r }

// peek judges the length prefix at the head; the length is refused as soon as it is known, before its bytes are.
func (f *Frames) peek() (n int, ok bool) {
	if f.err != nil || f.w-f.r < 4 {
		return 0, false
	}
	n = int(int32(binary.BigEndian.Uint32(f.buf[f.r:])))
	if n < 0 || n > f.max {
		f.err = fmt.Errorf("%w: %d, allowed is 0 to %d (jute.maxbuffer)", ErrFrameLength, n, f.max)
		return 0, false
	}
	if f.admit != nil && !f.admitted {
		if err := f.admit(n); err != nil {
			f.err = err
			return 0, false
		}
		f.admitted = true
	}
	return n, true
}

// space makes room behind the unread bytes and returns it. A frame that is larger than the buffer makes it grow as its bytes arrive,
// by doubling, so that a length alone never costs memory.
func (f *Frames) space(p *buffers) []byte {
	if f.r == f.w {
		f.r, f.w = 0, 0
	}
	if f.w == len(f.buf) && f.r > 0 {
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
	}
	if f.w == len(f.buf) {
		old := f.buf
		f.buf = p.get(2 * len(old))
		f.buf = f.buf[:cap(f.buf)]
		f.w = copy(f.buf, old[f.r:])
		f.r = 0
		p.put(old)
	}
	return f.buf[f.w:]
}
