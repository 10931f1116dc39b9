package lock

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/fencing"
)

// Lock is an exclusive FIFO lock at a path. Every call of Lock is a request of its own.
type Lock struct {
	s    *Session
	path string
}

// NewLock names the lock; the path is absolute and for nothing else but this lock.
func (s *Session) NewLock(path string) *Lock { return &Lock{s: s, path: path} }

// Lock waits until the lock is granted or ctx ends; then nothing is left in the queue.
func (l *Lock) Lock(ctx context.Context) (*Grant, error) {
	return l.s.acquire(ctx, l.path, want{role: fencing.RoleWriter})
}

// TryLock takes the lock if nobody has it or waits for it, else ErrNotAcquired.
func (l *Lock) TryLock(ctx context.Context) (*Grant, error) {
	return l.s.acquire(ctx, l.path, want{role: fencing.RoleWriter, try: true})
}

// RWLock is a FIFO read/write lock. Readers share; their tokens are Shared ones, which storage checks but never raises by.
type RWLock struct {
	s    *Session
	path string
}

// NewRWLock names the lock.
func (s *Session) NewRWLock(path string) *RWLock { return &RWLock{s: s, path: path} }

// ReadLock waits until no older writer is before us.
func (l *RWLock) ReadLock(ctx context.Context) (*Grant, error) {
	return l.s.acquire(ctx, l.path, want{role: fencing.RoleReader, rw: true})
}

// WriteLock waits until nobody older is before us.
func (l *RWLock) WriteLock(ctx context.Context) (*Grant, error) {
	return l.s.acquire(ctx, l.path, want{role: fencing.RoleWriter, rw: true})
}

// TryReadLock is ReadLock without waiting: ErrNotAcquired.
func (l *RWLock) TryReadLock(ctx context.Context) (*Grant, error) {
	return l.s.acquire(ctx, l.path, want{role: fencing.RoleReader, rw: true, try: true})
}

// TryWriteLock is WriteLock without waiting: ErrNotAcquired.
func (l *RWLock) TryWriteLock(ctx context.Context) (*Grant, error) {
	return l.s.acquire(ctx, l.path, want{role: fencing.RoleWriter, rw: true, try: true})
}

// Election elects one leader among candidates; the oldest candidate leads.
type Election struct {
	s    *Session
	path string
	id   string
}

// NewElection names the election and says who we are (what others see in Leader).
func (s *Session) NewElection(path, id string) *Election { return &Election{s: s, path: path, id: id} }

// Campaign waits until we lead. Unlock resigns.
func (e *Election) Campaign(ctx context.Context) (*Grant, error) {
	return e.s.acquire(ctx, e.path, want{role: fencing.RoleWriter, latch: true, data: []byte(e.id)})
}

// Leader is the id of the oldest candidate, "" if there is none. It is an answer about the past, for display: nothing may be decided by it.
func (e *Election) Leader(ctx context.Context) (string, error) {
	r := &request{s: e.s, dir: e.path}
	for {
		nodes, err := r.list(ctx)
		if errors.Is(err, zk.ErrNoNode) || err == nil && len(nodes) == 0 {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		first := nodes[0]
		for _, n := range nodes {
			if n.Before(first) {
				first = n
			}
		}
		data, err := retry(ctx, e.s, func() ([]byte, error) { b, _, err := e.s.conn.Get(e.path + "/" + first.Name); return b, err })
		if err == nil || !errors.Is(err, zk.ErrNoNode) {
			return string(data), err
		}
	}
}

// want is what a FIFO recipe asks of its queue.
type want struct {
	role      fencing.Role
	rw, latch bool   // the recipe, for the node's name
	try       bool   // do not wait
	data      []byte // of the node
}

// acquire is every FIFO recipe. A request that lost its session, or whose node was deleted while it waited, queues again at the end.
func (s *Session) acquire(ctx context.Context, path string, w want) (*Grant, error) {
	if _, err := fencing.ScopeOf(s.Lineage().Cluster, path); err != nil {
		return nil, err
	}
	if w.try {
		if err := s.wouldWait(ctx, path, w.role); err != nil {
			return nil, err
		}
	}
	for {
		g, err := s.attempt(ctx, s.newRequest(path, w.role, w.rw, w.latch, w.data), w)
		if err == nil {
			return g, nil
		}
		if !errors.Is(err, errVanished) && !errors.Is(err, errReborn) {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// attempt is one request; if it fails nothing of it stays.
func (s *Session) attempt(ctx context.Context, r *request, w want) (*Grant, error) {
	g, err := r.grant(ctx, w.role, w.try)
	if err == nil || r.life == nil {
		return g, err
	}
	// The next try of anybody would trip over the node of one that failed, so it goes before the answer.
	if !errors.Is(err, ErrNotAcquired) || r.leave(ctx) != nil {
		r.leaveLater()
	}
	return nil, err
}

// wouldWait saves a try the two writes when the lock is held anyway.
func (s *Session) wouldWait(ctx context.Context, path string, role fencing.Role) error {
	r := &request{s: s, dir: path}
	nodes, err := r.list(ctx)
	if errors.Is(err, zk.ErrNoNode) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if role == fencing.RoleWriter || n.Role == fencing.RoleWriter {
			return ErrNotAcquired
		}
	}
	return nil
}

func (r *request) grant(ctx context.Context, role fencing.Role, try bool) (*Grant, error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	own, err := r.wait(ctx, try)
	if err != nil {
		return nil, err
	}
	mode := fencing.Exclusive
	if role == fencing.RoleReader {
		mode = fencing.Shared
	}
	lineage, err := r.s.learn(ctx)
	if err != nil {
		return nil, err
	}
	token, err := fencing.FromCzxid(lineage, r.dir, mode, own.stat.Czxid)
	if err != nil {
		return nil, err
	}
	return r.s.newGrant(ctx, r.life, r.node, token, own)
}

// TokenOf makes the token of a lock node that another library created in this session (go-zookeeper's Lock, or a program's own recipe), once it holds the lock. It reads the queue and
// decides as the ensemble would (fencing.Issuer); the errors are the Issuer's: not our node (H15), not the holder (H17), several nodes of one multi (H4), unknown recipe.
// The answer is as fresh as the server that gave it: for a proof ask a Paddock server for the signed token.
func (s *Session) TokenOf(ctx context.Context, nodePath string) (fencing.Token, error) {
	l, err := s.attached(ctx)
	if err != nil {
		return fencing.Token{}, err
	}
	facts := fencing.Facts{NodePath: nodePath, Caller: l.id}
	if facts.Node, err = s.nodeFacts(ctx, nodePath); err != nil {
		return fencing.Token{}, err
	}
	if scope, fence, ok := fencing.SlotPaths(nodePath); ok && scope != "" {
		st, err := s.stat(ctx, fence)
		if err != nil {
			return fencing.Token{}, err
		}
		facts.FenceMzxid = st.Mzxid
	} else if fencing.ParseNodeName(base(nodePath)).Role != fencing.RoleNone {
		dir := nodePath[:len(nodePath)-len(base(nodePath))-1]
		names, err := retry(ctx, s, func() ([]string, error) { c, _, err := s.conn.Children(dir); return c, err })
		if err != nil {
			return fencing.Token{}, fmt.Errorf("lock: list %s: %w", dir, err)
		}
		for _, name := range names {
			n, err := s.nodeFacts(ctx, dir+"/"+name)
			if errors.Is(err, zk.ErrNoNode) {
				continue
			}
			if err != nil {
				return fencing.Token{}, err
			}
			facts.Siblings = append(facts.Siblings, n)
		}
	}
	lineage, err := s.learn(ctx)
	if err != nil {
		return fencing.Token{}, err
	}
	t, err := fencing.Issuer{Lineage: lineage}.Issue(facts)
	if errors.Is(err, fencing.ErrNotOwner) {
		return t, errors.Join(ErrNotOwner, err)
	}
	return t, err
}

func (s *Session) stat(ctx context.Context, path string) (*zk.Stat, error) {
	st, err := retry(ctx, s, func() (*zk.Stat, error) {
		ok, st, err := s.conn.Exists(path)
		if err == nil && !ok {
			err = zk.ErrNoNode
		}
		return st, err
	})
	if err != nil {
		return nil, fmt.Errorf("lock: read %s: %w", path, err)
	}
	return st, nil
}

func (s *Session) nodeFacts(ctx context.Context, path string) (fencing.LockNode, error) {
	st, err := s.stat(ctx, path)
	if err != nil {
		return fencing.LockNode{}, err
	}
	return fencing.LockNode{Name: base(path), Czxid: st.Czxid, Owner: st.EphemeralOwner}, nil
}
