package watch

// slab hands out records by number, in chunks that never move. 0 is none.
type slab[T any] struct {
	chunks []*[slabChunk]T
	top    uint32
	free   []uint32
}

const (
	slabShift = 9
	slabChunk = 1 << slabShift
)

func (s *slab[T]) at(id uint32) *T { return &s.chunks[id>>slabShift][id&(slabChunk-1)] }

func (s *slab[T]) alloc() uint32 {
	if k := len(s.free); k > 0 {
		id := s.free[k-1]
		s.free = s.free[:k-1]
		return id
	}
	s.top++
	if int(s.top>>slabShift) >= len(s.chunks) {
		s.chunks = append(s.chunks, new([slabChunk]T))
	}
	return s.top
}

func (s *slab[T]) release(id uint32) {
	var zero T
	*s.at(id) = zero
	s.free = append(s.free, id)
}

// chains is a hash table by linear hashing (Litwin, 1980): it grows by one bucket for each insertion, so it never pauses to rehash.
// The chains run through the records, which it reaches by link.
type chains struct {
	link  func(id uint32) (next *uint32, hash uint32)
	heads []*[slabChunk]uint32
	used  uint32 // buckets
	level uint32 // largest power of two <= used
	count uint32
}

func (c *chains) slot(i uint32) *uint32 { return &c.heads[i>>slabShift][i&(slabChunk-1)] }

func (c *chains) bucket(hash uint32) *uint32 {
	i := hash & (2*c.level - 1)
	if i >= c.used {
		i = hash & (c.level - 1)
	}
	return c.slot(i)
}

// first is the head of the chain for hash, 0 if it is empty.
func (c *chains) first(hash uint32) uint32 {
	if c.used == 0 {
		return 0
	}
	return *c.bucket(hash)
}

func (c *chains) insert(id uint32) {
	if c.count++; c.count > c.used {
		c.split()
	}
	next, hash := c.link(id)
	b := c.bucket(hash)
	*next, *b = *b, id
}

func (c *chains) split() {
	i := c.used
	if int(i>>slabShift) == len(c.heads) {
		c.heads = append(c.heads, new([slabChunk]uint32))
	}
	c.used++
	if i == 0 {
		c.level = 1
		return
	}
	if i == 2*c.level {
		c.level = i
	}
	stay, move := c.slot(i-c.level), c.slot(i)
	id := *stay
	*stay = 0
	for id != 0 {
		next, hash := c.link(id)
		to := stay
		if hash&(2*c.level-1) == i {
			to = move
		}
		id, *next, *to = *next, *to, id
	}
}

func (c *chains) remove(id uint32) {
	next, hash := c.link(id)
	p := c.bucket(hash)
	for *p != id {
		p, _ = c.link(*p)
	}
	*p, *next = *next, 0
	c.count--
}
