package zab

import "fmt"

func since(c *Core, at int64) int64 {
	if at < 0 {
		return -1
	}
	return c.now - at
}

// Fingerprint is everything that the future of a core depends on, for telling states apart.
func Fingerprint(c *Core) string {
	b := fmt.Sprintf("%d %d %x %+v %v %v %v %v %v %v %v ", c.role, c.leader, c.epoch, c.hard, c.commit, c.applied,
		c.hist.last, c.hist.durable, c.hist.emitted, len(c.hist.batches), c.hist.tail)
	e := c.elect
	b += fmt.Sprintf("%d %d %v %d ", e.deadline-c.now, e.seen, e.connected, e.serving)
	if e.pre != nil {
		b += fmt.Sprintf("pre%v ", *e.pre)
	}
	if cd := c.cand; cd != nil {
		b += fmt.Sprintf("cand%d %v %v %v %d ", cd.epoch, cd.byOrder, cd.granted, cd.lasts, c.now-cd.progress)
		if cd.pull != nil {
			b += fmt.Sprintf("%+v ", *cd.pull)
		}
	}
	if ld := c.lead; ld != nil {
		b += fmt.Sprintf("lead%v %v %d ", ld.active, ld.confirmed, ld.round)
		for _, l := range ld.learners {
			b += fmt.Sprintf("%d %v %v %v %v %d %d %v %v;", l.id, l.state, l.next, l.match, l.sent, c.now-l.heard, l.round, l.sentCommit, since(c, l.probeAt))
		}
	}
	f := c.follow
	return b + fmt.Sprintf("%d %v %v %v %v", c.now-f.heard, f.matched, f.acked, f.again, f.active)
}

// ElectionTimeout is the one in effect, in ticks.
func ElectionTimeout(c *Core) int { return c.election() }
