package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	// A header is the length of the body (4), the CRC32C of these four bytes (4) and the CRC32C of them and the body (4), big-endian. The
	// length has a checksum of its own: one that lies would have its reader wait for bytes that nobody sends, on a link that looks well.
	frameHeader = 12
	// MaxFrame bounds one frame. An entry is at most jute.maxbuffer (1 MiB by default) and a batch is at most
	// zab.Limits.BatchBytes plus one entry; the bound leaves room for a raised jute.maxbuffer.
	MaxFrame = 64 << 20
)

// errFrame is a frame that cannot be believed; the link that brought it is closed.
var errFrame = errors.New("transport: damaged frame")

// beginFrame reserves a header in dst; endFrame fills it for the body behind it.
func beginFrame(dst []byte) []byte { return append(dst, make([]byte, frameHeader)...) }

func endFrame(dst []byte, at int) {
	body := dst[at+frameHeader:]
	binary.BigEndian.PutUint32(dst[at:], uint32(len(body)))
	sum := crc32.Checksum(dst[at:at+4], castagnoli)
	binary.BigEndian.PutUint32(dst[at+4:], sum)
	binary.BigEndian.PutUint32(dst[at+8:], crc32.Update(sum, castagnoli, body))
}

// readFrame reads one frame of at most limit bytes into a fresh slice: what is decoded from it may alias it for ever.
func readFrame(r *bufio.Reader, limit int) ([]byte, error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	length := crc32.Checksum(head[:4], castagnoli)
	if said := binary.BigEndian.Uint32(head[4:]); said != length {
		return nil, fmt.Errorf("%w: checksum of its length %08x, its bytes say %08x", errFrame, said, length)
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if n > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", errFrame, n, limit)
	}
	body := make([]byte, 0, min(n, 1<<20)) // a lying length costs its sender bytes before it costs us memory
	for len(body) < n {
		grown := min(n, max(2*len(body), 1<<20))
		next := append(make([]byte, 0, grown), body...)[:grown]
		if _, err := io.ReadFull(r, next[len(body):]); err != nil {
			return nil, err
		}
		body = next
	}
	if said, sum := binary.BigEndian.Uint32(head[8:]), crc32.Update(length, castagnoli, body); said != sum {
		return nil, fmt.Errorf("%w: checksum %08x, its bytes say %08x", errFrame, said, sum)
	}
	return body, nil
}
