package znode

import (
	"encoding/binary"
	"math/bits"
)

// blobRef addresses a block of an arena: its place in units of 8 bytes, or, with hugeBit, its number among the huge ones. 0 is none.
type blobRef = uint32

const (
	unitShift  = 3
	arenaShift = 20 // bytes of an arena chunk
	hugeBit    = 1 << 31

	smallMax   = 512      // up to here a size class for each 8 bytes
	blobMax    = 64 << 10 // up to here 8 classes for each doubling; above, blocks of their own
	smallCount = smallMax >> unitShift
	classCount = smallCount + 7*8 + 1
)

// The last geometric class must be blobMax: 512 doubled 7 times.
const _ = uint(smallMax<<7-blobMax) + uint(blobMax-smallMax<<7)

// arena stores byte blocks without Go pointers: chunks cut by a bump pointer, a free list for each size class threaded through the
// free blocks themselves. The owner of a block remembers its size, so blocks have no header.
type arena struct {
	chunks   [][]byte
	bump     uint32 // next free unit of the last chunk, as a global unit number
	end      uint32 // its end
	free     [classCount]blobRef
	idle     int64 // bytes on the free lists
	huge     [][]byte
	hugeFree []blobRef
}

// classOf is the size class that holds n bytes, n in 1..blobMax.
func classOf(n int) int {
	if n <= smallMax {
		return (n + 7) >> unitShift
	}
	shift := bits.Len(uint(n-1)) - 4 // 8 steps within a doubling
	step := (n - 1) >> shift         // 8..15
	return smallCount + (shift-6)*8 + step - 7
}

// classSize is the size in bytes of the blocks of a class.
func classSize(c int) int {
	if c <= smallCount {
		return c << unitShift
	}
	c -= smallCount + 1
	return (9 + c%8) << (6 + c/8)
}

// alloc returns a block for n bytes and the bytes themselves; n = 0 needs none.
func (a *arena) alloc(n int) (blobRef, []byte) {
	if n == 0 {
		return 0, nil
	}
	if n > blobMax {
		return a.allocHuge(n)
	}
	c := classOf(n)
	ref := a.free[c]
	switch {
	case ref != 0:
		a.pop(c)
	case a.idle > int64(len(a.chunks))<<arenaShift>>2:
		ref = a.split(c)
	}
	if ref == 0 {
		ref = a.cut(c)
	}
	if ref == 0 {
		return a.allocHuge(n)
	}
	return ref, a.bytes(ref, n)
}

// bytes is the block ref cut to n bytes.
func (a *arena) bytes(ref blobRef, n int) []byte {
	if n == 0 {
		return nil
	}
	if ref&hugeBit != 0 {
		return a.huge[ref&^hugeBit][:n:n]
	}
	off := int(ref<<unitShift) & (1<<arenaShift - 1)
	return a.chunks[ref>>(arenaShift-unitShift)][off : off+n : off+n]
}

// fits says whether a block that holds old bytes can hold n bytes without wasting more than a fresh one.
func fits(old, n int) bool {
	return old > 0 && n > 0 && old <= blobMax && n <= blobMax && classOf(old) == classOf(n)
}

// release gives a block of n bytes back.
func (a *arena) release(ref blobRef, n int) {
	switch {
	case ref == 0:
	case ref&hugeBit != 0:
		a.huge[ref&^hugeBit] = nil
		a.hugeFree = append(a.hugeFree, ref)
	default:
		a.push(classOf(n), ref)
	}
}

func (a *arena) push(c int, ref blobRef) {
	binary.LittleEndian.PutUint32(a.bytes(ref, 4), a.free[c])
	a.free[c] = ref
	a.idle += int64(classSize(c))
}

func (a *arena) pop(c int) blobRef {
	ref := a.free[c]
	a.free[c] = binary.LittleEndian.Uint32(a.bytes(ref, 4))
	a.idle -= int64(classSize(c))
	return ref
}

// split serves class c from a larger free block, when much lies idle.
func (a *arena) split(c int) blobRef {
	for from := c + 1; from < classCount; from++ {
		if a.free[from] == 0 {
			continue
		}
		ref := a.pop(from)
		a.give(ref+uint32(classSize(c)>>unitShift), classSize(from)-classSize(c))
		return ref
	}
	return 0
}

// give puts n bytes at ref on free lists, in as few blocks as possible.
func (a *arena) give(ref blobRef, n int) {
	for n >= 1<<unitShift {
		c := classOf(min(n, blobMax))
		if classSize(c) > n {
			c--
		}
		a.push(c, ref)
		ref += uint32(classSize(c) >> unitShift)
		n -= classSize(c)
	}
}

// cut takes a block of class c from the bump pointer; 0 if the address space is full.
func (a *arena) cut(c int) blobRef {
	units := uint32(classSize(c) >> unitShift)
	if a.end-a.bump < units {
		if uint64(len(a.chunks)+1)<<(arenaShift-unitShift) > hugeBit {
			return 0
		}
		a.give(a.bump, int(a.end-a.bump)<<unitShift)
		a.bump = uint32(len(a.chunks)) << (arenaShift - unitShift)
		a.end = a.bump + 1<<(arenaShift-unitShift)
		if a.bump == 0 {
			a.bump = 1 // ref 0 is none
		}
		a.chunks = append(a.chunks, make([]byte, 1<<arenaShift))
	}
	ref := a.bump
	a.bump += units
	return ref
}

func (a *arena) allocHuge(n int) (blobRef, []byte) {
	b := make([]byte, n)
	if k := len(a.hugeFree); k > 0 {
		ref := a.hugeFree[k-1]
		a.hugeFree = a.hugeFree[:k-1]
		a.huge[ref&^hugeBit] = b
		return ref, b
	}
	a.huge = append(a.huge, b)
	return blobRef(len(a.huge)-1) | hugeBit, b
}
