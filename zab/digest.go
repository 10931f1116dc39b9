package zab

import (
	"fmt"
	"slices"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// Servers that apply the same history hold the same state. To find out whether they do, each keeps the digests of its own state at agreed zxids.
// The leader names one of its own with a ping, and learners answer with theirs. If two differ, one of the servers is wrong, by a fault of its memory, its
// disk or its program, and nobody can tell which one from two digests alone. So the leader collects what all servers say of one zxid. If a majority of them, which
// is also a quorum of the voters, agrees, then whoever differs from it stops with a [DivergedError]: the leader itself too. If
// there is no such majority, as with two servers, nobody stops, and the operator is warned.

// DivergedError is the Ready.Fatal of a server whose state differs from that of the majority.
type DivergedError struct {
	Zxid           zxid.ID // of the transaction after which the digests were taken
	Mine, Majority uint64  // digests
	Agree, Asked   int     // so many servers have the majority's digest, of those that have reported theirs
}

// Error implements error.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("the state of this server is wrong: at zxid %v its digest is %016x, and %d of %d servers have %016x",
		e.Zxid, e.Mine, e.Agree, e.Asked, e.Majority)
}

// DigestMismatch says that another server applied the same history and holds another state.
type DigestMismatch struct {
	Peer         PeerID
	Zxid         zxid.ID
	Mine, Theirs uint64
}

// digests are the newest digests of one server's state.
type digests struct {
	ring [32]digestAt
	next int
}

type digestAt struct {
	z   zxid.ID
	sum uint64
}

func (d *digests) add(z zxid.ID, sum uint64) {
	d.ring[d.next%len(d.ring)] = digestAt{z, sum}
	d.next++
}

// newest returns the last digest that was added with its zxid, or zeros if there is none.
func (d *digests) newest() (zxid.ID, uint64) {
	if d.next == 0 {
		return 0, 0
	}
	n := d.ring[(d.next-1)%len(d.ring)]
	return n.z, n.sum
}

// at returns z with its digest, or zeros if it is not known.
func (d *digests) at(z zxid.ID) (zxid.ID, uint64) {
	for i := range d.ring {
		if z != 0 && d.ring[i].z == z {
			return z, d.ring[i].sum
		}
	}
	return 0, 0
}

// comparison is what a server knows of its own digests and of those of others that differ.
type comparison struct {
	mine   digests
	begin  zxid.ID      // older digests are of a state that an image has replaced
	differ []difference // one for each server whose last digest differed, in the order in which they were found
}

type difference struct {
	DigestMismatch
	at int64 // tick of the last warning
}

// alarmEvery is after how many election timeouts the warning that two servers differ is repeated.
const alarmEvery = 100

// SetDigest tells the digest of the state at an applied zxid. Servers compare what they have for equal zxids, so call it at
// agreed points (say, every 128th counter).
func (c *Core) SetDigest(z zxid.ID, digest uint64) {
	if z >= c.compare.begin {
		c.compare.mine.add(z, digest)
	}
}

// digestForPing is what the leader wants to compare next: the zxid in dispute, until all have reported their digests at it, or else the newest.
func (c *Core) digestForPing() (zxid.ID, uint64) {
	if z, sum := c.compare.mine.at(c.lead.dispute); z != 0 {
		return z, sum
	}
	c.lead.dispute = 0
	return c.compare.mine.newest()
}

// digestForPong answers with the digest at z. If that is not known here, for this server has not come to z or has left it behind, the newest one
// is of use too: the leader remembers some.
func (c *Core) digestForPong(z zxid.ID) (zxid.ID, uint64) {
	if z, sum := c.compare.mine.at(z); z != 0 {
		return z, sum
	}
	return c.compare.mine.newest()
}

// onDigest compares the digest of another server with ours for the same zxid. It warns of a difference once, and again every alarmEvery election timeouts
// while it lasts.
func (c *Core) onDigest(m *Message) {
	z, mine := c.compare.mine.at(m.DigestZxid)
	if z == 0 {
		return
	}
	cmp := &c.compare
	i := slices.IndexFunc(cmp.differ, func(d difference) bool { return d.Peer == m.From })
	if mine == m.Digest {
		if i >= 0 && z >= cmp.differ[i].Zxid {
			cmp.differ = slices.Delete(cmp.differ, i, i+1)
		}
		return
	}
	found := DigestMismatch{Peer: m.From, Zxid: z, Mine: mine, Theirs: m.Digest}
	if i < 0 {
		i = len(cmp.differ)
		cmp.differ = append(cmp.differ, difference{at: c.now - int64(alarmEvery*c.cfg.Timing.Election)})
	}
	d := &cmp.differ[i]
	if d.DigestMismatch = found; c.now-d.at >= int64(alarmEvery*c.cfg.Timing.Election) {
		d.at = c.now
		c.out.mismatch = append(c.out.mismatch, found)
	}
}

// onLearnerDigest takes the digest of a learner. As long as some server differs, it looks whether a majority can tell who is wrong.
func (c *Core) onLearnerDigest(l *learner, m *Message) {
	if z, _ := c.compare.mine.at(m.DigestZxid); z == 0 {
		return
	}
	if z, sum := l.digests.at(m.DigestZxid); z == 0 || sum != m.Digest {
		l.digests.add(m.DigestZxid, m.Digest)
	}
	c.onDigest(m)
	if len(c.compare.differ) > 0 {
		c.judge(m.DigestZxid)
	}
}

// judge stops who differs from the majority at z, if all that were asked differ somehow and there is one.
func (c *Core) judge(z zxid.ID) {
	_, mine := c.compare.mine.at(z)
	asked := []learnerDigest{{c.cfg.ID, mine}}
	all, differ := true, false
	for _, l := range c.lead.learners {
		if at, sum := l.digests.at(z); at != 0 {
			asked = append(asked, learnerDigest{l.id, sum})
			differ = differ || sum != mine
		} else if c.votes(l.id) {
			all = false
		}
	}
	if !differ {
		return
	}
	if c.lead.dispute = z; all {
		c.lead.dispute = 0 // everyone has reported: go on with newer ones
	}
	for _, a := range asked {
		agree, n := idSet{}, 0
		for _, b := range asked {
			if b.sum == a.sum {
				agree.Add(uint32(b.id))
				n++
			}
		}
		if 2*n > len(asked) && c.quorum(&agree) {
			c.stopOthers(z, a.sum, asked, n)
			return
		}
	}
}

type learnerDigest struct {
	id  PeerID
	sum uint64
}

// stopOthers ends this server, or tells the learners to end, that do not have the digest of the majority at z.
func (c *Core) stopOthers(z zxid.ID, majority uint64, asked []learnerDigest, agree int) {
	for _, a := range asked {
		switch {
		case a.sum == majority:
		case a.id == c.cfg.ID:
			c.fail(&DivergedError{Zxid: z, Mine: a.sum, Majority: majority, Agree: agree, Asked: len(asked)})
		default:
			c.send(Message{Type: MsgDiverged, To: a.id, Epoch: c.epoch, Seq: uint64(agree), Ctx: uint64(len(asked)), DigestZxid: z, Digest: majority})
		}
	}
}

// onDiverged ends this server if its own digest says so too.
func (c *Core) onDiverged(m *Message) {
	if z, mine := c.compare.mine.at(m.DigestZxid); z != 0 && mine != m.Digest {
		c.fail(&DivergedError{Zxid: z, Mine: mine, Majority: m.Digest, Agree: int(m.Seq), Asked: int(m.Ctx)})
	}
}

// forgetDigests begins anew with the state of an image at z: the digests before it are those of the state that it replaces.
func (c *Core) forgetDigests(z zxid.ID) {
	c.compare = comparison{begin: z}
}

// differences is what Status shows.
func (c *Core) differences() (list []DigestMismatch) {
	for _, d := range c.compare.differ {
		list = append(list, d.DigestMismatch)
	}
	return list
}
