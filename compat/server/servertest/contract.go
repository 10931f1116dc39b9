package servertest

import (
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// contract holds what the parts of a Ready promise to each other (see [zab.Ready]), where no client could see it broken for certain.
type contract struct {
	handed zxid.ID   // the last committed entry that was handed out
	before []zxid.ID // by change of leadership that was handed out and not told yet: handed, by then
}

// see looks at a Ready before it is handed out.
func (c *contract) see(rd *zab.Ready) {
	if n := len(rd.Committed); n > 0 {
		c.handed = rd.Committed[n-1].Zxid
	}
	if rd.Soft != nil {
		c.before = append(c.before, c.handed)
	}
}

// softStateSeen: the server hears of a change of leadership, behind everything that was committed by then: what it has not seen is in doubt.
func (n *simNode) softStateSeen() {
	c := &n.contract
	z := c.before[0]
	c.before = c.before[1:]
	if n.state.LastZxid() < z {
		n.sim.violate("server %d is told of a change of leadership and has applied up to %v; everything up to %v was committed before", n.id, n.state.LastZxid(), z)
	}
}

// judge looks at a message as it leaves: what it vouches for is durable.
func (n *simNode) judge(m *zab.Message) {
	switch {
	case m.Type == zab.MsgAck && !m.Reject && m.Zxid > n.log.Last():
		n.sim.violate("server %d acknowledges %v, and its log ends at %v", n.id, m.Zxid, n.log.Last())
	case m.Type == zab.MsgVoteResp && !m.Reject && n.log.HardState().Promised < m.Epoch:
		n.sim.violate("server %d promises epoch %v, and its log says %v", n.id, m.Epoch, n.log.HardState().Promised)
	}
}
