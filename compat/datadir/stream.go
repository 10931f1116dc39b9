package datadir

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
	"strings"

	"github.com/golang/snappy"

	"github.com/paddock-zk/paddock/znode"
)

// ErrDamaged is content that is not what ZooKeeper writes. Errors that wrap it name the file and the offset.
var ErrDamaged = errors.New("damaged")

// maxField bounds one buffer, string or vector: no ZooKeeper takes more than jute.maxbuffer, and nobody sets it to a gigabyte.
const maxField = 1 << 30

// stream reads jute primitives from a file of any length. The first error sticks; off counts uncompressed bytes.
type stream struct {
	r   *bufio.Reader
	sum hash.Hash32 // Adler-32 of all bytes so far
	off int64
	err error
	buf [8]byte
}

func newStream(r io.Reader) *stream {
	return &stream{r: bufio.NewReaderSize(r, 1<<20), sum: adler32.New()}
}

// bodyStream reads one record that is in memory already.
func bodyStream(b []byte) *stream {
	return &stream{r: bufio.NewReaderSize(bytes.NewReader(b), 512), sum: adler32.New()}
}

func (s *stream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// fill reads len(p) bytes; io.EOF if there are none at all, ErrDamaged if there are too few.
func (s *stream) fill(p []byte) bool {
	if s.err != nil {
		return false
	}
	n, err := io.ReadFull(s.r, p)
	s.sum.Write(p[:n])
	s.off += int64(n)
	switch {
	case err == io.EOF && len(p) > 0:
		s.fail(io.EOF)
	case err != nil:
		s.fail(fmt.Errorf("%w: the file ends at offset %d inside a field", ErrDamaged, s.off))
	}
	return s.err == nil
}

func (s *stream) int() int32 {
	if !s.fill(s.buf[:4]) {
		return 0
	}
	return int32(binary.BigEndian.Uint32(s.buf[:4]))
}

func (s *stream) long() int64 {
	if !s.fill(s.buf[:8]) {
		return 0
	}
	return int64(binary.BigEndian.Uint64(s.buf[:8]))
}

// buffer reads a length and its bytes; nil is null. Memory grows with the bytes that really come.
func (s *stream) buffer() []byte {
	n := int(s.int())
	if s.err != nil || n == -1 {
		return nil
	}
	if n < 0 || n > maxField {
		s.fail(fmt.Errorf("%w: length %d at offset %d", ErrDamaged, n, s.off-4))
		return nil
	}
	out := make([]byte, 0, min(n, 1<<16))
	for len(out) < n {
		step := min(n-len(out), max(len(out), 1<<16))
		at := len(out)
		out = append(out, make([]byte, step)...)
		if !s.fill(out[at:]) {
			return nil
		}
	}
	return out
}

func (s *stream) text() string { return string(s.buffer()) }

// acls reads a list of ACLs; null is what ZooKeeper takes for it, the open list.
func (s *stream) acls() []znode.ACL {
	n := int(s.int())
	switch {
	case s.err != nil:
		return nil
	case n == -1:
		return openList()
	case n < 0 || n > maxField/12:
		s.fail(fmt.Errorf("%w: %d ACLs at offset %d", ErrDamaged, n, s.off-4))
		return nil
	}
	var out []znode.ACL
	for range n {
		a := znode.ACL{Perms: s.int(), Scheme: s.text(), ID: s.text()}
		if s.err != nil {
			return nil
		}
		out = append(out, a)
	}
	return out
}

// unpack undoes the compression that the file's name tells of.
func unpack(name string, r io.Reader) (io.Reader, error) {
	switch {
	case strings.HasSuffix(name, ".gz"):
		return gzip.NewReader(r)
	case strings.HasSuffix(name, ".snappy"):
		return newSnappyJava(r)
	}
	return r, nil
}

// snappyJava reads the stream format of snappy-java: a header of 16 bytes, then blocks of a length and that many compressed bytes.
type snappyJava struct {
	r     io.Reader
	block []byte
	plain []byte // not yet read
}

const maxSnappyBlock = 64 << 20

func newSnappyJava(r io.Reader) (io.Reader, error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:8]) != "\x82SNAPPY\x00" {
		return nil, fmt.Errorf("%w: not a stream of snappy-java", ErrDamaged)
	}
	return &snappyJava{r: bufio.NewReaderSize(r, 1<<16)}, nil
}

func (s *snappyJava) Read(p []byte) (int, error) {
	for len(s.plain) == 0 {
		var size [4]byte
		if _, err := io.ReadFull(s.r, size[:]); err != nil {
			return 0, err
		}
		n := binary.BigEndian.Uint32(size[:])
		if n > maxSnappyBlock {
			return 0, fmt.Errorf("%w: snappy block of %d bytes", ErrDamaged, n)
		}
		if int(n) > cap(s.block) {
			s.block = make([]byte, n)
		}
		if _, err := io.ReadFull(s.r, s.block[:n]); err != nil {
			return 0, fmt.Errorf("%w: the file ends inside a snappy block", ErrDamaged)
		}
		if d, err := snappy.DecodedLen(s.block[:n]); err != nil || d > maxSnappyBlock {
			return 0, fmt.Errorf("%w: snappy block", ErrDamaged)
		}
		plain, err := snappy.Decode(nil, s.block[:n])
		if err != nil {
			return 0, fmt.Errorf("%w: snappy block: %w", ErrDamaged, err)
		}
		s.plain = plain
	}
	n := copy(p, s.plain)
	s.plain = s.plain[n:]
	return n, nil
}
