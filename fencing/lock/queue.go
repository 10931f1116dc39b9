package lock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/fencing"
)

// request is one place in one queue.
type request struct {
	s          *Session
	dir        string // the lock's path
	infix      string // what follows the id in the node's name
	protection string // 36 characters, random
	data       []byte
	life       *life  // of the session that owns the node
	node       string // full path, once known
	unsigned   bool   // no token is asked for: the node is not the grant
}

var (
	errVanished = errors.New("lock: own node is gone")
	errReborn   = errors.New("lock: the session is another one now")
	errNotRead  = errors.New("lock: nothing was read beside the look at the queue")
)

func (s *Session) newRequest(dir string, role fencing.Role, rw, latch bool, data []byte) *request {
	r := &request{s: s, dir: dir, data: data, protection: newProtection(s.cfg.Naming)}
	switch {
	case s.cfg.Naming == Kazoo && role == fencing.RoleReader:
		r.infix = "__rlock__"
	case s.cfg.Naming == Kazoo:
		r.infix = "__lock__"
	case role == fencing.RoleReader:
		r.infix = "-__READ__"
	case rw:
		r.infix = "-__WRIT__"
	case latch:
		r.infix = "-latch-"
	default:
		r.infix = "-lock-"
	}
	return r
}

func newProtection(n Naming) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand ends the process instead)
	if n == Kazoo {
		return fmt.Sprintf("%x", b)
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (r *request) prefix() string {
	if r.s.cfg.Naming == Kazoo {
		return r.dir + "/" + r.protection + r.infix
	}
	return r.dir + "/_c_" + r.protection + r.infix
}

// enter creates the node, and finds it again after a lost reply. It gives errReborn when the session changed meanwhile: the node, if any, goes with the old session.
func (r *request) enter(ctx context.Context) error {
	var err error
	if r.life, err = r.s.attached(ctx); err != nil {
		return err
	}
	for {
		node, err := call(ctx, func() (string, error) {
			return r.s.conn.Create(r.prefix(), r.data, zk.FlagEphemeral|zk.FlagSequence, r.s.cfg.ACL)
		}, func(node string, err error) { r.leaveLater() })
		switch {
		case err == nil:
			r.node = node
			return nil
		case errors.Is(err, zk.ErrNoNode):
			if err := r.s.ensure(ctx, r.dir); err != nil {
				return err
			}
		case !unknown(err):
			return fmt.Errorf("lock: create a node in %s: %w", r.dir, err)
		default:
			if found, err := r.findAgain(ctx); err != nil || found {
				return err
			}
		}
	}
}

// findAgain looks for the node after a lost reply. The sync makes the server that answers catch up with the create, which the old server may have passed on.
func (r *request) findAgain(ctx context.Context) (bool, error) {
	now, err := r.s.attached(ctx)
	if err != nil {
		return false, err
	}
	if now.id != r.life.id {
		return false, errReborn
	}
	r.life = now
	if _, err := retry(ctx, r.s, func() (string, error) { return r.s.conn.Sync(r.dir) }); err != nil {
		return false, fmt.Errorf("lock: look for the node in %s: %w", r.dir, err)
	}
	nodes, err := r.list(ctx)
	if errors.Is(err, zk.ErrNoNode) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	own, _ := r.split(nodes)
	if len(own) == 0 {
		return false, nil
	}
	r.node = r.dir + "/" + own[0].Name
	return true, nil
}

func (r *request) list(ctx context.Context) ([]fencing.NodeName, error) {
	names, err := retry(ctx, r.s, func() ([]string, error) { c, _, err := r.s.conn.Children(r.dir); return c, err })
	if err != nil {
		return nil, fmt.Errorf("lock: list %s: %w", r.dir, err)
	}
	nodes := make([]fencing.NodeName, 0, len(names))
	for _, name := range names {
		if n := fencing.ParseNodeName(name); n.Role != fencing.RoleNone {
			nodes = append(nodes, n)
		}
	}
	return nodes, nil
}

// split gives the request's own nodes, the oldest first (a lost reply may leave two), and the others.
func (r *request) split(nodes []fencing.NodeName) (own, others []fencing.NodeName) {
	for _, n := range nodes {
		switch {
		case n.Protection != r.protection:
			others = append(others, n)
		case len(own) > 0 && n.Before(own[0]):
			own = append([]fencing.NodeName{n}, own...)
		default:
			own = append(own, n)
		}
	}
	return own, others
}

// predecessor is the node whose end the request waits for: for a writer the last one before it, for a reader the last writer before it.
func predecessor(own fencing.NodeName, others []fencing.NodeName) (fencing.NodeName, bool) {
	var last fencing.NodeName
	found := false
	for _, o := range others {
		if o.Before(own) && (own.Role == fencing.RoleWriter || o.Role == fencing.RoleWriter) && (!found || last.Before(o)) {
			last, found = o, true
		}
	}
	return last, found
}

// wait returns when no older request stands in the way, with the node as it was then. With try it gives ErrNotAcquired instead of waiting. The node, and its signed token where
// the server signs, are read side by side with a look at the queue that may well show the node first, which saves two round trips: if it does, all have seen the same grant, in
// whatever order the server took them. That is the first look, and one after the end of a node that nobody stood before. Another look would ask a quorum for a token that is refused.
func (r *request) wait(ctx context.Context, try bool) (watched, error) {
	for mayBeFirst := true; ; {
		node, beside := r.node, func() reply[watched] { return reply[watched]{err: errNotRead} }
		if mayBeFirst {
			beside = r.readBeside(ctx)
		}
		nodes, err := r.list(ctx)
		if errors.Is(err, zk.ErrNoNode) {
			return watched{}, errVanished
		}
		if err != nil {
			return watched{}, err
		}
		own, others := r.split(nodes)
		if len(own) == 0 {
			return watched{}, errVanished
		}
		for _, twin := range own[1:] {
			if err := r.remove(ctx, r.dir+"/"+twin.Name); err != nil {
				return watched{}, err
			}
		}
		r.node = r.dir + "/" + own[0].Name
		before, waits := predecessor(own[0], others)
		switch {
		case waits && try:
			return watched{}, ErrNotAcquired
		case waits:
			if err := r.awaitEnd(ctx, r.dir+"/"+before.Name); err != nil {
				return watched{}, err
			}
			_, waited := predecessor(before, others)
			mayBeFirst = !waited
			continue
		}
		if read := beside(); read.err == nil && r.node == node {
			return r.hold(ctx, read.value)
		}
		return r.owned(ctx)
	}
}

// readBeside starts to read the node and its signed token; what it gives waits for both.
func (r *request) readBeside(ctx context.Context) func() reply[watched] {
	node, read, signed := r.node, make(chan reply[watched], 1), make(chan string, 1)
	go func() {
		w, err := r.s.watchNode(ctx, node)
		read <- reply[watched]{w, err}
	}()
	go func() {
		text := ""
		if !r.unsigned {
			text, _ = r.s.signedToken(ctx, node) // a waiter is refused; who holds and was refused asks again
		}
		signed <- text
	}()
	return func() reply[watched] {
		w := <-read
		w.value.signed = <-signed
		return w
	}
}

// awaitEnd watches one node. Any event, and any doubt about the session, ends it: the caller looks again.
func (r *request) awaitEnd(ctx context.Context, path string) error {
	events, err := retry(ctx, r.s, func() (<-chan zk.Event, error) { _, _, ch, err := r.s.conn.GetW(path); return ch, err })
	if errors.Is(err, zk.ErrNoNode) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock: watch %s: %w", path, err)
	}
	select {
	case <-events:
	case <-r.life.lost:
		if now, err := r.s.attached(ctx); err != nil {
			return err
		} else if now.id != r.life.id {
			return errReborn
		} else {
			r.life = now
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// watched is a node's Stat and the watch that was set with the same read.
type watched struct {
	stat   *zk.Stat
	events <-chan zk.Event
	signed string     // its signed token, if that was read already
	slot   *slotGrant // of a semaphore's slot
}

// watchNode reads and watches a node; a node that is not there is watched by nobody.
func (s *Session) watchNode(ctx context.Context, node string) (watched, error) {
	w, err := retry(ctx, s, func() (watched, error) {
		_, st, ch, err := s.conn.GetW(node)
		return watched{stat: st, events: ch}, err
	})
	if errors.Is(err, zk.ErrNoNode) {
		return w, errVanished
	}
	if err != nil {
		return w, fmt.Errorf("lock: read %s: %w", node, err)
	}
	return w, nil
}

// owned reads the node's Stat after the grant and holds it to the session (H13, H15, H20): the node must exist, belong to this session, and this session must be trusted.
func (r *request) owned(ctx context.Context) (watched, error) {
	w, err := r.s.watchNode(ctx, r.node)
	if err != nil {
		return w, err
	}
	return r.hold(ctx, w)
}

func (r *request) hold(ctx context.Context, w watched) (watched, error) {
	now, err := r.s.attached(ctx)
	if err != nil {
		return w, err
	}
	if w.stat.EphemeralOwner != r.life.id || now.id != r.life.id || !r.s.trusted(now) {
		return w, errReborn
	}
	r.life = now
	return w, nil
}

// remove deletes a node until it is gone; a lost reply is no matter.
func (r *request) remove(ctx context.Context, path string) error {
	_, err := retry(ctx, r.s, func() (struct{}, error) { return struct{}{}, r.s.conn.Delete(path, -1) })
	if err != nil && !errors.Is(err, zk.ErrNoNode) {
		return fmt.Errorf("lock: delete %s: %w", path, err)
	}
	return nil
}

// cleanupTime bounds the removal of an abandoned node; after it the session's own end has to do.
const cleanupTime = 5 * time.Minute

// leave removes every node of the request, whatever became of the caller's context, as long as the session lives: a node left behind blocks the queue.
func (r *request) leave(ctx context.Context) error {
	// The create may still be on its way through the server that was asked before.
	if _, err := retry(ctx, r.s, func() (string, error) { return r.s.conn.Sync(r.dir) }); err != nil {
		return fmt.Errorf("lock: leave the queue of %s: %w", r.dir, err)
	}
	nodes, err := r.list(ctx)
	if errors.Is(err, zk.ErrNoNode) {
		return nil
	}
	if err != nil {
		return err
	}
	own, _ := r.split(nodes)
	for _, n := range own {
		if err := r.remove(ctx, r.dir+"/"+n.Name); err != nil {
			return err
		}
	}
	return nil
}

func (r *request) leaveLater() {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
		defer cancel()
		_ = r.leave(ctx)
	}()
}
