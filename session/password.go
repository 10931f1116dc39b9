package session

// Password is what proves that a client owns a session: 16 bytes.
type Password = [16]byte

// LegacyPassword is the password that Apache ZooKeeper computes for a session: java.util.Random seeded with the id xor a constant.
// Anyone can compute it, so it proves nothing; it is only for sessions imported from ZooKeeper, whose clients hold it.
func LegacyPassword(id ID) (p Password) {
	const (
		secret     = 0xB3415C00
		multiplier = 0x5DEECE66D
		mask       = 1<<48 - 1
	)
	seed := (uint64(id) ^ secret ^ multiplier) & mask
	for i := range p {
		if i%4 == 0 {
			seed = (seed*multiplier + 0xB) & mask
		}
		p[i] = byte(seed >> 16 >> (8 * (i % 4))) // each 32-bit output, low byte first
	}
	return p
}

// Limits are minSessionTimeout and maxSessionTimeout, ms (ZooKeeper's defaults: 2 and 20 ticks).
type Limits struct{ MinMs, MaxMs int32 }

// Negotiate clamps what a client asked for.
func (l Limits) Negotiate(askedMs int32) int32 { return max(l.MinMs, min(l.MaxMs, askedMs)) }
