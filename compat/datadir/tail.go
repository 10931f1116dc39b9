package datadir

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"io"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// brokenEntry ends a log: something that is not a whole entry stands at an offset.
type brokenEntry struct {
	at       int64
	why      string
	headless bool // the file's header is wrong
	behind   wholeEntries
}

// wholeEntries are those behind a broken one.
type wholeEntries struct {
	count  int
	offset int64 // of the first
	first  int64 // its zxid
	last   int64 // zxid of the last
}

// torn says whether the entry is what a crash leaves behind: the last one, with nothing whole after it. It was not acknowledged, because
// ZooKeeper acknowledges what has been synced, and every entry before it was synced first.
func (b *brokenEntry) torn() bool { return !b.headless && b.behind.count == 0 }

func (b *brokenEntry) Error() string {
	switch {
	case b.headless:
		return b.why
	case b.torn():
		return fmt.Sprintf("torn entry at offset %d: %s", b.at, b.why)
	}
	return fmt.Sprintf("damaged entry at offset %d: %s; %d whole entries are behind it, from zxid %v at offset %d to %v",
		b.at, b.why, b.behind.count, zxid.ID(b.behind.first), b.behind.offset, zxid.ID(b.behind.last))
}

// An entry is a checksum (8 bytes, of which Adler-32 fills the lower four), a length (4), the body, and the end mark. The body begins
// with a header of 32 bytes: session, cxid, zxid, time and type.
const (
	entryHead    = 12
	leastBody    = 32
	searchWindow = 1 << 20
)

// wholeEntries looks for whole entries from an offset on, at any place: the length of a broken one cannot be believed.
func (l *logReader) wholeEntries(at int64) (out wholeEntries, err error) {
	window := make([]byte, min(searchWindow, max(0, l.size-at)))
	for at+entryHead+leastBody < l.size {
		n, err := l.r.ReadAt(window, at)
		if err != nil && err != io.EOF {
			return out, err
		}
		if n < entryHead {
			break
		}
		step := int64(n - entryHead + 1)
		for i := 0; i+entryHead <= n; i++ {
			zeros := n - i - len(bytes.TrimLeft(window[i:n], "\x00"))
			if zeros >= 8 { // the checksum's lower half is not zero
				i += zeros - 7
			}
			if i+entryHead > n {
				break
			}
			length, z := l.wholeAt(window[i:i+entryHead], at+int64(i))
			if length == 0 {
				continue
			}
			if out.count++; out.count == 1 {
				out.offset, out.first = at+int64(i), z
			}
			out.last = z
			step = int64(i) + length
			break
		}
		at += step
	}
	return out, nil
}

// wholeAt says whether a whole entry begins at an offset where head was read: how long it is, and its zxid.
func (l *logReader) wholeAt(head []byte, at int64) (length, z int64) {
	sum, n := binary.BigEndian.Uint64(head), int64(int32(binary.BigEndian.Uint32(head[8:])))
	if sum>>32 != 0 || n < leastBody || n > maxField || at+entryHead+n+1 > l.size {
		return 0, 0
	}
	var mark [1]byte
	if _, err := l.r.ReadAt(mark[:], at+entryHead+n); err != nil || mark[0] != endOfEntry {
		return 0, 0
	}
	body := make([]byte, n)
	if _, err := l.r.ReadAt(body, at+entryHead); err != nil || uint64(adler32.Checksum(body)) != sum {
		return 0, 0
	}
	return entryHead + n + 1, int64(binary.BigEndian.Uint64(body[12:]))
}
