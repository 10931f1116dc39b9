package store

import (
	"runtime/metrics"
	"time"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// scavenger gives memory back to the system after a busy time. Go's collector runs when the heap grows, so what a burst of writes left behind
// (batches, log tails, tables that Badger built) would stay resident while the server is quiet. A collection of a large tree is cheap,
// because nodes hold no pointers.
type scavenger struct {
	seen zxid.ID
	at   time.Time // of seen
	owed int       // collections after a busy time: the first may come while Badger still compacts
	done time.Time
}

const (
	scavengeCheck = 2 * time.Second  // how often the server is looked at
	scavengeEvery = 10 * time.Second // memory is given back at most so often
	quietRate     = 500              // transactions a second up to which the server is quiet
	scavengeSlack = 24 << 20         // bytes that are not worth a collection
)

// due says whether memory should be given back now; z is how far the server is.
func (t *scavenger) due(now time.Time, z zxid.ID) bool {
	passed := now.Sub(t.at)
	if passed < scavengeCheck {
		return false
	}
	moved := int64(z - t.seen)
	if z.Epoch() != t.seen.Epoch() {
		moved = int64(z.Counter())
	}
	t.seen, t.at = z, now
	quiet := moved <= int64(quietRate*passed/time.Second)
	if !quiet {
		t.owed = 2
		return false
	}
	if now.Sub(t.done) < scavengeEvery || t.owed == 0 && spare() < scavengeSlack {
		return false
	}
	t.done, t.owed = now, max(t.owed-1, 0)
	return true
}

// spare is what the heap holds of the system's memory beyond what was live after the last collection.
func spare() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	held := s[0].Value.Uint64() + s[1].Value.Uint64() + s[2].Value.Uint64()
	return int64(held) - int64(s[3].Value.Uint64())
}
