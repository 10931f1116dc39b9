package server

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/watch"
)

// Server answers clients. It implements listener.Handler and peer.StateMachine. Make it with New.
type Server struct {
	opts    Options
	state   lockedState
	watches *watch.Table
	orders  *orders
	reg     registry
	locals  locals
	sess    sessions
	load    load
	conns   *throttle
	pools   pools
	apply   applier
	flush   flushers
	stats   stats
	soft    soft
	mode    atomic.Uint32 // mode
	flags   atomic.Uint32 // znode.Flags
	zxid    atomic.Int64  // last applied
	syncs   confirms
	told
	held heldHandshakes
}

// told is what the servers of an ensemble tell each other of themselves, by way of the leader.
type told struct {
	alarm alarm // whose disks are nearly full
	files files // what their configuration files say
}

// pools keep what turns and connections give back, so that a request allocates nothing of it.
type pools struct {
	turns sync.Pool // *turn
	pipes sync.Pool // *Pipeline
}

// lockedState is the state and its lock. Order of locks: state, conn.mu, the connection's out buffer.
type lockedState struct {
	sync.RWMutex
	st *znode.State
}

// mode is how clients are served.
type mode uint32

const (
	modeDown     mode = iota // no leader: nobody is served
	modeServing              // all requests
	modeReadOnly             // no quorum, but readonlymode.enabled: reads of clients that asked for it
	modeIdle                 // it leads, and leaves clients to the others (leaderServes=no)
)

// String is what the log calls a mode.
func (m mode) String() string { return [...]string{"down", "serving", "read-only", "leading only"}[m] }

// Why connections end.
var (
	errNotServing    = errors.New("this server is not serving: no leader, or not yet up to date")
	errReplaced      = errors.New("the session was attached again by another connection")
	errMoved         = errors.New("the session moved to another server")
	errExpired       = errors.New("session expired")
	errProposal      = errors.New("a write could not be proposed")
	errBadHandshake  = errors.New("malformed connect request")
	errLeadsOnly     = errors.New("this server leads, and leaves clients to the others (leaderServes=no)")
	errNoReadOnly    = errors.New("client does not accept a read-only server")
	errZxidAhead     = errors.New("client has seen a later zxid than this server, it must try another one")
	errConnThrottled = errors.New("connection throttle: no tokens left")
	errUnconfirmed   = errors.New("the ensemble did not confirm a read")
)

// New makes a server. It serves nobody until SoftStateChanged says that the ensemble is active.
func New(o Options) *Server {
	o.defaults()
	s := &Server{opts: o, watches: watch.New(), orders: newOrders(), conns: newThrottle(o.Limits.Connection)}
	s.state.st = o.State
	s.zxid.Store(int64(o.State.LastZxid()))
	s.flags.Store(uint32(o.Features.Flags | o.Auth.Flags()))
	s.reg.bySession = map[session.ID]*conn{}
	s.reg.slots = make([]*conn, 1)
	s.conns.dice.r = rand.New(rand.NewPCG(o.Boot, uint64(o.ID)))
	s.sess.init(&o)
	s.soft.downSince = s.nowMs()
	s.stats.init(o.Clock.Mono(), o.Metrics)
	s.load.init(&o.Limits, s.stats.metrics)
	s.apply.init(s)
	s.flush.start(o.Features.Flushers)
	if o.Words != nil { // made once
		words := o.Words(s)
		s.opts.Words = func(*Server) Words { return words }
	}
	return s
}

// Stop ends the helpers of the server. Call it after the listeners have shut down and the peer has stopped.
func (s *Server) Stop() { s.flush.stop() }

// View runs f under the read lock.
func (s *Server) View(f func(st *znode.State)) {
	s.state.RLock()
	defer s.state.RUnlock()
	f(s.state.st)
}

// Change runs f alone with the state: to drain its changes to the store, or to load an image into it. If the zxid moved (an image of
// another server), watches stay and the clients' connections are closed, since events in between are unknown.
func (s *Server) Change(f func(st *znode.State)) {
	s.state.Lock()
	before := s.state.st.LastZxid()
	f(s.state.st)
	after := s.state.st.LastZxid()
	s.zxid.Store(int64(after))
	s.state.Unlock()
	if before != after {
		s.closeAll(errNotServing)
	}
}

// lastZxid is the zxid of the last transaction applied.
func (s *Server) lastZxid() zxid.ID { return zxid.ID(s.zxid.Load()) }

func (s *Server) is(m mode) bool { return mode(s.mode.Load()) == m }

func (s *Server) znodeFlags() znode.Flags { return znode.Flags(s.flags.Load()) }

// AdmitFrame is listener.Options.AdmitFrame: a large frame is refused while too many bytes of large requests are in flight.
func (s *Server) AdmitFrame(n int) error { return s.load.admit(n) }

// Accepted implements listener.Handler.
func (s *Server) Accepted(lc *listener.Conn) listener.Receiver {
	c := &conn{s: s, lc: lc}
	ids, ok := s.opts.Auth.Accept(c.peer())
	if !ok {
		s.opts.Log.Warn("connection refused by authentication", "remote", lc.Remote())
		s.stats.authFailed.Add(1)
		return nil
	}
	c.ids.Store(&ids)
	c.info.since = s.opts.Clock.Wall()
	c.seen.Store(s.opts.Clock.Mono())
	s.reg.add(c)
	return c
}

// Word implements listener.Handler.
func (s *Server) Word(word string) (args int, known bool) {
	if s.opts.Words == nil {
		return 0, false
	}
	return s.opts.Words(s).Word(word)
}

// Command implements listener.Handler.
func (s *Server) Command(lc *listener.Conn, word string, args []byte) []byte {
	s.stats.received.Add(1)
	if c, ok := lc.Receiver().(*conn); ok { // it sees itself among the connections: one packet, and nothing more is read
		c.mu.Lock()
		c.info.received++
		c.word = true
		c.mu.Unlock()
	}
	return s.opts.Words(s).Command(word, args, lc)
}
