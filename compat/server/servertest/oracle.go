package servertest

import (
	"hash/fnv"
	"slices"
	"strings"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// oracle is the one history: what the first server that applied a zxid was given, and one more state that follows it.
type oracle struct {
	sim       *Sim
	state     *znode.State
	entries   map[zxid.ID]uint64 // hash of the entry
	digests   map[zxid.ID]uint64 // of the state behind it
	done      map[zxid.ID]*decided
	leaders   map[zxid.Epoch]zab.PeerID
	cxids     map[session.ID]int32 // last one of each session in the history
	synced    map[session.ID]int32 // last one of each session that was a sync and is answered
	writes    map[writeKey]zxid.ID // where a session's request is in the history, or refusedAlone
	nodes     map[string][]nodeAt  // by path: how it was, from a zxid on
	events    map[string][]eventAt // by path, in order
	names     map[string]zxid.ID   // of sequential nodes
	acked     zxid.ID              // the greatest zxid of an answered write
	tokens    map[string]int64     // greatest fence that was told for a lock
	grants    map[int64]session.ID // who got a fence
	res       znode.Result
	txn       znode.Txn
	count     int
	clock     int64 // stamp
	registers []RegisterOp
}

// refusedAlone stands where the zxid of a request stands that its server has refused by itself: it must never come into the history.
const refusedAlone zxid.ID = -1

// decided is what became of a transaction.
type decided struct {
	who  writeKey
	kind znode.Kind
	code znode.Code
	path string
	stat znode.Stat
	ops  int
}

type writeKey struct {
	session session.ID
	cxid    int32
}

// nodeAt is a node as it is from a zxid on.
type nodeAt struct {
	z        zxid.ID
	ok       bool
	data     string
	stat     znode.Stat
	children string // sorted, joined by commas
}

type eventAt struct {
	z  zxid.ID
	ty znode.EventType
}

func newOracle(s *Sim) *oracle {
	return &oracle{sim: s, state: znode.NewState(znode.Options{}), entries: map[zxid.ID]uint64{}, digests: map[zxid.ID]uint64{},
		done: map[zxid.ID]*decided{}, leaders: map[zxid.Epoch]zab.PeerID{}, cxids: map[session.ID]int32{}, synced: map[session.ID]int32{}, writes: map[writeKey]zxid.ID{},
		nodes: map[string][]nodeAt{}, events: map[string][]eventAt{}, names: map[string]zxid.ID{}, tokens: map[string]int64{},
		grants: map[int64]session.ID{}}
}

func (o *oracle) leads(id zab.PeerID, e zxid.Epoch) {
	if other, ok := o.leaders[e]; ok && other != id {
		o.sim.violate("servers %d and %d both lead epoch %d", other, id, e)
	}
	o.leaders[e] = id
}

// committed takes an entry that a server is about to apply.
func (o *oracle) committed(id zab.PeerID, e *zab.Entry) {
	h := fnv.New64a()
	h.Write([]byte{byte(e.Kind), byte(e.Time), byte(e.Time >> 8), byte(e.Time >> 16)})
	h.Write(e.Data)
	sum := h.Sum64()
	last := o.state.LastZxid()
	if e.Zxid <= last {
		if known, ok := o.entries[e.Zxid]; !ok || known != sum {
			o.sim.violate("server %d applies %v, and the history has another one there (known: %v)", id, e, ok)
		}
		return
	}
	if e.Prev != last {
		o.sim.violate("server %d applies %v behind %v, and the history ends at %v", id, e.Zxid, e.Prev, last)
	}
	o.entries[e.Zxid] = sum
	if e.Kind == zab.EntryTxn {
		o.decide(e)
	} else {
		server.Replay(o.state, []zab.Entry{*e})
	}
	o.digests[e.Zxid] = o.state.Digest()
	if o.count++; o.count%64 == 0 {
		o.sound()
	}
}

// sound holds the state's own rules, and that no ephemeral node is there without its session.
func (o *oracle) sound() {
	if err := o.state.CheckInvariants(); err != nil {
		o.sim.violate("the state at %v: %v", o.state.LastZxid(), err)
	}
	o.state.EachEphemeral(func(id session.ID, paths []string) {
		if _, _, ok := o.state.Session(id); !ok {
			o.sim.violate("%v are there at %v, and their session %v is not", paths, o.state.LastZxid(), id)
		}
	})
}

// decide applies a transaction and notes everything that clients may see of it.
func (o *oracle) decide(e *zab.Entry) {
	s, t, r := o.sim, &o.txn, &o.res
	if err := znode.DecodeTxn(e.Data, t); err != nil {
		s.violate("%v cannot be decoded: %v", e, err)
	}
	nodes, bytes := o.state.NodeCount(), o.state.DataSize()
	o.state.Apply(e.Zxid, e.Time, t, r)
	o.refused(t, nodes, bytes)
	who := writeKey{t.Session, t.Cxid}
	d := &decided{who: who, kind: t.Op.Kind, code: r.Code, path: strings.Clone(r.Path), stat: r.Stat, ops: len(r.Ops)}
	o.done[e.Zxid] = d
	for i := range r.Events {
		o.note(e.Zxid, &r.Events[i])
	}
	s.trace("history %v: session %v cxid %d kind %v %s code %v", e.Zxid, t.Session, t.Cxid, t.Op.Kind, t.Op.Path, r.Code)
	switch {
	case t.Op.Kind == znode.KindCreateSession:
		if r.Code == znode.OK {
			s.living.created(s, t.Session, t.Op.Timeout)
		}
		return
	case t.Op.Kind == znode.KindError && t.Op.Err == znode.ErrSessionMoved:
		s.Stats.MovedRefused++
		return
	case t.Op.Kind == znode.KindCloseSession && r.Code == znode.OK:
		s.living.ended(s, t.Session, e.Zxid, t.Origin.Seq == 0)
	}
	if t.Origin.Seq == 0 || r.Code == znode.ErrSessionExpired {
		return // a late one, behind the end of its session, does nothing
	}
	if t.Cxid <= o.cxids[t.Session] {
		s.violate("session %v: request %d takes effect at %v, behind its request %d", t.Session, t.Cxid, e.Zxid, o.cxids[t.Session])
	}
	if t.Cxid < o.synced[t.Session] {
		s.violate("session %v: request %d takes effect at %v, and its sync %d, which it sent later, was answered before", t.Session, t.Cxid, e.Zxid, o.synced[t.Session])
	}
	o.cxids[t.Session] = t.Cxid
	if o.writes[who] == refusedAlone {
		s.violate("request %d of session %v was refused by its server alone, and is in the history at %v", t.Cxid, t.Session, e.Zxid)
	}
	o.writes[who] = e.Zxid
	if t.Op.Kind == znode.KindCreate && r.Code == znode.OK && sequential(t.Op.Mode) {
		if z, ok := o.names[d.path]; ok {
			s.violate("sequential name %s is given at %v and was at %v", d.path, e.Zxid, z)
		}
		o.names[d.path] = e.Zxid
	}
}

func sequential(m znode.Mode) bool {
	return m == znode.ModePersistentSequential || m == znode.ModeEphemeralSequential
}

// note keeps the node as it is now. Nodes that nobody reads are left out.
func (o *oracle) note(z zxid.ID, ev *znode.Event) {
	path := strings.Clone(ev.Path)
	o.events[path] = append(o.events[path], eventAt{z, ev.Type})
	at := nodeAt{z: z}
	data, stat, code := o.state.GetData(path, nil, znode.FlagSkipACL)
	if at.ok = code == znode.OK; at.ok {
		at.data, at.stat, at.children = string(data), stat, childrenOf(o.state, path)
	}
	list := o.nodes[path]
	if n := len(list); n > 0 && list[n-1].z == z {
		list[n-1] = at
		return
	}
	o.nodes[path] = append(list, at)
}

func childrenOf(st *znode.State, path string) string {
	var names []string
	st.Children(path, nil, znode.FlagSkipACL, func(name string) { names = append(names, strings.Clone(name)) })
	slices.Sort(names)
	return strings.Join(names, ",")
}

// node is how a path looked at z.
func (o *oracle) node(path string, z zxid.ID) nodeAt {
	list := o.nodes[path]
	i, ok := slices.BinarySearchFunc(list, z, func(n nodeAt, z zxid.ID) int {
		switch {
		case n.z < z:
			return -1
		case n.z > z:
			return 1
		}
		return 0
	})
	if ok {
		return list[i]
	}
	if i == 0 {
		return nodeAt{}
	}
	return list[i-1]
}

// next is the first event after z that a watch on path hears.
func (o *oracle) next(k watchKey, z zxid.ID) (eventAt, bool) {
	for _, e := range o.events[k.path] {
		if e.z > z && (e.ty == znode.EventDeleted || (e.ty == znode.EventChildrenChanged) == k.child) {
			return e, true
		}
	}
	return eventAt{}, false
}

// compare holds a server's state against the history.
func (o *oracle) compare(n *simNode) {
	z := n.state.LastZxid()
	want, ok := o.digests[z]
	if z != 0 && (!ok || want != n.state.Digest()) && !n.wrong() {
		o.sim.violate("server %d at %v: the digest of its state is %x, and that of the history %x (known: %v)", n.id, z, n.state.Digest(), want, ok)
	}
}

// token takes a fence that a session was told for a lock node. asked is the greatest fence known when it was asked for.
func (o *oracle) token(c *simClient, lock string, fence, asked int64) {
	if who, ok := o.grants[fence]; ok && who != c.session {
		o.sim.violate("sessions %v and %v both got fence %#x", who, c.session, fence)
	}
	if fence < asked {
		o.sim.violate("session %v got fence %#x of %s, and %#x was known when it asked", c.session, fence, lock, asked)
	}
	o.grants[fence] = c.session
	o.tokens[lock] = max(o.tokens[lock], fence)
}
