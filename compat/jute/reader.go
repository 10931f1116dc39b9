package jute

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"
)

var (
	// ErrShort says that the frame ended inside a field.
	ErrShort = errors.New("jute: the frame ends inside a field")
	// ErrLength says that a length is negative (and not -1) or larger than what is left of the frame.
	ErrLength = errors.New("jute: impossible length")
	// ErrNull says that a string that must be there is null.
	ErrNull = errors.New("jute: null where a string is required")
)

// Reader reads fields from one frame. The zero value reads an empty frame; [NewReader] starts one. Copying a Reader forks it.
type Reader struct {
	b   []byte
	off int
	err error
}

// NewReader starts to read b, which must not change while anything read from it without a copy is in use.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Err is the first error, or nil. It wraps [ErrShort], [ErrLength], [ErrNull] or what was given to [Reader.Fail].
func (r *Reader) Err() error { return r.err }

// Len is how many bytes are left; 0 after an error.
func (r *Reader) Len() int {
	if r.err != nil {
		return 0
	}
	return len(r.b) - r.off
}

// Offset is how many bytes were read.
func (r *Reader) Offset() int { return r.off }

// Rest is what is left, aliasing the frame; nil after an error.
func (r *Reader) Rest() []byte {
	if r.err != nil {
		return nil
	}
	return r.b[r.off:]
}

// Fail makes err the Reader's error if it has none yet. Record decoders use it for values that no later field can mend.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d of %d: %w", r.off, len(r.b), err)
	}
}

// Bool reads one byte; every value but 0 is true.
func (r *Reader) Bool() bool {
	b := r.take(1)
	return b != nil && b[0] != 0
}

// Int reads 4 bytes.
func (r *Reader) Int() int32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b))
}

// Long reads 8 bytes.
func (r *Reader) Long() int64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

// Buffer reads a buffer that aliases the frame (its capacity ends with it). nil is null; an empty buffer is not nil.
func (r *Reader) Buffer() []byte {
	n := r.Int()
	if r.err != nil || n == -1 {
		return nil
	}
	if n < 0 || int(n) > len(r.b)-r.off {
		r.failLength(n)
		return nil
	}
	return r.take(int(n))
}

// BufferCopy is [Reader.Buffer] as a copy of its own.
func (r *Reader) BufferCopy() []byte {
	b := r.Buffer()
	if b == nil {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

// NullableText reads a string that aliases the frame, and whether it was there (not null). The bytes are not checked to be UTF-8:
// the path rules of znode do that, everything else passes through as it came.
func (r *Reader) NullableText() (s string, present bool) {
	b := r.Buffer()
	if b == nil {
		return "", false
	}
	return unsafe.String(unsafe.SliceData(b), len(b)), true
}

// Text reads a string that must not be null and aliases the frame: it changes when the frame does. See [Reader.TextCopy].
func (r *Reader) Text() string {
	s, present := r.NullableText()
	if !present && r.err == nil {
		r.Fail(ErrNull)
	}
	return s
}

// TextCopy is [Reader.Text] as a copy of its own.
func (r *Reader) TextCopy() string { return string([]byte(r.Text())) }

// Count reads the count of a vector whose elements take at least elemMin bytes each. -1 is null. Other negative counts read as an
// empty vector, as in ZooKeeper's BinaryInputArchive. A count that cannot fit into the frame is an error before anything is built.
func (r *Reader) Count(elemMin int) int {
	n := r.Int()
	switch {
	case r.err != nil:
		return 0
	case n == -1:
		return -1
	case n < 0:
		return 0
	case int64(n)*int64(elemMin) > int64(len(r.b)-r.off):
		r.failLength(n)
		return 0
	}
	return int(n)
}

// take gives the next n bytes, or nil after failing. take(0) is not nil.
func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	end := r.off + n
	if end > len(r.b) {
		r.failShort(n)
		return nil
	}
	b := r.b[r.off:end:end]
	if b == nil {
		b = []byte{} // a Reader over a nil slice: empty must not look like null
	}
	r.off = end
	return b
}

//go:noinline
func (r *Reader) failShort(n int) {
	r.Fail(fmt.Errorf("%w: %d bytes wanted, %d left", ErrShort, n, len(r.b)-r.off))
}

//go:noinline
func (r *Reader) failLength(n int32) {
	r.Fail(fmt.Errorf("%w: %d, with %d bytes left", ErrLength, n, len(r.b)-r.off))
}
