package listener

import "sync"

// buffers keeps byte slices in size classes (4 KiB, 16 KiB, ... 4 MiB), so that a connection holds one only while it has bytes.
// Larger ones are left to the collector.
type buffers struct {
	classes [classCount]sync.Pool
	boxes   sync.Pool // *[]byte headers without bytes, so that put does not allocate
}

const (
	smallestClass = 4 << 10
	classCount    = 6
)

// get returns a slice of length 0 and capacity >= n.
func (p *buffers) get(n int) []byte {
	size := smallestClass
	for i := range p.classes {
		if n <= size {
			box, _ := p.classes[i].Get().(*[]byte)
			if box == nil {
				return make([]byte, 0, size)
			}
			b := (*box)[:0]
			*box = nil
			p.boxes.Put(box)
			return b
		}
		size <<= 2
	}
	return make([]byte, 0, n)
}

// put takes a slice back. The caller must not use it any more.
func (p *buffers) put(b []byte) {
	if cap(b) < smallestClass || cap(b) > smallestClass<<(2*classCount) {
		return
	}
	class := 0
	for class < classCount-1 && smallestClass<<(2*(class+1)) <= cap(b) {
		class++
	}
	box, _ := p.boxes.Get().(*[]byte)
	if box == nil {
		box = new([]byte)
	}
	*box = b[:0]
	p.classes[class].Put(box)
}
