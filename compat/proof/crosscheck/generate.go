package crosscheck

import (
	"math"
	"math/rand/v2"

	"github.com/paddock-zk/paddock/compat/proof/client"
)

// Generating says what scripts are made of.
type Generating struct {
	Requests  int    // how many steps, about
	Exclusive bool   // nobody else uses the servers, and both were empty at the start: look at "/" and /zookeeper too
	Ensemble  bool   // the servers are ensembles: leave out truncated writes, whose failure ZooKeeper logs under a zxid that is taken, and then stops
	Super     string // credentials that both servers know as super, or ""
}

// profile is what a script dwells on. Scripts that do a bit of everything meet fewer corners than scripts that each leave much out.
type profile struct {
	name    string
	conns   int
	ops     []weighted
	burst   float64 // chance of a pipelined burst, in 100
	acl     float64 // chance of an ACL that is not world:anyone, in 100
	odd     float64 // chance of something a client library would not send, in 100
	session float64 // chance of a step that concerns sessions and connections, in 100
	quota   float64 // chance of a request below /zookeeper/quota, in 100
}

type weighted struct {
	weight int
	make   func(g *gen) Request
}

// gen makes one script. It keeps just enough of a model to know which connections are open.
type gen struct {
	r       *rand.Rand
	opt     Generating
	profile profile
	steps   []Step
	open    []int // by slot: the label of its session, 0 = not connected
	labels  int
	inMulti bool
	recent  []string // paths of the latest requests: requests are likelier to meet there
	quiet   bool     // within a burst: nothing whose place in the order of replies is open
}

// Generate makes the script of a seed. The same seed and options make the same script, always.
func Generate(seed uint64, opt Generating) Script {
	r := rand.New(rand.NewPCG(seed, 0x7061646f636b))
	g := &gen{r: r, opt: opt, profile: profiles()[seed%uint64(len(profiles()))]}
	// Swarm testing: every script forgets some of its requests and prefers others.
	for i := range g.profile.ops {
		g.profile.ops[i].weight *= pick(r, []int{0, 1, 1, 2, 5})
	}
	g.profile.ops = append(g.profile.ops, weighted{1, (*gen).create}, weighted{1, (*gen).getData})
	g.open = make([]int, g.profile.conns)
	if chance(r, 80) {
		g.prelude()
	}
	for len(g.steps) < opt.Requests {
		g.step()
	}
	return Script{Seed: seed, Profile: g.profile.name, Steps: g.steps}
}

// prelude makes some nodes, so that not every request finds nothing.
func (g *gen) prelude() {
	g.connect(0)
	for _, path := range []string{"~/a", "~/b", "~/a/a", "~/a/b", "~/c"} {
		if chance(g.r, 75) && g.open[0] != 0 {
			g.send(0, Request{Op: opCreate, Args: []Arg{strArg{v: path}, g.data(), g.acls(), intArg{0}}})
		}
	}
}

func (g *gen) step() {
	n := g.r.IntN(len(g.open))
	if g.open[n] == 0 {
		g.connect(n)
		return
	}
	switch p := g.profile; {
	case chance(g.r, p.session):
		g.sessionStep(n)
	case chance(g.r, p.odd):
		g.oddStep(n)
	case chance(g.r, p.burst):
		g.burst(n)
	case p.quota > 0 && chance(g.r, p.quota):
		g.send(n, g.quotaRequest())
	default:
		g.send(n, g.request())
	}
}

func (g *gen) send(n int, req Request) {
	g.steps = append(g.steps, Step{Conn: n, Act: Send, Req: req})
}

// join makes the step before the next one go out together with it.
func (g *gen) join() { g.steps[len(g.steps)-1].Join = true }

func (g *gen) request() Request {
	total := 0
	for _, w := range g.profile.ops {
		total += w.weight
	}
	at := g.r.IntN(total)
	for _, w := range g.profile.ops {
		if at -= w.weight; at < 0 {
			req := w.make(g)
			g.tame(req.Args)
			if g.quiet && (req.Op == opAuth || req.Op == opSASL) {
				return g.getData() // answered by the I/O thread: they may overtake what was sent before them
			}
			return req
		}
	}
	panic("crosscheck: weights do not add up")
}

// burst sends several requests in one write, some of them behind the handshake of a fresh connection.
func (g *gen) burst(n int) {
	g.quiet = true
	for range 2 + g.r.IntN(8) {
		req := g.request()
		g.send(n, req)
		if req.Op != opSetACL { // until ZooKeeper has applied it, what is behind it is judged by the list before
			g.join()
		}
	}
	g.steps[len(g.steps)-1].Join = false
	g.quiet = false
	if !chance(g.r, 4) {
		return
	}
	// The end of a burst may be the end of the connection. What is behind it must not be a write: whether it still gets its zxid
	// depends on which of ZooKeeper's threads is faster.
	g.join()
	g.send(n, Request{Op: opCloseSession})
	for range g.r.IntN(3) {
		g.join()
		g.send(n, g.getData())
	}
	g.open[n] = 0
}

func (g *gen) connect(n int) {
	h := Hello{New: true, Timeout: pick(g.r, []int32{30000, 30000, 40000, 60000, 1000000}), Password: pick(g.r, []int{16, 16, 16, 0, -1, 5})}
	if chance(g.r, 15) {
		h.ReadOnly = pick(g.r, []client.ReadOnlyByte{client.NoReadOnlyBit, client.ReadOnlyOK})
	}
	g.labels++
	h.Session = g.labels
	if g.labels > 1 && chance(g.r, 30) {
		g.labels--
		h.New, h.Session = false, 1+g.r.IntN(g.labels)
		for i := range g.open {
			if g.open[i] == h.Session {
				g.open[i] = 0 // the server ends the older connection
			}
		}
	}
	g.open[n] = h.Session
	g.steps = append(g.steps, Step{Conn: n, Act: Connect, Hello: h})
	if chance(g.r, g.profile.burst) {
		g.join()
		g.burst(n)
	}
}

// sessionStep is something about sessions and connections.
func (g *gen) sessionStep(n int) {
	switch r := g.r; {
	case chance(r, 25):
		g.steps = append(g.steps, Step{Conn: n, Act: Drop})
		g.open[n] = 0
	case chance(r, 30):
		g.send(n, Request{Op: opCloseSession})
		g.open[n] = 0
	case chance(r, 50):
		// The same session on another connection, or the same one anew.
		h := Hello{Session: g.open[n], Timeout: pick(r, []int32{30000, 35000, 100}), ReadOnly: pick(r, []client.ReadOnlyByte{0, 0, 1, 2})}
		m := r.IntN(len(g.open))
		g.open[n] = 0
		g.open[m] = h.Session
		g.steps = append(g.steps, Step{Conn: m, Act: Connect, Hello: h})
	default:
		// A handshake that is refused, or not even answered. The older connection of the session ends nevertheless.
		h := Hello{Session: g.open[n], Timeout: 30000, ReadOnly: pick(r, []client.ReadOnlyByte{0, 0, 2})}
		switch r.IntN(3) {
		case 0:
			h.Wrong = true
		case 1:
			h.Session = 0
		default:
			h.Ahead = pick(r, []int64{1, 100, math.MaxInt32})
			h.New = chance(r, 50)
			if h.New {
				g.labels++
				h.Session = g.labels
			}
		}
		m := r.IntN(len(g.open))
		g.open[n], g.open[m] = 0, 0
		g.steps = append(g.steps, Step{Conn: m, Act: Connect, Hello: h})
	}
}

// oddStep is something that no client library sends.
func (g *gen) oddStep(n int) {
	r := g.r
	switch {
	case chance(r, 45): // a record that ends too early, or too late
		req := g.request()
		if req.Op == opAuth || req.Op == opSASL {
			req = g.create()
		}
		if chance(r, 60) && !(g.opt.Ensemble && isWrite(req.Op)) {
			req.Cut = 1 + r.IntN(12)
		} else {
			req.More = 1 + r.IntN(12)
		}
		g.send(n, req)
		return
	case chance(r, 25):
		req := g.request()
		if req.Op != opAuth {
			req.Xid = pick(r, []int32{0, -3, -5, -17, math.MinInt32, math.MaxInt32, 7, 7})
		}
		g.send(n, req)
		return
	case chance(r, 30):
		g.send(n, Request{Op: pick(r, []int32{0, -1, 10, 23, 71, 99, 108, 1000, -2, -12, math.MaxInt32, math.MinInt32})})
	case chance(r, 25):
		g.send(n, Request{Op: opCheck, Args: []Arg{strArg{v: g.path()}, intArg{g.version()}}})
	case chance(r, 40):
		scheme := pick(r, []string{"nope", "world", "auth", "sasl", "x509", "super", ""})
		g.send(n, Request{Op: opAuth, Args: []Arg{intArg{0}, strArg{v: scheme}, bufArg{v: []byte("x")}}})
	case chance(r, 15):
		g.send(n, Request{Op: opSetData, Args: []Arg{strArg{v: "~"}, bufArg{fill: 1 << 20}, intArg{-1}}})
	default:
		g.raw(n)
	}
	g.open[n] = 0
}

func isWrite(op int32) bool {
	switch op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opSetData, opSetACL, opReconfig:
		return true
	}
	return false // a truncated multi gets a zxid of its own
}

// raw sends bytes that are no frame, in a session or in the place of a handshake.
func (g *gen) raw(n int) {
	bytes := pick(g.r, []string{
		"\xff\xff\xff\xff", "\x00\x10\x00\x00", "\x7f\xff\xff\xff", "\x80\x00\x00\x00", "\x00\x00\x00\x00",
		"\x00\x00\x00\x04\x00\x00\x00\x01", "\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00",
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	})
	if chance(g.r, 50) {
		g.steps = append(g.steps, Step{Conn: n, Act: Drop})
		hello := client.Hello{Timeout: 30000, Password: make([]byte, 16), ReadOnly: client.NoReadOnlyBit}.Append(nil)
		hello = hello[:g.r.IntN(len(hello))]
		if chance(g.r, 50) {
			bytes = string(append(appendInt(nil, int32(len(hello))), hello...)) // a handshake that ends too early
		}
	}
	g.steps = append(g.steps, Step{Conn: n, Act: Raw, Bytes: []byte(bytes)})
}
