package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxFrameDefault is the default of jute.maxbuffer: the largest payload a server takes, in bytes.
const MaxFrameDefault = 0xfffff

// ErrFrameLength says that a length prefix is negative or above the limit: the connection is closed without a reply.
var ErrFrameLength = errors.New("wire: frame length out of range")

// BeginFrame reserves the length prefix of a frame. Its payload is appended behind it, then [EndFrame] writes the length.
func BeginFrame(dst []byte) (grown []byte, mark int) {
	return append(dst, 0, 0, 0, 0), len(dst)
}

// EndFrame writes the length of everything behind the prefix at mark.
func EndFrame(dst []byte, mark int) {
	binary.BigEndian.PutUint32(dst[mark:mark+4], uint32(len(dst)-mark-4))
}

// NextFrame cuts the first frame off b. A nil payload without an error means that more bytes are needed. max is the largest payload.
// The payload aliases b.
func NextFrame(b []byte, max int) (payload, rest []byte, err error) {
	if len(b) < 4 {
		return nil, b, nil
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	if n < 0 || n > max {
		return nil, b, fmt.Errorf("%w: %d, allowed is 0 to %d (jute.maxbuffer)", ErrFrameLength, n, max)
	}
	if len(b) < 4+n {
		return nil, b, nil
	}
	return b[4 : 4+n : 4+n], b[4+n:], nil
}

// AppendRequest appends a whole request frame: length, header, and the body that the function appends (nil: none).
func AppendRequest(dst []byte, xid int32, op Opcode, body func([]byte) []byte) []byte {
	dst, mark := BeginFrame(dst)
	dst = RequestHeader{Xid: xid, Op: op}.Append(dst)
	if body != nil {
		dst = body(dst)
	}
	EndFrame(dst, mark)
	return dst
}
