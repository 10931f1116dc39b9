package tool

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/compat/wire"
)

// Target is where and how to connect.
type Target struct {
	Servers []string
	Timeout time.Duration
	session time.Duration
	Auths   []string
	TLS     *tls.Config // nil for plain TCP
}

// Session is one session with the ensemble: go-zookeeper keeps it alive and moves it; the tap below it adds what that lacks.
type Session struct {
	*zk.Conn
	Target    Target
	taps      *taps
	hosts     *hosts
	mu        sync.Mutex
	refused   map[string]error // the last failure of each address
	state     chan zk.State
	listeners []*Events
}

// TargetOf reads the flags.
func TargetOf(c *cli.Context) (t Target, err error) {
	if t, err = Reach(c); err != nil {
		return t, err
	}
	if t.Timeout, err = Duration(c, "timeout"); err != nil {
		return t, err
	}
	t.session, err = Duration(c, "session-timeout")
	return t, err
}

// Reach reads the flags about where and as whom to connect; verbs that have times of their own begin with it.
func Reach(c *cli.Context) (t Target, err error) {
	if _, _, err := contextChosen(c); err != nil {
		return t, err
	}
	if t.Servers, err = Addresses("--server", String(c, "server")); err != nil {
		return t, err
	}
	for _, a := range Values(c, "auth") {
		if scheme, _, ok := strings.Cut(a, ":"); !ok || scheme == "" {
			return t, Usage("--auth: write SCHEME:CREDENTIALS, e.g. digest:user:password") // the value is a secret
		}
		t.Auths = append(t.Auths, a)
	}
	t.TLS, err = tlsConfig(c)
	return t, err
}

// tlsConfig is nil without any of the TLS flags.
func tlsConfig(c *cli.Context) (*tls.Config, error) {
	ca, cert, key := String(c, "tls-ca"), String(c, "tls-cert"), String(c, "tls-key")
	if ca == "" && cert == "" && key == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: String(c, "tls-name")}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, Usage("--tls-ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, Usage("--tls-ca %s: no PEM certificate in it", ca)
		}
	}
	if cert == "" && key == "" {
		return cfg, nil
	}
	if cert == "" || key == "" {
		cert, key = cert+key, cert+key // one file with both
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, Usage("--tls-cert %s, --tls-key %s: %w", cert, key, err)
	}
	cfg.Certificates = []tls.Certificate{pair}
	return cfg, nil
}

// Dial opens a connection to one server, plain or TLS.
func (t *Target) Dial(addr string, within time.Duration) (net.Conn, error) {
	nc, err := net.DialTimeout("tcp", addr, within)
	if err != nil || t.TLS == nil {
		return nc, err
	}
	cfg := t.TLS.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
	}
	tc := tls.Client(nc, cfg)
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return tc, nil
}

// Connect opens the session of a verb, or gives the shell's. done ends the former.
func Connect(c *cli.Context) (s *Session, done func(), err error) {
	if shared, ok := c.App.Metadata["session"].(func() (*Session, error)); ok {
		s, err = shared()
		return s, func() {}, err
	}
	target, err := TargetOf(c)
	if err != nil {
		return nil, nil, err
	}
	if s, err = Open(c.Context, target); err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

// Open connects and authenticates.
func Open(ctx context.Context, target Target) (*Session, error) {
	s := &Session{Target: target, taps: &taps{}, refused: map[string]error{}, state: make(chan zk.State, 64)}
	s.hosts = &hosts{}
	conn, _, err := zk.Connect(target.Servers, target.session, zk.WithLogInfo(false), zk.WithLogger(quiet{}),
		zk.WithHostProvider(s.hosts), zk.WithDialer(s.dial), zk.WithEventCallback(s.heard))
	if err != nil {
		return nil, Fail("connect to "+strings.Join(target.Servers, ","), err)
	}
	s.Conn = conn
	if err := s.await(ctx); err != nil {
		go conn.Close()
		return nil, err
	}
	for _, a := range target.Auths {
		if err := s.Authenticate(ctx, a); err != nil {
			go conn.Close()
			return nil, err
		}
	}
	return s, nil
}

// Authenticate adds an identity, SCHEME:CREDENTIALS, to the session.
func (s *Session) Authenticate(ctx context.Context, auth string) error {
	scheme, credentials, _ := strings.Cut(auth, ":")
	_, err := Do(ctx, s, func() (struct{}, error) { return struct{}{}, s.AddAuth(scheme, []byte(credentials)) })
	if errors.Is(err, zk.ErrConnectionClosed) { // ZooKeeper hangs up on an identity that it refuses
		err = zk.ErrAuthFailed
	}
	return Fail("authenticate with scheme "+scheme, err)
}

func (s *Session) dial(_, addr string, within time.Duration) (net.Conn, error) {
	nc, err := s.Target.Dial(addr, min(max(within, 2*time.Second), s.Target.Timeout))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.refused[addr] = err
		return nil, err
	}
	s.refused[addr] = errors.New("it accepts connections but no session: it is starting, without a quorum, full, wants TLS (--tls-ca), or is no ZooKeeper port")
	return s.taps.put(nc, func(err error) { s.early(addr, err) }), nil
}

// early keeps an error that came before the session: with TLS 1.3 a server judges our certificate only after the handshake.
func (s *Session) early(addr string, err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) || s.Target.TLS == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[addr] = fmt.Errorf("TLS: the server refused this client's certificate, or asks for one (--tls-cert): %w", err)
}

// heard must not block: it runs on go-zookeeper's own goroutines.
func (s *Session) heard(e zk.Event) {
	if e.Type == zk.EventSession {
		select {
		case s.state <- e.State:
		default:
		}
	}
	s.tell(e)
}

// await returns when the session stands, or says why each address was refused.
func (s *Session) await(ctx context.Context) error {
	timer := time.NewTimer(s.Target.Timeout)
	defer timer.Stop()
	for {
		select {
		case st := <-s.state:
			switch st {
			case zk.StateHasSession, zk.StateConnectedReadOnly:
				return nil
			case zk.StateAuthFailed:
				return Fail("connect", zk.ErrAuthFailed)
			}
		case <-timer.C:
			return s.unreachable()
		case <-ctx.Done():
			return Fail("connect to "+strings.Join(s.Target.Servers, ","), context.Cause(ctx))
		}
	}
}

func (s *Session) unreachable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var why []string
	for _, a := range s.Target.Servers {
		if err := s.refused[a]; err != nil {
			why = append(why, a+": "+err.Error())
		} else {
			why = append(why, a+": not tried yet")
		}
	}
	return &Error{Tried: "connect to " + strings.Join(s.Target.Servers, ","), Happened: fmt.Sprintf("no server gave a session within %v (%s)", s.Target.Timeout, strings.Join(why, "; ")),
		Todo: "check --server, that a majority of servers runs (paddock status), TLS flags, and --timeout", Code: ExitNoServer}
}

// Do runs a blocking call of go-zookeeper, bounded by the timeout and by Ctrl-C.
func Do[T any](ctx context.Context, s *Session, call func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	out := make(chan result, 1)
	go func() {
		v, err := call()
		out <- result{v, err}
	}()
	timer := time.NewTimer(s.Target.Timeout)
	defer timer.Stop()
	var none T
	select {
	case r := <-out:
		return r.v, r.err
	case <-timer.C:
		return none, context.DeadlineExceeded
	case <-ctx.Done():
		return none, context.Canceled
	}
}

// Call sends a request that go-zookeeper does not have, on the same connection. The reply's body is the caller's.
func (s *Session) Call(ctx context.Context, op wire.Opcode, body func([]byte) []byte) ([]byte, error) {
	return Do(ctx, s, func() ([]byte, error) {
		tap := s.taps.now()
		if tap == nil {
			return nil, zk.ErrConnectionClosed
		}
		return tap.call(op, body)
	})
}

// quiet discards the log of go-zookeeper: what matters comes back as an error.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// hosts gives go-zookeeper the addresses as they were written, so that names are resolved at each attempt and TLS can check them.
type hosts struct {
	mu    sync.Mutex
	addrs []string
	next  int
	tried int
}

// Init implements zk.HostProvider.
func (h *hosts) Init(servers []string) error {
	h.addrs = slices.Clone(servers)
	rand.Shuffle(len(h.addrs), func(i, j int) { h.addrs[i], h.addrs[j] = h.addrs[j], h.addrs[i] })
	return nil
}

// Len implements zk.HostProvider.
func (h *hosts) Len() int { return len(h.addrs) }

// Next implements zk.HostProvider: true after a whole round without a connection.
func (h *hosts) Next() (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	again := h.tried > 0 && h.tried%len(h.addrs) == 0
	a := h.addrs[h.next%len(h.addrs)]
	h.next++
	h.tried++
	return a, again
}

// Connected implements zk.HostProvider.
func (h *hosts) Connected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tried = 0
}
