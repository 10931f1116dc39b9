package bench

import (
	"context"
	"fmt"
	"strconv"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// everybody is the ACL of all nodes that a run makes.
var everybody = []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}

// perParent is how many children populate puts under one node: more would make listings longer than clients of the real
// ZooKeeper accept (1 MiB).
const perParent = 10_000

// prepare makes the nodes that the workload works on, and names the kinds of request that are told apart.
func (r *run) prepare(ctx context.Context, a *attendant) error {
	kinds := map[Workload][]string{Mix: {"get", "set"}, Ephemeral: {"create", "delete"}, Watch: {"set", "event"}}[r.Workload]
	if kinds == nil {
		kinds = []string{string(r.Workload)}
	}
	for _, k := range kinds {
		r.kinds = append(r.kinds, newRecorder(k))
	}
	data := make([]byte, r.Shape.Size)
	switch r.Workload {
	case Create, Ephemeral:
		return a.create(ctx, r.Connections, r.Progress, func(i int) (string, []byte) { return r.root + "/c" + strconv.Itoa(i), nil })
	case Populate:
		parents := int(r.Count)/perParent + 1
		return a.create(ctx, parents, r.Progress, func(i int) (string, []byte) { return r.root + "/p" + strconv.Itoa(i), nil })
	case Set, Get, Mix, Multi:
		return a.create(ctx, r.Shape.Keys, r.Progress, func(i int) (string, []byte) { return r.key(i), data })
	case Children:
		return a.create(ctx, r.Shape.Children, r.Progress, func(i int) (string, []byte) { return r.key(i), nil })
	case Watch:
		return a.create(ctx, 1, r.Progress, func(int) (string, []byte) { return r.root + "/w", data })
	case Sessions:
	}
	return nil
}

// key is the path of the i-th node that set, get, mix and multi work on.
func (r *run) key(i int) string { return fmt.Sprintf("%s/k%07d", r.root, i) }

// stage stages the next request of the workload, and returns its kind.
func (w *worker) stage() (kind uint8) {
	switch w.Workload {
	case Create:
		w.stageCreate(w.root+"/c"+strconv.Itoa(w.n)+"/n"+strconv.FormatInt(w.seq, 10), 0)
	case Populate:
		n := w.seq*int64(w.Connections) + int64(w.n)
		w.stageCreate(w.root+"/p"+strconv.FormatInt(n%(w.Count/perParent+1), 10)+"/n"+strconv.FormatInt(n, 10), 0)
	case Ephemeral:
		path := w.root + "/c" + strconv.Itoa(w.n) + "/e" + strconv.FormatInt(w.seq/2, 10)
		if w.seq%2 == 0 {
			w.stageCreate(path, int32(znode.ModeEphemeral))
			return 0
		}
		w.conn.End((&wire.DeleteRequest{Path: path, Version: -1}).Append(w.conn.Begin(w.xid, wire.OpDelete)))
		return 1
	case Set:
		w.stageSet()
	case Get:
		w.stageGet()
	case Mix:
		if w.rand.IntN(100) < w.Shape.ReadPercent {
			w.stageGet()
			return 0
		}
		w.stageSet()
		return 1
	case Children:
		w.stageRead(wire.OpGetChildren, w.root, -1)
	case Multi:
		b := w.conn.Begin(w.xid, wire.OpMulti)
		for range w.Shape.Parts {
			b = wire.MultiHeader{Type: wire.OpSetData, Err: -1}.Append(b)
			b = w.appendSet(b)
		}
		w.conn.End(wire.MultiEnd().Append(b))
	case Watch, Sessions: // have loops of their own
	}
	return 0
}

func (w *worker) stageCreate(path string, flags int32) {
	q := wire.CreateRequest{Path: path, Data: w.data, ACL: everybody, Flags: flags}
	w.conn.End(q.Append(w.conn.Begin(w.xid, wire.OpCreate)))
}

// appendKey appends the path of a random key, without building a string.
func (w *worker) appendKey(b []byte, i int) []byte {
	b = jute.AppendInt(b, int32(len(w.root)+len("/k0000000")))
	b = append(b, w.root...)
	b = append(b, "/k0000000"...)
	for at := len(b) - 1; i > 0; at-- {
		b[at] = byte('0' + i%10)
		i /= 10
	}
	return b
}

func (w *worker) appendSet(b []byte) []byte {
	b = w.appendKey(b, w.rand.IntN(w.Shape.Keys))
	return jute.AppendInt(jute.AppendBuffer(b, w.data), -1)
}

func (w *worker) stageSet() { w.conn.End(w.appendSet(w.conn.Begin(w.xid, wire.OpSetData))) }

func (w *worker) stageGet() { w.stageRead(wire.OpGetData, "", w.rand.IntN(w.Shape.Keys)) }

func (w *worker) stageRead(op int32, path string, key int) {
	b := w.conn.Begin(w.xid, op)
	if key >= 0 {
		b = w.appendKey(b, key)
	} else {
		b = jute.AppendText(b, path)
	}
	w.conn.End(jute.AppendBool(b, false))
}
