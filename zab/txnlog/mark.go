package txnlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

// mark remembers, lazily, up to where the log has been durable. It is written after each sync and not synced itself, so it costs
// one small system call and no I/O of its own; the kernel stores it within seconds. It can only ever say less than the truth.
// With it the last acknowledged batch is told from a torn tail whenever the process stopped without a power cut, or the power cut
// came later than the kernel's writeback. Two slots, one sector each, are written in turn: a torn write leaves the other.
type mark struct {
	file File
	path string
	seed uint32
	buf  [sectorSize]byte
	turn int64
}

const (
	markName  = "mark"
	markMagic = "PADDKMRK"
	markUsed  = 36
)

// position is what a mark says: all up to and with batch seq, which ends at off in segment number, has been durable.
type position struct {
	number uint64
	off    int64
	seq    uint64
}

func identitySeed(id Identity) uint32 {
	seed := crc32.Checksum(id.Cluster[:], castagnoli)
	seed = crc32.Update(seed, castagnoli, id.Incarnation[:])
	if id.Peer <= maxShortID {
		return crc32.Update(seed, castagnoli, []byte{byte(id.Peer)})
	}
	return crc32.Update(seed, castagnoli, binary.LittleEndian.AppendUint32(nil, uint32(id.Peer)))
}

// openMark opens the mark of a log, or makes an empty one, and says what it knows. A slot that does not check is no information.
func openMark(fs FS, dir, path string, id Identity, create bool) (*mark, position, error) {
	m := &mark{path: path, seed: identitySeed(id)}
	var err error
	if create {
		if m.file, err = fs.OpenFile(path, true); err == nil {
			err = errors.Join(m.file.Preallocate(2*sectorSize), fs.SyncDir(dir))
		}
	} else {
		m.file, err = fs.OpenFile(path, false)
	}
	if err != nil {
		return nil, position{}, fmt.Errorf("open the mark of the log: %w", err)
	}
	best, err := m.read()
	return m, best, err
}

func (m *mark) read() (position, error) {
	var best position
	size, err := m.file.Size()
	if err != nil {
		return best, fmt.Errorf("size of %s: %w", m.path, err)
	}
	for slot := int64(0); slot < 2 && (slot+1)*sectorSize <= size; slot++ {
		b := make([]byte, sectorSize)
		if err := readFull(m.file, m.path, b, slot*sectorSize); err != nil {
			return best, err
		}
		if p, ok := decodeMark(b, m.seed); ok && p.seq >= best.seq {
			best, m.turn = p, slot+1
		}
	}
	return best, nil
}

func decodeMark(b []byte, seed uint32) (position, bool) {
	le := binary.LittleEndian
	if string(b[:8]) != markMagic || le.Uint32(b[32:]) != crc32.Update(seed, castagnoli, b[:32]) {
		return position{}, false
	}
	return position{number: le.Uint64(b[8:]), off: int64(le.Uint64(b[16:])), seq: le.Uint64(b[24:])}, true
}

// write notes that all up to seq is durable. An error here is as final as any other of this disk.
func (m *mark) write(number uint64, off int64, seq uint64) error {
	le := binary.LittleEndian
	copy(m.buf[:], markMagic)
	le.PutUint64(m.buf[8:], number)
	le.PutUint64(m.buf[16:], uint64(off))
	le.PutUint64(m.buf[24:], seq)
	le.PutUint32(m.buf[32:], crc32.Update(m.seed, castagnoli, m.buf[:32]))
	if _, err := m.file.WriteAt(m.buf[:], m.turn%2*sectorSize); err != nil {
		return fmt.Errorf("write %s: %w", m.path, err)
	}
	m.turn++
	return nil
}

func (m *mark) sync() error {
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", m.path, err)
	}
	return nil
}

func (m *mark) close() error { return m.file.Close() }

// hasMark says whether the directory has a mark already.
func hasMark(names []string) bool { return slices.Contains(names, markName) }
