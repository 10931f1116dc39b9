// Package node is one running server, put together: the configuration, the data folder, the server that answers clients, the peer that agrees with the
// others, the links and the gossip between them, the listeners, and the admin port. start reads as the order in which they begin (node.go); they
// stop in the reverse order.
//
// This room joins and decides nothing: order is zab's, the meaning of a transaction znode's, the durable state znode/store's, the promises to
// sessions compat/server's. What it translates: zoo.cfg into the options of the others (config.go, settings.go, tls.go), what gossip says into
// whom a joiner joins (join.go), and what happens in the others into metrics and reports (measures.go, admin.go).
package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/compat/audit"
	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/gossip"
	"github.com/paddock-zk/paddock/zab/peer"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

// node is one running server: the composition of everything, in the order in which it starts. It stops in the reverse order.
type node struct {
	cfg     *Config
	program Program
	logger  *slog.Logger
	id      folder.Identity
	named   named
	self    zab.PeerID
	state   *znode.State
	log     *txnlog.Log
	disk    stateOnDisk
	peer    *peer.Peer
	server  *server.Server
	clients []*listener.Listener // the plain port, the TLS port, or both
	admin   *adminServer
	links   *links
	virtual *tokens.Keeper // the nodes of tokens and keys, made when they are read
	gossip  *gossip.Gossip
	joining zab.Ensemble // the ensemble that a joiner heard of by gossip; empty if its own state knows it
	failed  chan error
	meter   *measures
	audit   *audit.Log // nil without audit.enable
}

// Program is what reports say of the program.
type Program struct {
	Version string      // Paddock's own
	Report  admin.Build // behind the version of ZooKeeper that it behaves as
}

// Run runs a server until ctx ends or until it must stop by itself.
func Run(ctx context.Context, cfg *Config, program Program, logger *slog.Logger) error {
	n, err := start(ctx, cfg, program, logger)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) { // it was stopped while it waited for an ensemble to join
		logger.Info("stopping", "why", "asked to")
		return nil
	}
	if err != nil {
		return err
	}
	return n.run(ctx)
}

// start opens the data folder, starts the peer, and accepts clients.
func start(ctx context.Context, cfg *Config, program Program, logger *slog.Logger) (n *node, err error) {
	n = &node{cfg: cfg, program: program, logger: logger, failed: make(chan error, 8)}
	n.meter = newMeasures(time.Duration(cfg.Storage.SlowSync)*time.Millisecond, logger)
	if n.self, err = self(cfg.Members.ID); err != nil {
		return n, fmt.Errorf("configuration: %w", err)
	}
	defer func() {
		if err != nil {
			n.stop()
		}
	}()
	if err := n.openData(ctx); err != nil {
		return n, err
	}
	ensemble, err := n.newPeer()
	if err != nil {
		return n, err
	}
	if err := n.newServer(); err != nil {
		return n, err
	}
	if err := n.runPeer(ctx, ensemble); err != nil {
		return n, err
	}
	go n.runFollower(ctx)
	if err := n.listen(); err != nil {
		return n, err
	}
	if err := n.startAdmin(); err != nil {
		return n, err
	}
	n.server.View(func(st *znode.State) { // by View, since the peer applies already
		logger.Info("serving", "client", n.clientAddr(), "data", cfg.Basics.DataDir, "server", n.self, "zxid", st.LastZxid(), "znodes", st.NodeCount(),
			"started_in", time.Since(n.meter.begun).Round(time.Millisecond))
	})
	return n, nil
}

// self is this server's number. One that stands alone needs none.
func self(number int64) (zab.PeerID, error) {
	if number < 0 {
		number = 1
	}
	return zab.PeerOf(number)
}

// openData finds out whose folder it is, opens the log and loads the state.
func (n *node) openData(ctx context.Context) error {
	dir, logDir := n.cfg.Basics.DataDir, n.cfg.Basics.DataLogDir
	if logDir == "" {
		logDir = dir
	}
	if err := errors.Join(folder.RefuseForeign(dir), folder.RefuseDiverged(dir)); err != nil {
		return err
	}
	if err := n.cfg.CheckDirs(); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	ok, err := n.openLog(ctx, dir, filepath.Join(logDir, "log"))
	if err != nil {
		return err
	}
	if err := n.refuseAlone(); err != nil {
		return err
	}
	id := n.id
	n.disk.db, n.state, err = store.OpenState(filepath.Join(dir, "state"), id.StoreOptions(n.logger), store.Span{Base: n.log.Base().Zxid, Last: n.log.Last()})
	if err != nil {
		return err
	}
	if err := n.nameAtStart(); err != nil {
		return err
	}
	if n.joins() && ok {
		if _, ok = n.recall(); !ok { // its earlier life ended before it knew the ensemble
			if n.joining, err = n.ask(ctx, &id); err != nil {
				return err
			}
		}
	}
	n.meter.started(n.state.LastZxid(), n.log.Last())
	return nil
}

// newServer makes what answers clients; it serves nobody before the peer is active.
func (n *node) newServer() error {
	set, err := auth.New(authConfig(n.cfg))
	if err != nil {
		return err
	}
	var boot [8]byte
	rand.Read(boot[:])
	n.virtual = tokens.NewKeeper(n.named.ofTokens, time.Now, n.logger)
	begin := time.Now()
	opts := server.Options{
		ID: n.self, Boot: binary.BigEndian.Uint64(boot[:]) | 1, Orderer: n.peer, State: n.state,
		Clock:    server.Clock{Mono: func() int64 { return int64(time.Since(begin)) + 1 }, Wall: func() int64 { return time.Now().UnixMilli() }},
		Rand:     rand.Reader,
		Log:      n.logger,
		Auth:     set,
		Sessions: sessionOptions(n.cfg),
		Limits:   serverLimits(n.cfg),
		Features: n.features(set.Flags()),
		Words:    n.words, Virtual: n.virtual, Describe: n.describe, Metrics: n.meter.Metrics,
	}
	if n.distributed() {
		opts.Files = n.peer
	}
	if n.cfg.Telemetry.Audit {
		if n.audit, err = audit.Open(cmp.Or(n.cfg.Paddock.AuditFile, filepath.Join(n.cfg.Basics.DataDir, "audit.log")), set, time.Now, n.logger); err != nil {
			return err
		}
		opts.Audit = n.audit
	}
	n.server = server.New(opts)
	n.learnFirstByte()
	n.disk.follower = n.newFollower()
	return nil
}

// newPeer makes this server's part in the ensemble, from what the log holds. It takes no part before runPeer.
func (n *node) newPeer() (ensemble zab.Ensemble, err error) {
	if ensemble, err = n.ensemble(); err != nil {
		return ensemble, err
	}
	founder, err := n.operatorsWord()
	if err != nil {
		return ensemble, err
	}
	var seed [32]byte
	rand.Read(seed[:])
	n.peer, err = peer.New(peer.Config{
		Core: zab.Config{
			ID: n.self, Ensemble: ensemble, File: n.file(ensemble), Applied: n.state.LastZxid(), Generation: n.id.Generation,
			Rand: newSource(seed), Timing: n.timing(), Limits: n.limits(), Founder: founder,
		},
		Log: timedLog{n.log, n.meter}, TickEvery: n.tick(), Logger: n.logger,
	})
	return ensemble, err
}

// runPeer links this server with the others and lets the peer run, for the server that is there by now.
func (n *node) runPeer(ctx context.Context, ensemble zab.Ensemble) error {
	env := peer.Environment{Machine: machine{n.server, n}}
	if err := n.startLinks(ctx, &env, ensemble); err != nil {
		return err
	}
	n.peer.Run(env)
	go func() {
		<-n.peer.Done()
		n.failed <- n.ended(n.peer.Err())
	}()
	go n.repeat(n.server.TickEvery(), n.server.Tick) // sessions, and all else that expires
	go n.repeat(time.Second, func() { n.watchFounding(); n.watchMembership() })
	if n.gossip != nil {
		go n.repeat(time.Second, n.tellGossip) // in a goroutine of its own: it may wait for the network, and must not delay the expiry of sessions
	}
	return nil
}

// ended marks the data folder if the peer has ended since the state of this server is wrong: it must not be served again.
func (n *node) ended(err error) error {
	var wrong *zab.DivergedError
	if !errors.As(err, &wrong) {
		return err
	}
	dir := n.cfg.Basics.DataDir
	return errors.Join(err, folder.MarkDiverged(dir, wrong), folder.RefuseDiverged(dir))
}

// repeat calls what at an interval, until the peer ends.
func (n *node) repeat(every time.Duration, what func()) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-n.peer.Done():
			return
		case <-t.C:
			what()
		}
	}
}

// listen accepts clients on the plain port, the secure port, or both.
func (n *node) listen() error {
	b := &n.cfg.Basics
	if b.ClientPort < 0 && b.SecurePort < 0 {
		if !n.distributed() {
			return errors.New("no port for clients: set clientPort, or --client")
		}
		n.logger.Warn("this server has no port for clients (clientPort, or an address behind the ; of its server line): it is a member, and serves nobody by itself")
		return nil
	}
	secure, err := clientTLS(n.cfg, n.logger)
	if err != nil {
		return err
	}
	if addr := n.clientAddr(); addr != "" {
		var cfg *tls.Config
		if n.cfg.TLS.PortUnification {
			cfg = secure
		}
		if err := n.open(addr, cfg, n.cfg.TLS.PortUnification); err != nil {
			return err
		}
	}
	if b.SecurePort >= 0 {
		if secure == nil {
			return errors.New("secureClientPort is set: set ssl.keyStore.location (a PEM file with key and certificate) too")
		}
		return n.open(net.JoinHostPort(b.SecureAddress, strconv.Itoa(b.SecurePort)), secure, false)
	}
	return nil
}

// clientAddr is the address for clients without TLS; "" if there is none.
func (n *node) clientAddr() string {
	if n.cfg.Basics.ClientPort < 0 {
		return ""
	}
	return net.JoinHostPort(n.cfg.Basics.ClientAddress, strconv.Itoa(n.cfg.Basics.ClientPort))
}

func (n *node) open(addr string, t *tls.Config, unify bool) error {
	sock, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("clients cannot be accepted on %s: %w", addr, err)
	}
	l := listener.New(n.server, listener.Options{
		MaxFrame: n.cfg.Limits.MaxBuffer, MaxPerIP: n.cfg.Basics.MaxClientCnxns, MaxConns: n.cfg.Basics.MaxCnxns,
		KeepAlive: n.cfg.Basics.TCPKeepAlive, TLS: t, PortUnification: unify, AdmitFrame: n.server.AdmitFrame, Log: n.logger,
		HandshakeTimeout: time.Duration(n.cfg.TLS.HandshakeTimeout) * time.Millisecond, MaxHandshakes: max(n.cfg.Limits.Handshakes, 0),
		SessionlessTimeout: time.Duration(n.cfg.Sessions.SessionlessFor) * time.Millisecond,
	})
	n.clients = append(n.clients, l)
	n.meter.listens(l)
	go func() {
		if err := l.Serve(sock); !errors.Is(err, listener.ErrClosed) {
			n.failed <- fmt.Errorf("accept on %s: %w", addr, err)
		}
	}()
	return nil
}

// run waits for the end and stops in order.
func (n *node) run(ctx context.Context) error {
	err := until(ctx, n.failed)
	if err != nil {
		n.logger.Error("stopping", "why", err)
	} else {
		n.logger.Info("stopping", "why", "asked to")
	}
	return errors.Join(err, n.stop())
}

// How long a stop may take: with clients and requests, and in all, whatever a disk does. A supervisor waits for 10 seconds at least.
const (
	stopClients = 4 * time.Second
	stopDisks   = 8 * time.Second
	stopAll     = 9 * time.Second
)

// stop ends what was started, in the reverse order, and does not wait for a disk that does not answer: what was acknowledged is in the log, and
// the next start goes on from there. Sessions stay as they are in the history.
func (n *node) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopDisks)
	defer cancel()
	return n.stopUntil(time.After(stopAll), func() error { return n.stopParts(ctx) })
}

// stopUntil waits for stop, but no longer than over.
func (n *node) stopUntil(over <-chan time.Time, stop func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	select {
	case err := <-ended:
		return err
	case <-over:
		n.logger.Error("the stop does not wait any longer for what has not ended; all that was acknowledged is in the log, and the next start goes on from there")
		return nil
	}
}

func (n *node) stopParts(ctx context.Context) error {
	if n.disk.follower != nil {
		n.disk.follower.End() // images that are taken or shipped
	}
	gently, cancel := context.WithTimeout(ctx, stopClients)
	defer cancel()
	var errs []error
	if n.admin != nil {
		n.admin.stop(gently)
	}
	for _, l := range n.clients {
		errs = append(errs, l.Shutdown(gently))
	}
	if n.peer != nil {
		n.peer.Stop()
	}
	n.links.stop()
	if n.gossip != nil {
		errs = append(errs, n.gossip.Leave())
	}
	errs = append(errs, n.disk.stop(ctx))
	if n.server != nil {
		n.server.Stop()
	}
	if n.audit != nil {
		errs = append(errs, n.audit.Close())
	}
	if n.log != nil {
		errs = append(errs, n.log.Close())
	}
	return errors.Join(errs...)
}

// until waits for the context or for what ends the server by itself.
func until(ctx context.Context, failed <-chan error) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}
