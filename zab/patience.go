package zab

import (
	"encoding/binary"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// patience is how long this server waits for a word of others before it thinks that they are gone. A fixed time is wrong on a machine that is
// busy, or far away: shorter than the delays of the moment, it elects without end. So the election timeout follows what is measured: twice the
// longest silence of the last while after which the other side did speak, so that it had not been gone. It is never less than the
// configured timeout and never more than patienceMost times it, and what was measured is forgotten after patienceMemory timeouts. Delays come again, so one
// silence makes it twice as long at most: an ensemble whose leader was cut off once must not be as patient with the next one that is dead.
//
// A leader that was paused is not a delay at all: it finds out when it goes on, and says in its first pings for how long.
//
// Only times are decided here, and no promise rests on a time: a patience that is wrong costs an election, or a wait.
type patience struct {
	worst, before int64 // the longest such silence, in this memory and in the last one
	since         int64 // tick at which this memory begins
	raisedAt      int64 // tick at which worst was raised last
	raisedFrom    int64 // and what it was before
	suspected     suspicion
}

// suspicion is the last time that this server suspected another one to be gone: a follower its leader, or a leader, or a server that asks for promises, the
// quorum. Then leader is this server itself. If a message comes after all, the suspicion was wrong, and the election timeout too short.
type suspicion struct {
	leader PeerID
	epoch  zxid.Epoch
	heard  int64 // tick of the last message before
}

const (
	patienceMost   = 5
	patienceMemory = 32
)

// waited notes a silence that ended.
func (c *Core) waited(silence int64) {
	p, e := &c.pat, int64(c.cfg.Timing.Election)
	if c.now-p.since > patienceMemory*e {
		p.before, p.worst = p.worst, 0
		if c.now-p.since > 2*patienceMemory*e {
			p.before = 0
		}
		p.since = c.now
	}
	if silence <= patienceMost*e { // a longer one was no delay: the other side stood still, or was cut off
		if silence = min(silence, int64(c.election())); silence > p.worst {
			p.raisedAt, p.raisedFrom, p.worst = c.now, p.worst, silence
		}
	}
}

// election is the election timeout in effect, in ticks.
func (c *Core) election() int {
	e := c.cfg.Timing.Election
	return min(max(e, int(2*max(c.pat.worst, c.pat.before))), patienceMost*e)
}

// suspect notes that a leadership ends because nothing was heard since the tick heard.
func (c *Core) suspect(leader PeerID, e zxid.Epoch, heard int64) {
	c.pat.suspected = suspicion{leader, e, heard}
}

// heardAgain takes a message of a leader, or, if this server was the leader, one that answers it as the leader. If this server has suspected that leader, it
// was wrong: a follower that heard nothing for ten ticks, looked for another leader, and now gets a ping that was on its way all the time should have
// waited longer, but not for as long as that leader slept.
func (c *Core) heardAgain(leader PeerID, e zxid.Epoch, slept int64) {
	if g := &c.pat.suspected; g.leader == leader && g.epoch == e {
		c.waited(c.now - g.heard - slept)
		g.leader = 0
	}
}

// appendSlept says in a ping for how many ticks its sender was paused; sleptTicks reads it. Nothing is said of no pause.
func appendSlept(dst []byte, ticks int) []byte {
	if ticks == 0 {
		return dst
	}
	return binary.AppendUvarint(dst, uint64(ticks))
}

// excuse takes back what was measured while a leader was paused: a ping that it had written before may come out first when it goes on, and looks as if it had
// been under way all the time.
func (c *Core) excuse(slept int64) {
	if p := &c.pat; slept > 0 && c.now-p.raisedAt <= slept {
		p.worst = min(p.worst, p.raisedFrom)
	}
}

func sleptTicks(m *Message) int64 {
	n, _ := binary.Uvarint(m.Data)
	return int64(min(n, 1<<32))
}
