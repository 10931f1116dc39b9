package zab

import (
	"fmt"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// CheckInvariants looks at the whole core and names the first rule that does not hold. Tests call it after every step; its cost
// grows with the tail.
func (c *Core) CheckInvariants() error {
	h := &c.hist
	checks := []struct {
		ok   bool
		rule string
	}{
		{h.base <= h.tailStart && h.tailStart <= h.last, "H1: base <= tailStart <= last"},
		{h.durable <= h.emitted && h.emitted <= h.last, "H2: durable <= emitted <= last"},
		{h.tailStart <= h.durable || h.tailStart == h.base, "H3: what is read from the log is durable"},
		{c.applied <= c.commit && c.commit <= h.last, "C1: applied <= commit <= last"},
		{h.last.Epoch() <= c.hard.Promised, "C2: no history beyond the promise"},
		{c.epoch <= c.hard.Promised, "C3: no leader beyond the promise"},
		{c.hard.durable <= c.hard.Promised, "C4: what is on disk was promised"},
		{(c.role == Leading) == (c.lead != nil), "R1: leadership state exists exactly while leading"},
		{c.role == Looking == (c.leader == 0), "R2: no leader exactly while looking"},
		{c.role != Leading || c.leader == c.cfg.ID && c.epoch >= h.last.Epoch(), "R3: a leader is in the epoch of its history"},
		{c.cand == nil || c.hard.Promised == c.cand.epoch && c.hard.Vote == c.cfg.ID, "R4: a candidate has its own promise"},
		{c.role == Looking || c.role == Leading || c.follow.matched <= h.last, "F1: matched <= last"},
		{c.role == Looking || c.role == Leading || c.follow.acked <= max(c.follow.matched, 0), "F2: acked <= matched"},
	}
	for _, k := range checks {
		if !k.ok {
			return fmt.Errorf("zab: rule %s does not hold: %v", k.rule, c.Status())
		}
	}
	return c.checkTail()
}

func (c *Core) checkTail() error {
	prev, bytes := c.hist.tailStart, 0
	for _, e := range c.hist.tail {
		if e.Prev != prev || e.Zxid <= prev {
			return fmt.Errorf("zab: rule H1: tail has %v with prev %v after %v", e.Zxid, e.Prev, prev)
		}
		prev = e.Zxid
		bytes += len(e.Data) + entryOverhead
	}
	if prev != c.hist.last || bytes != c.hist.tailBytes {
		return fmt.Errorf("zab: rule H1: tail ends at %v (%d bytes), history at %v (%d bytes)", prev, bytes, c.hist.last, c.hist.tailBytes)
	}
	if c.lead == nil {
		return nil
	}
	for _, l := range c.lead.learners {
		if l.match > c.hist.last || l.match != 0 && !c.hist.has(l.match) && l.match >= c.hist.oldest() {
			return fmt.Errorf("zab: rule L1: learner %d has acknowledged %v, which is not ours", l.id, l.match)
		}
	}
	return nil
}

// follows says whether an entry with zxid z may come right after prev: the next counter, or the opening of a later epoch.
func follows(prev, z zxid.ID, kind EntryKind) bool {
	if kind == EntryNewLeader {
		return z.Counter() == 0 && z.Epoch() > prev.Epoch()
	}
	return z == prev+1 && z.Counter() != 0
}
