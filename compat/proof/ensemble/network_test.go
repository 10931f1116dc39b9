package ensemble

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// link is one direction between two servers; client is the "server" number of all clients.
type link struct{ from, to int }

const client = 0

// fault is what happens to the bytes of one direction. The zero value passes them on.
type fault struct {
	cut     bool          // nothing passes; what is on its way waits, as with packets that are sent again
	delay   time.Duration // of every byte
	jitter  time.Duration // on top, drawn for each chunk; order is kept
	rate    int           // bytes a second; 0 is no limit
	flip    float64       // chance that a chunk has one bit flipped
	segment int           // at most that many bytes in one write
	lose    float64       // chance that the connection breaks in the middle of a chunk
}

// network passes the bytes between servers, and between clients and servers that are reached through it.
type network struct {
	mu      sync.Mutex
	faults  map[link]fault
	pipes   map[*pipe]link // the direction that dialled
	changed chan struct{}  // closed at each change
	closed  bool
	running sync.WaitGroup
	socks   []net.Listener
}

// pipe is one connection through the network.
type pipe struct{ dialled, accepted net.Conn }

func (p *pipe) close() { p.dialled.Close(); p.accepted.Close() }

func newNetwork(t testing.TB) *network {
	n := &network{faults: map[link]fault{}, pipes: map[*pipe]link{}, changed: make(chan struct{})}
	t.Cleanup(n.close)
	return n
}

func (n *network) close() {
	n.mu.Lock()
	n.closed = true
	for _, s := range n.socks {
		s.Close()
	}
	for p := range n.pipes {
		p.close()
	}
	n.wake()
	n.mu.Unlock()
	n.running.Wait()
}

// wake needs n.mu.
func (n *network) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// listen passes connections to addr on to server `to` at real. Peers say who they are in their hello; clients are client.
func (n *network) listen(t testing.TB, addr string, to int, real string, peers bool) {
	t.Helper()
	sock, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	n.mu.Lock()
	n.socks = append(n.socks, sock)
	n.mu.Unlock()
	n.running.Go(func() {
		for {
			c, err := sock.Accept()
			if err != nil {
				return
			}
			n.running.Go(func() { n.carry(c, to, real, peers) })
		}
	})
}

// A peer's first frame: a header, 4 bytes of magic, 1 of lane, then who dials. The whole hello is 61 bytes.
const (
	peerHeader = 12
	helloBytes = peerHeader + 61
	helloFrom  = peerHeader + 4 + 1 + 3 // the last byte of its number
)

// carry is the life of one connection.
func (n *network) carry(c net.Conn, to int, real string, peers bool) {
	defer c.Close()
	from, first := client, []byte(nil)
	if peers {
		first = make([]byte, helloBytes)
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		got, err := io.ReadFull(c, first)
		_ = c.SetReadDeadline(time.Time{})
		if first = first[:got]; err == nil {
			from = int(first[helloFrom])
		} else if got == 0 {
			return
		}
	}
	d, err := net.DialTimeout("tcp", real, 2*time.Second)
	if err != nil {
		return
	}
	p := &pipe{dialled: c, accepted: d}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		p.close()
		return
	}
	n.pipes[p] = link{from, to}
	n.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { n.flow(p, link{from, to}, first, c, d) })
	both.Go(func() { n.flow(p, link{to, from}, nil, d, c) })
	both.Wait()
	n.mu.Lock()
	delete(n.pipes, p)
	n.mu.Unlock()
}

type chunk struct {
	bytes []byte
	due   time.Time
}

// flow carries one direction: a reader that stamps chunks with when they are due, and a writer that holds them until then.
func (n *network) flow(p *pipe, l link, first []byte, from, to net.Conn) {
	queue := make(chan chunk, 256)
	n.running.Go(func() {
		defer close(queue)
		if len(first) > 0 {
			queue <- chunk{first, n.due(l)}
		}
		for {
			b := make([]byte, 32<<10)
			got, err := from.Read(b)
			if got > 0 {
				queue <- chunk{b[:got], n.due(l)}
			}
			if err != nil {
				return
			}
		}
	})
	defer p.close()
	broken := false
	for c := range queue {
		if broken {
			continue // let the reader end
		}
		if !n.pass(l, c, to) {
			broken = true
			p.close()
		}
	}
}

func (n *network) due(l link) time.Time {
	n.mu.Lock()
	f := n.faults[l]
	n.mu.Unlock()
	if f.jitter > 0 {
		f.delay += rand.N(f.jitter)
	}
	return time.Now().Add(f.delay)
}

// pass waits until the chunk may go and writes it the way the fault says. False: the connection is broken.
func (n *network) pass(l link, c chunk, to net.Conn) bool {
	if wait := time.Until(c.due); wait > 0 {
		<-time.After(wait)
	}
	f, open := n.uncut(l)
	if !open {
		return false
	}
	b := c.bytes
	if f.flip > 0 && rand.Float64() < f.flip {
		b[rand.IntN(len(b))] ^= 1 << rand.IntN(8)
	}
	if f.lose > 0 && rand.Float64() < f.lose {
		_, _ = to.Write(b[:rand.IntN(len(b))])
		return false
	}
	for len(b) > 0 {
		size := len(b)
		if f.segment > 0 {
			size = min(size, f.segment)
		}
		if f.rate > 0 {
			size = min(size, max(1, f.rate/50))
			<-time.After(time.Duration(size) * time.Second / time.Duration(f.rate))
		}
		if _, err := to.Write(b[:size]); err != nil {
			return false
		}
		b = b[size:]
	}
	return true
}

// uncut waits until the direction is not cut; false if the network ends.
func (n *network) uncut(l link) (fault, bool) {
	for {
		n.mu.Lock()
		f, changed, closed := n.faults[l], n.changed, n.closed
		n.mu.Unlock()
		if closed || !f.cut {
			return f, !closed
		}
		<-changed
	}
}

// set gives directions a fault.
func (n *network) set(f fault, links ...link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range links {
		n.faults[l] = f
	}
	n.wake()
}

// cut stops directions.
func (n *network) cut(links ...link) { n.set(fault{cut: true}, links...) }

// both is a pair in both directions.
func both(a, b int) []link { return []link{{a, b}, {b, a}} }

// part cuts everything between the sides, both ways.
func (n *network) part(left, right []int) {
	var links []link
	for _, a := range left {
		for _, b := range right {
			links = append(links, both(a, b)...)
		}
	}
	n.cut(links...)
}

// heal ends all faults. Held bytes arrive, unless their connections are broken too.
func (n *network) heal(breakCut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if breakCut {
		for p, l := range n.pipes {
			if n.faults[l].cut || n.faults[link{l.to, l.from}].cut {
				p.close()
			}
		}
	}
	clear(n.faults)
	n.wake()
}

// reset breaks the connections of directions, in whatever they are saying.
func (n *network) reset(links ...link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for p, l := range n.pipes {
		for _, want := range links {
			if l == want {
				p.close()
			}
		}
	}
}
