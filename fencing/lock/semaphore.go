package lock

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/fencing"
)

// Semaphore is N slots. Holders of different slots work at the same time and are not ordered, so each slot is a lock of its own to storage: one scope, one
// watermark for each slot (H28).
//
// Below its path: queue (a FIFO lock, held while choosing a slot, so that only its holder watches the slots), slots (the ephemeral nodes of the holders) and fence (one
// permanent node for each slot, never deleted). A grant is one multi: check the own queue node, create the slot, write the slot's fence node, leave the queue. The
// token is that multi's zxid, the mzxid of the fence node: it is decided at the commit, not by a read that may be stale.
type Semaphore struct {
	s     *Session
	path  string
	slots int
}

// NewSemaphore names a semaphore of n slots, 1 to 10000.
func (s *Session) NewSemaphore(path string, n int) (*Semaphore, error) {
	if n < 1 || n > 10000 {
		return nil, fmt.Errorf("lock: a semaphore of %d slots: 1 to 10000", n)
	}
	return &Semaphore{s: s, path: path, slots: n}, nil
}

// SlotPath is the lock path of a slot's tokens, 0 to n-1: what storage computes the scope from.
func (m *Semaphore) SlotPath(slot int) string { return fmt.Sprintf("%s/slots/slot-%d", m.path, slot) }

// Acquire waits for a slot. The grant's node is the slot; Slot tells its number.
func (m *Semaphore) Acquire(ctx context.Context) (*Grant, error) {
	for {
		g, err := m.acquire(ctx)
		if err == nil || !errors.Is(err, errVanished) && !errors.Is(err, errReborn) {
			return g, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

func (m *Semaphore) acquire(ctx context.Context) (g *Grant, err error) {
	for _, dir := range []string{m.path + "/queue", m.path + "/slots", m.path + "/fence"} {
		if err := m.s.ensure(ctx, dir); err != nil {
			return nil, err
		}
	}
	r := m.s.newRequest(m.path+"/queue", fencing.RoleWriter, false, false, nil)
	r.unsigned = true
	defer func() {
		if err != nil && r.life != nil { // the multi of a grant has left the queue
			r.leaveLater()
		}
	}()
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	if _, err := r.wait(ctx, false); err != nil {
		return nil, err
	}
	for {
		slot, changed, err := m.free(ctx)
		if err != nil {
			return nil, err
		}
		if slot < 0 {
			select {
			case <-changed:
				continue
			case <-r.life.lost:
				return nil, errReborn
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		g, err := m.take(ctx, r, slot)
		if !errors.Is(err, zk.ErrNodeExists) {
			return g, err
		}
	}
}

// free gives the lowest free slot, or -1 and a channel that tells when to look again.
func (m *Semaphore) free(ctx context.Context) (int, <-chan zk.Event, error) {
	type answer struct {
		names  []string
		events <-chan zk.Event
	}
	a, err := retry(ctx, m.s, func() (answer, error) {
		names, _, ch, err := m.s.conn.ChildrenW(m.path + "/slots")
		return answer{names, ch}, err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("lock: list the slots of %s: %w", m.path, err)
	}
	taken := map[string]bool{}
	for _, n := range a.names {
		taken[n] = true
	}
	for i := range m.slots {
		if !taken[base(m.SlotPath(i))] {
			return i, nil, nil
		}
	}
	return -1, a.events, nil
}

// take grants the slot in one multi. ErrNodeExists: somebody who does not queue was faster.
func (m *Semaphore) take(ctx context.Context, r *request, slot int) (*Grant, error) {
	node := m.SlotPath(slot)
	_, fence, _ := fencing.SlotPaths(node)
	if err := m.s.ensure(ctx, fence); err != nil {
		return nil, err
	}
	data := []byte(r.protection)
	results, err := call(ctx, func() ([]zk.MultiResponse, error) {
		return m.s.conn.Multi(
			&zk.CheckVersionRequest{Path: r.node, Version: -1}, // there; what others write to it does not matter
			&zk.CreateRequest{Path: node, Data: data, Acl: m.s.cfg.ACL, Flags: zk.FlagEphemeral},
			&zk.SetDataRequest{Path: fence, Data: data, Version: -1},
			&zk.DeleteRequest{Path: r.node, Version: -1})
	}, func([]zk.MultiResponse, error) { m.abandon(node, r) })
	if unknown(err) {
		g, err := m.takenBefore(ctx, r, node, fence)
		if err != nil && !errors.Is(err, zk.ErrNodeExists) {
			m.abandon(node, r) // nobody has found out whether it is ours
		}
		return g, err
	}
	switch {
	case errors.Is(err, zk.ErrNodeExists):
		return nil, zk.ErrNodeExists
	case errors.Is(err, zk.ErrNoNode):
		return nil, errVanished
	case err != nil:
		return nil, fmt.Errorf("lock: take %s: %w", node, err)
	case len(results) != 4 || results[2].Stat == nil:
		return nil, fmt.Errorf("lock: take %s: the server's answer has no Stat of the fence node", node)
	}
	return m.granted(ctx, r, node, slotGrant{fence, results[2].Stat})
}

// takenBefore finds out what became of a multi whose reply was lost: the slot is ours if our session owns it, it carries our id, and the fence node was written with it.
func (m *Semaphore) takenBefore(ctx context.Context, r *request, node, fence string) (*Grant, error) {
	now, err := m.s.attached(ctx)
	if err != nil {
		return nil, err
	}
	if now.id != r.life.id {
		return nil, errReborn
	}
	r.life = now
	if _, err := retry(ctx, m.s, func() (string, error) { return m.s.conn.Sync(m.path) }); err != nil {
		return nil, fmt.Errorf("lock: look for %s: %w", node, err)
	}
	type found struct {
		data []byte
		st   *zk.Stat
	}
	f, err := retry(ctx, m.s, func() (found, error) { b, st, err := m.s.conn.Get(node); return found{b, st}, err })
	if errors.Is(err, zk.ErrNoNode) {
		return nil, zk.ErrNodeExists // not taken: look at the slots again
	}
	if err != nil {
		return nil, fmt.Errorf("lock: look for %s: %w", node, err)
	}
	if string(f.data) != r.protection || f.st.EphemeralOwner != r.life.id {
		return nil, zk.ErrNodeExists
	}
	st, err := m.s.stat(ctx, fence)
	if err != nil {
		return nil, err
	}
	if st.Mzxid != f.st.Czxid {
		return nil, fmt.Errorf("lock: %s was written by somebody else at %#x; only grants may write fence nodes", fence, st.Mzxid)
	}
	return m.granted(ctx, r, node, slotGrant{fence, st})
}

// slotGrant is the record of a slot's grant: the fence node as the grant's multi left it.
type slotGrant struct {
	fence string // path
	stat  *zk.Stat
}

func (m *Semaphore) granted(ctx context.Context, r *request, node string, by slotGrant) (*Grant, error) {
	var token fencing.Token
	lineage, err := m.s.learn(ctx)
	if err == nil {
		token, err = fencing.FromFenceNode(lineage, node, fencing.Exclusive, by.stat.Mzxid)
	}
	if err == nil {
		var own watched
		if own, err = m.s.watchNode(ctx, node); err == nil && (own.stat.Czxid != by.stat.Mzxid || own.stat.EphemeralOwner != r.life.id) {
			err = errVanished // somebody deleted it, and another has it now
		}
		if err == nil {
			own.slot = &by
			var g *Grant
			if g, err = m.s.newGrant(ctx, r.life, node, token, own); err == nil {
				return g, nil
			}
		}
	}
	m.abandon(node, r)
	return nil, err
}

// removeSlot deletes a slot's node if it is still the one of this grant: the next holder's has the same name, but its grant has written the fence node again.
func (s *Session) removeSlot(ctx context.Context, node string, by slotGrant) error {
	for version := by.stat.Version; ; {
		_, err := retry(ctx, s, func() ([]zk.MultiResponse, error) {
			return s.conn.Multi(&zk.CheckVersionRequest{Path: by.fence, Version: version}, &zk.DeleteRequest{Path: node, Version: -1})
		})
		if !errors.Is(err, zk.ErrBadVersion) {
			if err != nil && !errors.Is(err, zk.ErrNoNode) {
				return fmt.Errorf("lock: delete %s: %w", node, err)
			}
			return nil
		}
		// Another grant has written it; or somebody who should not, and the node is ours.
		own, err := s.stat(ctx, node)
		if errors.Is(err, zk.ErrNoNode) || err == nil && own.Czxid != by.stat.Mzxid {
			return nil
		}
		fence, err := s.stat(ctx, by.fence)
		if err != nil {
			return err
		}
		version = fence.Version
	}
}

// abandon removes a slot that was taken for nobody: one whose fence node was last written by this request. The sync waits for a multi that is still under way.
func (m *Semaphore) abandon(node string, r *request) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
		defer cancel()
		_, fence, _ := fencing.SlotPaths(node)
		if _, err := retry(ctx, m.s, func() (string, error) { return m.s.conn.Sync(m.path) }); err != nil {
			return
		}
		var st *zk.Stat
		data, err := retry(ctx, m.s, func() (b []byte, err error) { b, st, err = m.s.conn.Get(fence); return b, err })
		if err == nil && string(data) == r.protection {
			_ = m.s.removeSlot(ctx, node, slotGrant{fence, st})
		}
	}()
}

// Slot is the number of the slot that a grant of a semaphore holds.
func Slot(g *Grant) string { return strings.TrimPrefix(base(g.node), "slot-") }
