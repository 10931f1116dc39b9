package servertest

import (
	"fmt"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

type clientState uint8

const (
	clientIdle clientState = iota
	clientConnecting
	clientOpen
)

// simClient behaves as ZooKeeper's clients do: it pings after a third of its timeout, gives a server up after two thirds without a word,
// goes on at another one with the same session, and sets its watches again. It also misbehaves: sleeps, dies, leaves old connections.
type simClient struct {
	sim      *Sim
	id       int
	state    clientState
	dead     bool
	asleep   int64
	session  session.ID
	password []byte
	timeout  int64 // ms, asked for
	lastZxid zxid.ID
	xid      int32
	link     *link
	in       []byte
	times    clientTimes
	pending  []*request
	watches  watching
	locks    locking
	server   int // index of the last server
	calmDone int
	lastOwn  zxid.ID // of the last write of this session that was answered
	doubt    bool    // a write of this session was lost with its connection
}

type clientTimes struct{ sent, heard, began, retry int64 }

// born begins with no session.
func (c *simClient) born() {
	o := &c.sim.opt.Clients
	c.session, c.password, c.lastZxid, c.xid, c.dead = 0, nil, 0, 0, false
	c.timeout = c.sim.Between(o.TimeoutFrom, o.TimeoutTo)
	c.pending, c.watches, c.locks, c.lastOwn, c.doubt = nil, watching{}, locking{}, 0, false
	c.state, c.link = clientIdle, nil
	c.times.retry = c.sim.Now() + c.sim.Between(0, 5*tickLen)
}

// step is what the client does every 10 ms.
func (c *simClient) step() {
	s := c.sim
	s.After(tickLen+s.Between(0, 500), c.step)
	if c.asleep > s.Now() {
		return
	}
	if c.dead {
		if s.calm || s.Chance(0.01) {
			c.born()
		}
		return
	}
	switch c.state {
	case clientIdle:
		if s.Now() >= c.times.retry {
			c.connect(s.Rand.IntN(len(s.nodes)))
		}
	case clientConnecting:
		if s.Now()-c.times.began > c.timeout*1000/3 {
			c.lost(true)
		}
	case clientOpen:
		c.live()
	}
}

// live is a step with a connection.
func (c *simClient) live() {
	s, o := c.sim, &c.sim.opt.Clients
	switch {
	case s.Now()-c.times.heard > c.timeout*1000*2/3:
		c.lost(true)
	case s.Chance(o.Move):
		if s.Chance(o.Rush) {
			c.ask()
		}
		c.lost(!s.Chance(o.Zombie))
		s.Stats.Moves++
		if s.Chance(o.Stay) {
			c.connect(c.server)
			return
		}
		c.connect(s.Rand.IntN(len(s.nodes)))
	case s.Chance(o.Die):
		s.trace("client %d dies", c.id)
		s.living.abandon(c.session)
		c.dead, c.link = true, nil
	case s.Chance(o.Sleep):
		c.asleep = s.Now() + s.Between(tickLen, 2*c.timeout*1000)
	case s.Chance(o.Close) && len(c.pending) == 0:
		c.close()
	default:
		c.ask()
		if s.Now()-c.times.sent > c.timeout*1000/3 {
			c.ping()
		}
	}
}

// connect tries a server, a random one unless the configuration knows it no more.
func (c *simClient) connect(i int) {
	s := c.sim
	n := s.nodes[i]
	if c.server != i && c.session != 0 {
		s.Stats.MovedServer++
	}
	c.state, c.server, c.in = clientConnecting, i, nil
	c.times.began, c.times.heard = s.Now(), s.Now()
	c.link = c.dial(n)
	q := wire.ConnectRequest{LastZxid: s.plant.lastZxid(c.lastZxid), Timeout: int32(c.timeout), Session: c.session, Password: c.password}
	if c.password == nil {
		q.Password = make([]byte, wire.PasswordSize)
	}
	b, mark := wire.BeginFrame(nil)
	b = q.Append(b)
	wire.EndFrame(b, mark)
	c.link.send(&c.link.up, parcel{b: b})
	s.trace("client %d session %v connects to %d, has seen %v", c.id, c.session, n.id, c.lastZxid)
}

// lost gives the connection up. What was asked and not answered has an unknown outcome.
func (c *simClient) lost(hangup bool) {
	if hangup && c.link != nil {
		c.link.hangup()
	}
	if !hangup {
		c.sim.Stats.Zombies++
	}
	for _, r := range c.pending {
		r.unknown(c)
		c.doubt = c.doubt || wire.IsWrite(r.op)
	}
	c.pending, c.link, c.state = nil, nil, clientIdle
	c.times.retry = c.sim.Now() + c.sim.Between(0, 10*tickLen)
}

// received is the client's end of a connection.
func (c *simClient) received(l *link, x parcel) {
	if l != c.link {
		return
	}
	if x.end {
		c.lost(true)
		return
	}
	c.in = append(c.in, x.b...)
	for c.link == l {
		payload, rest, err := wire.NextFrame(c.in, wire.MaxFrameDefault)
		if err != nil {
			c.sim.violate("client %d: %v", c.id, err)
		}
		if payload == nil {
			return
		}
		c.in = rest
		c.times.heard = c.sim.Now()
		if c.state == clientConnecting {
			c.welcome(payload)
		} else {
			c.reply(payload)
		}
	}
}

// welcome takes the answer to the handshake.
func (c *simClient) welcome(payload []byte) {
	s := c.sim
	var p wire.ConnectResponse
	r := jute.NewReader(payload)
	if p.Decode(&r); r.Err() != nil {
		s.violate("client %d: handshake: %v", c.id, r.Err())
	}
	if p.Timeout == 0 {
		s.living.refused(s, c)
		s.Stats.Refusals++
		c.link.hangup()
		c.born()
		return
	}
	if c.session != 0 && p.Session != c.session {
		s.violate("client %d asked for session %v and got %v", c.id, c.session, p.Session)
	}
	if c.session == 0 {
		s.living.opened(s, c, p.Session)
	} else {
		s.Stats.Reattached++
	}
	s.living.connected(s, p.Session)
	c.session, c.password, c.state = p.Session, append([]byte(nil), p.Password[:]...), clientOpen
	s.trace("client %d is session %v at %d", c.id, c.session, c.link.node.id)
	c.rewatch()
	if c.doubt && s.Chance(0.7) { // as who wants to know what became of it: behind the sync nothing of it may happen any more
		s.Stats.SyncsInDoubt++
		c.submit(&request{op: wire.OpSync, path: "/", synced: true})
	}
	c.doubt = false
}

// close ends the session politely; the client is another one afterwards.
func (c *simClient) close() {
	c.submit(&request{op: wire.OpCloseSession})
	c.sim.living.abandon(c.session)
	c.sim.Stats.Closes++
}

func (c *simClient) ping() { c.submit(&request{op: wire.OpPing}) }

func (c *simClient) describe() string {
	return fmt.Sprintf("client %d: state %d dead %v session %v at server %d, seen %v, %d pending, calm %d", c.id, c.state, c.dead, c.session,
		c.server+1, c.lastZxid, len(c.pending), c.calmDone)
}
