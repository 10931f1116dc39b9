package servertest

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/paddock-zk/paddock/compat/listener"
)

// link is one connection of a client to a server: two pipes that keep order, and at the server's end a listener.Conn driven by hand.
type link struct {
	node     *simNode
	life     int
	client   *simClient
	hand     *listener.Hand // nil until accepted
	up, down pipe
	stepping bool
	refused  bool
	ended    bool // the server's end of the stream is on its way to the client
}

// pipe is one direction.
type pipe struct {
	queue    []parcel
	last     int64
	retrying bool
}

// parcel is what travels: bytes, the connection itself, or the end of the stream.
type parcel struct {
	at        int64
	b         []byte
	open, end bool
}

// dial opens a connection; that it came about is not told: the answer of the server tells.
func (c *simClient) dial(n *simNode) *link {
	l := &link{node: n, life: n.Life(), client: c}
	l.send(&l.up, parcel{open: true})
	return l
}

func (l *link) send(p *pipe, x parcel) {
	s := l.node.sim
	x.at = max(s.Now()+s.Between(50, 2000), p.last+1)
	p.last = x.at
	p.queue = append(p.queue, x)
	s.After(x.at-s.Now(), func() { l.pump(p) })
}

// pump delivers what has arrived, unless the way is cut: then the network tries again and again.
func (l *link) pump(p *pipe) {
	s, c := l.node.sim, l.client
	if s.cut[c.id][l.node.id-1] || p == &l.down && c.asleep > s.Now() {
		if !p.retrying {
			p.retrying = true
			s.After(tickLen, func() { p.retrying = false; l.pump(p) })
		}
		return
	}
	for len(p.queue) > 0 && p.queue[0].at <= s.Now() {
		x := p.queue[0]
		p.queue = p.queue[1:]
		if p == &l.down {
			c.received(l, x)
		} else {
			l.arrive(x)
		}
	}
}

// arrive is the server's end.
func (l *link) arrive(x parcel) {
	n := l.node
	if !n.Up() || n.Life() != l.life {
		if !l.refused && !l.ended {
			l.refused = true
			l.send(&l.down, parcel{end: true})
		}
		return
	}
	n.Do(func() {
		switch {
		case x.open:
			l.accept()
		case l.hand == nil:
		case x.end:
			l.hand.Hangup()
			l.hand.Step()
		default:
			if l == l.client.link && l.client.state == clientOpen && !l.hand.Closed() && !l.hand.Waiting() { // else it is not read yet
				n.heard.own(n, l.client.session)
			}
			l.hand.Feed(x.b)
			l.hand.Step()
		}
	})
}

func (l *link) accept() {
	n := l.node
	addr := netip.AddrFrom4([4]byte{10, 0, byte(l.client.id >> 8), byte(l.client.id)})
	if l.hand = n.lis.Hand(netip.AddrPortFrom(addr, 1000)); l.hand == nil {
		l.send(&l.down, parcel{end: true})
		return
	}
	n.links = append(n.links, l)
}

// poke sends what the connections of a server have written, and lets those go on that may.
func (n *simNode) poke() {
	if !n.Up() {
		return
	}
	over := false
	for _, l := range n.links {
		if b := l.hand.Take(); len(b) > 0 {
			l.send(&l.down, parcel{b: b})
		}
		if l.hand.Closed() && !l.ended {
			l.ended = true
			l.send(&l.down, parcel{end: true})
		}
		if l.hand.Due() && !l.stepping {
			l.stepping = true
			n.Schedule(n.sim.soon(), func() { l.stepping = false; l.hand.Step() })
		}
		over = over || l.hand.Over()
	}
	if n.arrange(); over {
		n.links = slices.DeleteFunc(n.links, func(l *link) bool { return l.hand.Over() && l.ended })
	}
}

// die is the end of the server's process.
func (l *link) die() {
	if !l.ended {
		l.ended = true
		l.send(&l.down, parcel{end: true})
	}
}

// hangup is the client's end of the stream.
func (l *link) hangup() { l.send(&l.up, parcel{end: true}) }

// reset breaks the connection for both ends.
func (l *link) reset() {
	l.hangup()
	l.die()
}

// now is the wall clock.
func (n *simNode) now() time.Time { return time.UnixMilli(n.wall()) }

// newSeeded is a stream of random bytes out of the run's own dice.
func newSeeded(r *rand.Rand) *rand.ChaCha8 {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], r.Uint64())
	return rand.NewChaCha8(seed)
}
