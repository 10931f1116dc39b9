package server

import (
	"math"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/watch"
)

// appendEvent appends the frame of a watch event. z is the zxid that caused it, or -1 for what setWatches catches up with.
func appendEvent(b []byte, z zxid.ID, ty znode.EventType, path string) []byte {
	b, mark := wire.BeginFrame(b)
	b = wire.ReplyHeader{Xid: wire.XidEvent, Zxid: z}.Append(b)
	e := wire.WatcherEvent{Type: ty, State: wire.StateSyncConnected, Path: path}
	b = e.Append(b)
	wire.EndFrame(b, mark)
	return b
}

// addWatch registers a persistent watch; the path is neither checked nor required to exist, but null is none. The answer has a body: int 0.
func (c *conn) addWatch(b []byte, r *jute.Reader) ([]byte, znode.Code) {
	var q wire.PathInt
	if q.Decode(r); r.Err() != nil {
		return b, znode.ErrMarshalling
	}
	mode := watch.Persistent
	switch q.Value {
	case wire.AddWatchPersistent:
	case wire.AddWatchPersistentRecursive:
		mode = watch.Recursive
	default:
		return b, znode.ErrMarshalling
	}
	if code := c.watch(q.Path, mode); code != znode.OK {
		return b, code
	}
	return jute.AppendInt(b, 0), znode.OK
}

// askWatches is checkWatches and removeWatches. Nobody watches a null path.
func (c *conn) askWatches(b []byte, op int32, r *jute.Reader) ([]byte, znode.Code) {
	path, present := r.NullableText()
	ty := watch.Type(r.Int())
	if r.Err() != nil || !ty.Valid() {
		return b, znode.ErrMarshalling
	}
	ask := c.s.watches.Check
	if op == wire.OpRemoveWatches {
		ask = c.s.watches.Remove
	}
	if !present || !ask(path, ty, c.id) {
		return b, znode.ErrNoWatcher
	}
	return b, znode.OK
}

// setWatches takes the watches of a client that reconnected, list by list, and appends events for what it missed. A null ends the work where it
// stands; only among the persistent ones a null path is passed over. (DataTree.setWatches)
func (c *conn) setWatches(b []byte, op int32, r *jute.Reader) ([]byte, znode.Code) {
	var q wire.SetWatches
	if q.Decode(r, op); r.Err() != nil {
		return b, znode.ErrMarshalling
	}
	st := c.s.state.st
	since := int64(q.RelativeZxid)
	if c.s.has(bugOldWatches) {
		since = math.MaxInt64
	}
	for path, present := range q.Data.Nullable {
		switch stat, _, ok := st.Node(path); {
		case !present:
			return b, znode.ErrMarshalling
		case !ok:
			b = appendEvent(b, -1, znode.EventDeleted, path)
		case stat.Mzxid > since:
			b = appendEvent(b, -1, znode.EventDataChanged, path)
		default:
			if code := c.watch(path, watch.Data); code != znode.OK {
				return b, code
			}
		}
	}
	for path, present := range q.Exist.Nullable {
		switch _, _, ok := st.Node(path); {
		case !present:
			return b, znode.ErrMarshalling
		case ok:
			b = appendEvent(b, -1, znode.EventCreated, path)
		default:
			if code := c.watch(path, watch.Data); code != znode.OK {
				return b, code
			}
		}
	}
	for path, present := range q.Child.Nullable {
		switch stat, _, ok := st.Node(path); {
		case !present:
			return b, znode.ErrMarshalling
		case !ok:
			b = appendEvent(b, -1, znode.EventDeleted, path)
		case stat.Pzxid > since:
			b = appendEvent(b, -1, znode.EventChildrenChanged, path)
		default:
			if code := c.watch(path, watch.Child); code != znode.OK {
				return b, code
			}
		}
	}
	if code := c.watchAll(q.Persistent, watch.Persistent); code != znode.OK {
		return b, code
	}
	return b, c.watchAll(q.PersistentRecurs, watch.Recursive)
}

// watchAll registers persistent watches; a null list is ErrMarshalling.
func (c *conn) watchAll(paths jute.Vector, mode watch.Mode) znode.Code {
	for path, present := range paths.Nullable {
		if !present {
			continue
		}
		if code := c.watch(path, mode); code != znode.OK {
			return code
		}
	}
	if paths.Null() {
		return znode.ErrMarshalling
	}
	return znode.OK
}
