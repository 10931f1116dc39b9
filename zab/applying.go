package zab

import "github.com/paddock-zk/paddock/zab/zxid"

// A state machine may be slower than the log. What it was handed and has not applied is memory, so it is bounded: beyond
// Limits.ApplyBytes nothing more is handed out, and entries wait in the log, from where they are read again. That alone would let the state
// of a server fall behind for ever while it counts as current. So it says so: a follower tells the leader with its acks and pongs, and is sent
// nothing more for the time; a leader takes no proposals ([ErrBusy]). What is handed out is committed already and needs nobody's
// message to be applied, so that this ends by itself.

// Applied says that the state machine has applied everything up to z. The owner may say it late, and not for every entry, but not later than
// when a quarter of Limits.ApplyBytes has been applied since it said so last.
func (c *Core) Applied(z zxid.ID) {
	was := c.applyFull()
	c.out.applying.release(z)
	if was && !c.applyFull() && c.follow.matched > 0 {
		c.follow.again = true // the ack that is sent again says that there is room
	}
}

// applyFull says whether the state machine has as much to apply as it may have.
func (c *Core) applyFull() bool { return c.out.applying.bytes >= c.cfg.Limits.ApplyBytes }

// bytesOf is what entries cost in memory.
func bytesOf(es []Entry) (n int) {
	for i := range es {
		n += len(es[i].Data) + entryOverhead
	}
	return n
}
