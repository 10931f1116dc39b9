package lock

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/fencing"
)

// Naming chooses how lock nodes are named.
type Naming uint8

const (
	// Curator names: also what go-zookeeper's own lock uses.
	Curator Naming = iota
	// Kazoo names.
	Kazoo
)

// Config says how to connect. Servers and Timeout are needed, and Lineage for a stock ZooKeeper.
type Config struct {
	Servers []string      // host:port
	Timeout time.Duration // of the session, asked for; the server may give another
	// Lineage of the ensemble. A server that serves /zookeeper/lineage must agree with it; zero takes the server's word.
	Lineage fencing.Lineage
	ACL     []zk.ACL // of the nodes made; nil means open to all
	Naming  Naming
	Clock   Clock     // nil: CLOCK_BOOTTIME
	Dial    zk.Dialer // nil: TCP
	Logger  zk.Logger // nil: silent
}

// Errors of the recipes.
var (
	// ErrNotAcquired: TryLock found the lock held, or older requests waiting.
	ErrNotAcquired = errors.New("lock: held by another, or others wait before us")
	// ErrNotOwner: the node belongs to another session.
	ErrNotOwner = errors.New("lock: the node belongs to another session")
	// ErrLost: the grant can no longer be trusted.
	ErrLost = errors.New("lock: lost")
	// ErrClosed: the session was closed.
	ErrClosed = errors.New("lock: session closed")
)

// Session is one ZooKeeper session and what is known about its life. Safe from any goroutine.
type Session struct {
	cfg  Config
	conn *zk.Conn

	mu      sync.Mutex
	learned learned
	trust   trust
	life    *life         // of the session as the newest handshake gave it; nil before the first
	link    *link         // the connection in use; nil while there is none
	changed chan struct{} // closed, and replaced, when life or link changes
	closed  bool
}

// learned is what the server says about itself.
type learned struct {
	lineage fencing.Lineage
	signs   bool  // the server itself serves /zookeeper/lineage, so it may sign
	on      *link // the connection on which it was asked
}

// life is one trusted stretch of one session.
type life struct {
	id      int64
	timeout time.Duration
	lost    chan struct{}
	stop    func() // of the alarm
}

func (l *life) isLost() bool {
	select {
	case <-l.lost:
		return true
	default:
		return false
	}
}

// Connect opens a session and learns the lineage.
func Connect(ctx context.Context, cfg Config) (*Session, error) {
	if cfg.Timeout < time.Millisecond {
		return nil, fmt.Errorf("lock: a session timeout of %v: give Config.Timeout, 4 to 40 s with the usual tickTime of the server", cfg.Timeout)
	}
	if cfg.Clock == nil {
		cfg.Clock = bootClock{}
	}
	if cfg.Dial == nil {
		cfg.Dial = net.DialTimeout
	}
	if cfg.ACL == nil {
		cfg.ACL = zk.WorldACL(zk.PermAll)
	}
	if cfg.Logger == nil {
		cfg.Logger = silent{}
	}
	s := &Session{cfg: cfg, changed: make(chan struct{})}
	conn, events, err := zk.Connect(cfg.Servers, cfg.Timeout, zk.WithDialer(s.dial), zk.WithLogger(cfg.Logger), zk.WithLogInfo(false))
	if err != nil {
		return nil, fmt.Errorf("lock: connect to %v: %w", cfg.Servers, err)
	}
	s.conn = conn
	go func() {
		for range events { // must be drained; everything is learned from the wire instead
		}
	}()
	if _, err := s.learn(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

type silent struct{}

func (silent) Printf(string, ...any) {}

// Conn is the client underneath, for whatever else the program does in the session.
func (s *Session) Conn() *zk.Conn { return s.conn }

// Lineage is what tokens of this session carry. It changes when the ensemble is restored while the session lives on or is replaced by the next.
func (s *Session) Lineage() fencing.Lineage { return s.known().lineage }

func (s *Session) known() learned {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.learned
}

// Close ends the session; its locks are released by the server, and every grant is lost.
func (s *Session) Close() {
	s.mu.Lock()
	s.closed = true
	s.endLife()
	s.announce()
	s.mu.Unlock()
	s.conn.Close()
}

// learn gives the lineage as the present connection has it: the server behind the same address may be a restored one after a reconnect (H7), and a token
// must say of which history its number is.
func (s *Session) learn(ctx context.Context) (fencing.Lineage, error) {
	for {
		if _, err := s.attached(ctx); err != nil {
			return fencing.Lineage{}, err
		}
		s.mu.Lock()
		at, have := s.link, s.learned
		s.mu.Unlock()
		if at != nil && at == have.on {
			return have.lineage, nil
		}
		fresh, err := s.askLineage(ctx)
		if err != nil {
			return fencing.Lineage{}, err
		}
		s.mu.Lock()
		if fresh.on = at; s.link == at {
			s.learned = fresh
		}
		s.mu.Unlock()
	}
}

// askLineage asks the server; a stock ZooKeeper has no such node of its own. There everybody can create one, and it is not believed: what a client has created
// bears the zxid of that transaction, and a node of the server itself bears none.
func (s *Session) askLineage(ctx context.Context) (l learned, err error) {
	node, err := retry(ctx, s, func() (n shown, err error) { n.data, n.stat, err = s.conn.Get("/zookeeper/lineage"); return n, err })
	created := err == nil && node.stat.Czxid != 0
	switch {
	case errors.Is(err, zk.ErrNoNode), errors.Is(err, zk.ErrNoAuth), created:
		if err := s.cfg.Lineage.Valid(); err != nil {
			why := "this server has no /zookeeper/lineage"
			if created {
				why = fmt.Sprintf("a client has created the /zookeeper/lineage of this server (at zxid %#x), which is no Paddock then and is not believed", node.stat.Czxid)
			}
			return l, fmt.Errorf("lock: %s, so the configuration must give one: %w", why, err)
		}
		return learned{lineage: s.cfg.Lineage}, nil
	case err != nil:
		return l, fmt.Errorf("lock: read the lineage from %v: %w", s.cfg.Servers, err)
	}
	if l.lineage, err = fencing.ParseLineage(node.data); err != nil {
		return l, fmt.Errorf("lock: /zookeeper/lineage: %w", err)
	}
	if want := s.cfg.Lineage; want != (fencing.Lineage{}) && want != l.lineage {
		return l, fmt.Errorf("lock: the server's lineage is %v, the configuration expects %v: another ensemble, or one that was restored", l.lineage, want)
	}
	l.signs = true
	return l, nil
}

// shown is what a server answers to a read.
type shown struct {
	data []byte
	stat *zk.Stat
}

// link is a connection whose frames are watched.
type link struct {
	net.Conn
	s       *Session
	in, out framer
}

func (s *Session) dial(network, address string, timeout time.Duration) (net.Conn, error) {
	c, err := s.cfg.Dial(network, address, timeout)
	if err != nil {
		return nil, err
	}
	return &link{Conn: c, s: s}, nil
}

// Write notes the time before the bytes leave: the server cannot hear them earlier.
func (l *link) Write(b []byte) (int, error) {
	now := l.s.cfg.Clock.Now()
	l.s.mu.Lock()
	l.out.feed(b, func(head []byte, n int64) {
		if n == 0 {
			l.s.trust.connected()
		}
		l.s.trust.wrote(xidOf(head, n), now)
	})
	l.s.mu.Unlock()
	return l.Conn.Write(b)
}

func (l *link) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.in.feed(b[:n], func(head []byte, n int64) {
		newer := l.s.trust.answered(xidOf(head, n))
		if n == 0 {
			l.s.onHandshake(l, head)
		} else if newer {
			l.s.setAlarm()
		}
	})
	if err != nil {
		l.s.onDisconnect(l)
	}
	return n, err
}

func (l *link) Close() error {
	l.s.mu.Lock()
	l.s.onDisconnect(l)
	l.s.mu.Unlock()
	return l.Conn.Close()
}

// xidOf reads the xid at the beginning of a body. The handshake has none; it is a request like others.
func xidOf(head []byte, n int64) int32 {
	if n == 0 || len(head) < 4 {
		return 0
	}
	return int32(binary.BigEndian.Uint32(head))
}

// onHandshake takes the first reply of a connection: version, timeout in ms, session id (0: expired). Called with the lock.
func (s *Session) onHandshake(l *link, head []byte) {
	var id int64
	var timeout time.Duration
	if len(head) >= 16 {
		timeout = time.Duration(int32(binary.BigEndian.Uint32(head[4:]))) * time.Millisecond
		id = int64(binary.BigEndian.Uint64(head[8:]))
	}
	if s.life != nil && (s.life.id != id || s.life.isLost()) {
		s.endLife()
	}
	if id == 0 || s.closed {
		s.life, s.link = nil, nil
		s.announce()
		return
	}
	if s.life == nil || s.life.isLost() {
		s.life = &life{id: id, lost: make(chan struct{})}
	}
	s.life.timeout, s.link = timeout, l
	s.setAlarm()
	s.announce()
}

func (s *Session) onDisconnect(l *link) {
	if s.link == l {
		s.link = nil
		s.announce()
	}
}

func (s *Session) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// endLife declares the current life lost. Called with the lock.
func (s *Session) endLife() {
	if l := s.life; l != nil && !l.isLost() {
		if l.stop != nil {
			l.stop()
		}
		close(l.lost)
	}
}

// setAlarm moves the alarm to the new end of trust. Called with the lock.
func (s *Session) setAlarm() {
	l := s.life
	if l == nil || l.isLost() {
		return
	}
	if l.stop != nil {
		l.stop()
	}
	wait := s.trust.until(l.timeout) - s.cfg.Clock.Now()
	if wait <= 0 {
		s.endLife()
		return
	}
	l.stop = s.cfg.Clock.Wake(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.life == l {
			s.setAlarm() // ends the life if nothing was heard since
		}
	})
}

// trusted asks the clock at this moment, also when the alarm has not rung yet (the process may just have been continued).
func (s *Session) trusted(l *life) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.isLost() {
		return false
	}
	if s.life == l && s.cfg.Clock.Now() >= s.trust.until(l.timeout) {
		s.endLife()
		return false
	}
	return s.life == l
}

// attached waits until the session is attached and trusted, and gives its life.
func (s *Session) attached(ctx context.Context) (*life, error) {
	for {
		s.mu.Lock()
		l, connected, changed, closed := s.life, s.link != nil, s.changed, s.closed
		s.mu.Unlock()
		if closed {
			return nil, ErrClosed
		}
		if connected && l != nil && !l.isLost() {
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("lock: not connected: %w", context.Cause(ctx))
		}
	}
}
