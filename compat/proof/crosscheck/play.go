package crosscheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
)

// player plays one script to one server.
type player struct {
	addr   string
	root   string
	within time.Duration    // how long to wait for an answer before it counts as silence
	last   int64            // newest zxid seen
	conns  []*slot          // by the script's numbers; nil = not connected
	labels map[int]identity // sessions by the label of the script
	ids    map[session.ID]int
	seen   []Sight // of the group that is being played
}

type identity struct {
	id       session.ID
	password []byte
}

// slot is one connection of the script, while it is open.
type slot struct {
	conn    *client.Conn
	session bool // the handshake was answered
	xid     int32
}

const impossibleSession = 0x0123456789

// group plays steps that go out in one write, and gathers all that every connection shows because of them.
func (p *player) group(ctx context.Context, steps []Step) ([]Sight, error) {
	p.seen = nil
	n := steps[0].Conn
	if steps[0].Act == Connect || steps[0].Act == Raw && p.conns[n] == nil {
		if err := p.open(ctx, n); err != nil {
			return nil, err
		}
	}
	switch s := p.conns[n]; {
	case s == nil:
		p.see(Sight{Conn: n, What: "not connected"})
	case steps[0].Act == Drop:
		p.hangUp(n, s)
	default:
		if sent, err := p.send(s, steps); err != nil {
			p.closed(n)
		} else {
			p.await(n, s, sent, steps[0])
		}
	}
	p.barrier()
	slices.SortStableFunc(p.seen, func(a, b Sight) int { return a.Conn - b.Conn })
	if endsSession(steps) {
		sortSameZxid(p.seen)
	}
	return p.seen, nil
}

// sent is one request that waits for its reply.
type sent struct {
	op, xid  int32
	answered bool
}

// send stages all steps and flushes once.
func (p *player) send(s *slot, steps []Step) ([]sent, error) {
	var out []sent
	for _, step := range steps {
		switch step.Act {
		case Connect:
			s.conn.StageHello(p.hello(step.Hello))
		case Send:
			xid := p.xidFor(s, &step.Req)
			s.conn.StageFrame(step.Req.appendFrame(nil, xid, place{p.root, p.last}))
			if step.Req.Op == opPing {
				xid = wire.XidPing // whatever the request's xid was
			}
			out = append(out, sent{op: step.Req.Op, xid: xid})
		case Raw:
			s.conn.StageRaw(step.Bytes)
		case Drop: // see group
		}
	}
	return out, s.conn.Flush()
}

func (p *player) xidFor(s *slot, r *Request) int32 {
	if r.Xid != 0 {
		return r.Xid
	}
	switch r.Op {
	case opPing:
		return wire.XidPing
	case opAuth:
		return wire.XidAuth
	case opSetWatches, opSetWatches2:
		return -8
	}
	s.xid++
	return s.xid
}

func (p *player) hello(h Hello) client.Hello {
	out := client.Hello{Timeout: h.Timeout, ReadOnly: h.ReadOnly}
	if h.Ahead != 0 {
		out.LastZxid = p.last + h.Ahead
	}
	switch {
	case h.New && h.Password >= 0:
		out.Password = make([]byte, h.Password)
	case !h.New:
		who, ok := p.labels[h.Session]
		if !ok {
			who = identity{impossibleSession, make([]byte, 16)}
		}
		out.Session, out.Password = who.id, append([]byte(nil), who.password...)
		if h.Wrong && len(out.Password) > 0 {
			out.Password[0] ^= 0xff
		}
	}
	return out
}

// open gives the slot a fresh TCP connection.
func (p *player) open(ctx context.Context, n int) error {
	if old := p.conns[n]; old != nil {
		p.hangUp(n, old)
	}
	conn, err := client.Dial(ctx, p.addr)
	if err != nil {
		return err
	}
	p.conns[n] = &slot{conn: conn}
	return nil
}

// hangUp closes the connection and waits until the server has done so too: a server that noticed later might do something to a
// newer connection of the same session, at a moment of its own choice.
func (p *player) hangUp(n int, s *slot) {
	p.conns[n] = nil
	if s.conn.CloseWrite() == nil {
		_ = s.conn.SetReadDeadline(time.Now().Add(p.within))
		for {
			if _, err := s.conn.Next(); err != nil {
				break
			}
		}
	}
	_ = s.conn.Close()
}

// await reads on the group's own connection until all requests are answered, the connection ends, or nothing more comes.
func (p *player) await(n int, s *slot, requests []sent, first Step) {
	_ = s.conn.SetReadDeadline(time.Now().Add(p.within))
	if first.Act == Connect && !p.welcome(n, s, first.Hello) {
		return
	}
	for left := len(requests); left > 0; {
		r, err := s.conn.Read()
		if err != nil {
			p.lost(n, err)
			return
		}
		if r.Xid != wire.XidEvent {
			left--
		}
		p.frame(n, r, requests)
		if slices.ContainsFunc(requests, func(r sent) bool { return r.op == opCloseSession && r.answered }) {
			p.untilClosed(n, s, false)
			return
		}
	}
	if first.Act == Raw || p.refused(n) {
		p.untilClosed(n, s, true)
	}
}

// refused says whether the last thing seen on the connection is an answer behind which servers close it: to a request of no known
// type, or to authentication that failed.
func (p *player) refused(n int) bool {
	if len(p.seen) == 0 {
		return false
	}
	last := p.seen[len(p.seen)-1]
	return last.Conn == n && last.What == "reply" && (last.Err == -115 || last.Err == -124 || last.Err == -6 && zxidOf(last) == -1)
}

// untilClosed waits for the server to end the connection. The end comes a moment after the last answer, so the barrier's ping
// might or might not still be answered: without this wait the outcome would be a matter of luck. The same goes for requests behind a
// closeSession: whether ZooKeeper still answers them (with -112) is a race of its threads, so such answers are not noted.
func (p *player) untilClosed(n int, s *slot, note bool) {
	_ = s.conn.SetReadDeadline(time.Now().Add(min(p.within, time.Second)))
	for {
		r, err := s.conn.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.see(Sight{Conn: n, What: "not closed"})
			return
		}
		if err != nil {
			p.lost(n, err)
			return
		}
		if note || r.Xid == wire.XidEvent {
			p.frame(n, r, nil)
		}
	}
}

// welcome reads the answer to the handshake, and says whether there is a session now.
func (p *player) welcome(n int, s *slot, h Hello) bool {
	w, err := s.conn.ReadWelcome()
	if err != nil {
		p.lost(n, err)
		return false
	}
	facts := []Fact{
		{Name: "timeout", Text: fmt.Sprint(w.Timeout)},
		{Name: "readOnlyByte", Text: fmt.Sprint(w.HasReadOnly, w.ReadOnly)},
		{Name: "protocol", Text: fmt.Sprint(w.Protocol)},
	}
	if w.Timeout > 0 {
		s.session = true
		switch {
		case h.New:
			p.labels[h.Session] = identity{w.Session, w.Password}
			p.ids[w.Session] = h.Session
			facts = append(facts, Fact{Name: "password", Text: fmt.Sprintf("%d bytes", len(w.Password))})
		default:
			same := string(w.Password) == string(p.labels[h.Session].password)
			facts = append(facts, Fact{Name: "password", Text: fmt.Sprintf("%d bytes, the same: %v", len(w.Password), same)})
		}
	} else {
		facts = append(facts, Fact{Name: "password", Text: fmt.Sprintf("%x", w.Password)})
	}
	facts = append(facts, Fact{Name: "session", Kind: OwnerFact, Num: int64(w.Session)})
	p.see(Sight{Conn: n, What: "welcome", Facts: facts})
	return true
}

// barrier makes sure that nothing caused by the group is still under way: a ping on every connection, and all that comes before
// its reply. Servers answer pings in the order of the connection, behind the events of every earlier transaction.
func (p *player) barrier() {
	for _, s := range p.conns {
		if s != nil && s.session {
			s.conn.Stage(wire.XidPing, wire.OpPing, nil)
			_ = s.conn.Flush() // the read below finds out how it ended
		}
	}
	for n, s := range p.conns {
		if s != nil && s.session {
			_ = s.conn.SetReadDeadline(time.Now().Add(p.within))
			p.untilPing(n, s)
		}
	}
}

func (p *player) untilPing(n int, s *slot) {
	for {
		r, err := s.conn.Read()
		if err != nil {
			p.lost(n, err)
			return
		}
		if r.Xid == wire.XidPing {
			p.last = max(p.last, r.Zxid)
			return
		}
		p.frame(n, r, nil)
	}
}

// frame notes a reply or an event.
func (p *player) frame(n int, r client.Reply, requests []sent) {
	p.last = max(p.last, r.Zxid)
	if r.Xid == wire.XidEvent {
		p.see(Sight{Conn: n, What: "event", Facts: readEvent(r, p.root)})
		return
	}
	// An answer belongs to the oldest request with its xid; if there is none, to the oldest that waits.
	at := -1
	for i := range requests {
		if !requests[i].answered && (at < 0 || requests[at].xid != r.Xid && requests[i].xid == r.Xid) {
			at = i
		}
	}
	if at < 0 {
		p.see(Sight{Conn: n, What: "reply", Req: -1, Err: r.Err, Facts: readReply(r, 0, r.Xid, p.root)})
		return
	}
	requests[at].answered = true
	p.see(Sight{Conn: n, What: "reply", Req: at, Err: r.Err, Facts: readReply(r, requests[at].op, requests[at].xid, p.root)})
}

func (p *player) see(s Sight) { p.seen = append(p.seen, s) }

// lost notes why nothing more can be read: the end of the connection, or silence.
func (p *player) lost(n int, err error) {
	var ne net.Error
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &ne) && ne.Timeout() {
		p.see(Sight{Conn: n, What: "silence"})
		if s := p.conns[n]; s != nil {
			_ = s.conn.Close()
			p.conns[n] = nil
		}
		return
	}
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		p.closed(n)
		return
	}
	p.see(Sight{Conn: n, What: "broken: " + err.Error()})
	p.closed(n)
}

func (p *player) closed(n int) {
	if s := p.conns[n]; s != nil {
		p.hangUp(n, s)
		p.see(Sight{Conn: n, What: "closed"})
	}
}
