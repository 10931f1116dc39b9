package session

import "strconv"

// ID names a session of the ensemble. Layout as in ZooKeeper's SessionTrackerImpl.initializeNextSessionId: a byte that is the
// server's own, then 40 bits of the clock at start in ms, then a counter. Never 0; the top byte is never 0xff (TTL owners live there).
type ID int64

// String prints an id as ZooKeeper does: 0x and hex.
func (id ID) String() string { return "0x" + strconv.FormatUint(uint64(id), 16) }

// Peer is the byte of the server that made the session, as far as its maker kept to the layout.
func (id ID) Peer() uint8 { return uint8(uint64(id) >> 56) }

// container is the owner of container nodes in the replicated state, so no session may have it.
const container ID = -1 << 63

// Generator makes session ids: peer id, 40 bits of the start's clock, a counter. Not safe for concurrent use. Two starts of one server
// make different ids unless it made more than 65536 ids for each ms between them.
type Generator struct{ next ID }

// NewGenerator starts a generator whose ids begin with peer (1..254), which no other server's do. It started at startMs on any clock that moves on between starts.
func NewGenerator(peer uint8, startMs int64) *Generator {
	if peer == 0 || peer == 0xff {
		panic("session: ids begin with 1 to 254; 255 would make session ids that look like TTLs")
	}
	return &Generator{next: ID(uint64(startMs)<<24>>8 | uint64(peer)<<56)}
}

// Peer is the byte that all ids of the generator begin with.
func (g *Generator) Peer() uint8 { return g.next.Peer() }

// Next is a new id.
func (g *Generator) Next() ID {
	if g.next == container {
		g.next++
	}
	id := g.next
	const low = 1<<56 - 1
	g.next = g.next&^low | (g.next+1)&low // the counter never reaches into the server's byte
	return id
}
