package servertest

import (
	"maps"
	"slices"
	"strings"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// watchKey is one watch: data (and existence) of a node, or its children.
type watchKey struct {
	path  string
	child bool
}

// watching is what a client expects of events.
type watching struct {
	left  map[watchKey]leftAt
	again *rewatching // between a new connection and the answer to setWatches
}

// leftAt is a watch that was left and has not fired.
type leftAt struct {
	z      zxid.ID // it hears what is behind this
	absent bool    // the node was not there
}

// rewatching is one setWatches under way.
type rewatching struct {
	since zxid.ID
	asked map[watchKey]leftAt
	fired map[watchKey]znode.EventType
}

// leave notes a watch that came with an answer at z.
func (w *watching) leave(k watchKey, z zxid.ID, absent bool) {
	if w.left == nil {
		w.left = map[watchKey]leftAt{}
	}
	if _, ok := w.left[k]; !ok {
		w.left[k] = leftAt{z, absent}
	}
}

// append writes the record of setWatches.
func (w *watching) append(b []byte, since zxid.ID) []byte {
	data, exist, child := []string{}, []string{}, []string{} // not null: that is refused
	for _, k := range slices.SortedFunc(maps.Keys(w.left), func(a, b watchKey) int { return strings.Compare(a.path, b.path) }) {
		switch x := w.left[k]; {
		case k.child:
			child = append(child, k.path)
		case x.absent:
			exist = append(exist, k.path)
		default:
			data = append(data, k.path)
		}
	}
	q := wire.SetWatches{RelativeZxid: since, Data: jute.NewVector(data), Exist: jute.NewVector(exist), Child: jute.NewVector(child)}
	return q.Append(b, wire.OpSetWatches)
}

// rewatch sets the watches again on a new connection.
func (c *simClient) rewatch() {
	w := &c.watches
	w.again = nil
	if len(w.left) == 0 {
		return
	}
	w.again = &rewatching{c.lastZxid, maps.Clone(w.left), map[watchKey]znode.EventType{}}
	c.submit(&request{op: wire.OpSetWatches})
	c.sim.Stats.Rewatches++
}

// event takes a notification.
func (c *simClient) event(z zxid.ID, e *wire.WatcherEvent) {
	s, w := c.sim, &c.watches
	s.Stats.WatchEvents++
	s.trace("client %d event %v %v %s", c.id, z, e.Type, e.Path)
	k := watchKey{strings.Clone(e.Path), e.Type == znode.EventChildrenChanged}
	x, ok := w.left[k]
	if !ok {
		s.violate("client %d was told %v of %s at %v and has no watch there", c.id, e.Type, e.Path, z)
	}
	delete(w.left, k)
	if z == -1 {
		if w.again == nil {
			s.violate("client %d was told %v of %s as missed, and did not set its watches again", c.id, e.Type, e.Path)
		}
		w.again.fired[k] = e.Type
		return
	}
	if w.again != nil {
		delete(w.again.asked, k)
	}
	if first, ok := s.oracle.next(k, x.z); !ok || first.z != z || first.ty != e.Type {
		s.violate("client %d was told %v of %s at %v; the first after its watch (left at %v) is %v at %v", c.id, e.Type, e.Path, z, x.z, first.ty, first.z)
	}
}

// caughtUp holds what setWatches has told against what has happened.
func (c *simClient) caughtUp(z zxid.ID) {
	s, w := c.sim, &c.watches
	a := w.again
	w.again = nil
	if a == nil {
		s.violate("client %d got an answer to a setWatches that it did not send", c.id)
	}
	for k, x := range a.asked {
		at := s.oracle.node(k.path, z)
		want := znode.EventType(0)
		switch {
		case x.absent && at.ok:
			want = znode.EventCreated
		case x.absent:
		case !at.ok:
			want = znode.EventDeleted
		case k.child && zxid.ID(at.stat.Pzxid) > a.since:
			want = znode.EventChildrenChanged
		case !k.child && zxid.ID(at.stat.Mzxid) > a.since:
			want = znode.EventDataChanged
		}
		if got := a.fired[k]; got != want {
			s.violate("client %d set its watch on %s again at %v, having seen %v: told %v, and it should be %v", c.id, k.path, z, a.since, got, want)
		}
		if want != 0 {
			s.Stats.Missed++
		} else if _, ok := w.left[k]; ok {
			w.left[k] = leftAt{z, x.absent}
		}
	}
}

// fresh: an answer at z came, so that every event up to z must have come before it.
func (c *simClient) fresh(z zxid.ID) {
	if c.watches.again != nil {
		return // what was missed is told up to the answer of setWatches
	}
	for k, x := range c.watches.left {
		if first, ok := c.sim.oracle.next(k, x.z); ok && first.z <= z {
			c.sim.violate("client %d got an answer at %v and was not told before that %s changed at %v (watch left at %v)", c.id, z, k.path, first.z, x.z)
		}
	}
}
