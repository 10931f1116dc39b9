package txnlog

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"sync/atomic"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// FormatVersion is the format this code writes, and the newest that it reads.
const FormatVersion = 1

// Identity says whose log this is; it stands in every segment.
type Identity struct {
	lineage.Lineage
	Peer zab.PeerID
}

// String prints the identity as errors and the inspect tool show it.
func (id Identity) String() string {
	return fmt.Sprintf("server %d of cluster %v, incarnation %v", id.Peer, id.Cluster, id.Incarnation)
}

// segmentMagic opens each segment file.
const segmentMagic = "PADDKLOG"

// firstFrame is where the frames of a segment begin; the header takes the sector before.
const firstFrame = sectorSize

// segmentHeader is the first sector of a segment.
//
//	0 magic 8 | version 4 | zero 4 | number 8 | prev seq 8 | prev sum 4 | peer 4, big endian | cluster 16 | incarnation 16 | secret 16 | ... | crc 4 at 508
type segmentHeader struct {
	number  uint64 // running number, in the name too: a gap is a missing segment
	prevSeq uint64 // the last frame of the segment before
	prevSum uint32 // its sum: the chain goes on
	id      Identity
	secret  [16]byte // drawn at random: see frame
}

func (h *segmentHeader) encode() []byte {
	b := make([]byte, sectorSize)
	le := binary.LittleEndian
	copy(b, segmentMagic)
	le.PutUint32(b[8:], FormatVersion)
	le.PutUint64(b[16:], h.number)
	le.PutUint64(b[24:], h.prevSeq)
	le.PutUint32(b[32:], h.prevSum)
	binary.BigEndian.PutUint32(b[36:], uint32(h.id.Peer))
	copy(b[40:], h.id.Cluster[:])
	copy(b[56:], h.id.Incarnation[:])
	copy(b[72:], h.secret[:])
	le.PutUint32(b[sectorSize-4:], crc32.Checksum(b[:sectorSize-4], castagnoli))
	return b
}

func decodeSegmentHeader(file string, b []byte) (segmentHeader, error) {
	var h segmentHeader
	le := binary.LittleEndian
	if len(b) != sectorSize || !bytes.HasPrefix(b, []byte(segmentMagic)) {
		return h, damage(file, 0, "it does not begin like a segment of the log")
	}
	if v := le.Uint32(b[8:]); v > FormatVersion { // before the checksum: a newer format may keep it elsewhere
		return h, fmt.Errorf("log %s has format %d and this program reads format %d: start the version that wrote it: %w", file, v, FormatVersion, ErrNewer)
	}
	if le.Uint32(b[sectorSize-4:]) != crc32.Checksum(b[:sectorSize-4], castagnoli) {
		return h, damage(file, 0, "the checksum of the segment header does not match")
	}
	h.number, h.prevSeq, h.prevSum = le.Uint64(b[16:]), le.Uint64(b[24:]), le.Uint32(b[32:])
	h.id.Peer = zab.PeerID(binary.BigEndian.Uint32(b[36:]))
	copy(h.id.Cluster[:], b[40:])
	copy(h.id.Incarnation[:], b[56:])
	copy(h.secret[:], b[72:])
	return h, nil
}

// seed is what every checksum of the segment's frames begins with.
func (h *segmentHeader) seed() uint32 {
	return crc32.Checksum(h.encode()[:sectorSize-4], castagnoli)
}

// segmentName is number-zxid: the running number first, for a truncated history may begin a segment with a smaller zxid.
func segmentName(number uint64, first zxid.ID) string {
	return fmt.Sprintf("%016x-%016x.log", number, uint64(first))
}

const (
	segmentSuffix = ".log"
	spareName     = "spare.tmp"
)

// parseSegmentName reads the running number off a name; ok is false for files that are not segments.
func parseSegmentName(name string) (number uint64, ok bool) {
	stem, found := strings.CutSuffix(name, segmentSuffix)
	if !found || len(stem) != 33 || stem[16] != '-' {
		return 0, false
	}
	b, err := hex.DecodeString(stem[:16])
	if err != nil {
		return 0, false
	}
	if _, err := hex.DecodeString(stem[17:]); err != nil {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

// segment is one open segment. All but refs is fixed once it is in use.
type segment struct {
	path   string
	header segmentHeader
	seed   uint32
	file   File
	size   int64 // preallocated bytes
	end    int64 // where its last frame ends and the next would begin; for the active segment the writer keeps its own
	refs   atomic.Int32
}

// release drops one use; the last one closes the file. The log itself holds one.
func (s *segment) release() error {
	if s.refs.Add(-1) > 0 {
		return nil
	}
	return s.file.Close()
}

// checkIdentity refuses a segment of somebody else.
func (s *segment) checkIdentity(want Identity) error {
	got := s.header.id
	if got == want {
		return nil
	}
	what := "server"
	switch {
	case got.Cluster != want.Cluster:
		what = "cluster"
	case got.Incarnation != want.Incarnation:
		what = "incarnation of the cluster"
	}
	return fmt.Errorf("log %s belongs to another %s: it was written by %v, and this is %v: check dataDir and myid: %w", s.path, what, got, want, ErrForeign)
}

// openSegment opens the file and checks its header.
func openSegment(fs FS, path string) (*segment, error) {
	f, err := fs.OpenFile(path, false)
	if err != nil {
		return nil, fmt.Errorf("open log segment: %w", err)
	}
	s := &segment{path: path, file: f}
	s.refs.Store(1)
	if err := s.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *segment) load() error {
	size, err := s.file.Size()
	if err != nil {
		return fmt.Errorf("size of log segment %s: %w", s.path, err)
	}
	if size < firstFrame {
		return damage(s.path, 0, "it has %d bytes, less than a segment header", size)
	}
	b := make([]byte, sectorSize)
	if err := readFull(s.file, s.path, b, 0); err != nil {
		return err
	}
	if s.header, err = decodeSegmentHeader(s.path, b); err != nil {
		return err
	}
	s.seed, s.size = s.header.seed(), size
	return nil
}

// readFull reads exactly len(b) bytes at off.
func readFull(f File, path string, b []byte, off int64) error {
	if n, err := f.ReadAt(b, off); n < len(b) {
		return fmt.Errorf("read log segment %s at offset %d: %w", path, off, err)
	}
	return nil
}
