package server_test

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// byHand opens a session over a connection that this test drives, so that it knows what the server has seen.
func byHand(t *testing.T, w *world, i int, q wire.ConnectRequest) (*listener.Hand, session.ID, []byte) {
	t.Helper()
	h := listener.New(w.nodes[i].Server, listener.Options{}).Hand(netip.MustParseAddrPort("10.0.0.1:1000"))
	b, mark := wire.BeginFrame(nil)
	b = q.Append(b)
	wire.EndFrame(b, mark)
	h.Feed(b)
	out := answerTo(t, w, h)
	var p wire.ConnectResponse
	r := jute.NewReader(out[4:])
	if p.Decode(&r); r.Err() != nil || p.Session == 0 {
		t.Fatalf("handshake: %v %+v", r.Err(), p)
	}
	return h, p.Session, append([]byte(nil), p.Password[:]...)
}

// answerTo is what the server answers to what was fed.
func answerTo(t *testing.T, w *world, h *listener.Hand) (out []byte) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(soon); len(out) == 0; {
		h.Step()
		w.history.Settle()
		h.Step()
		out = h.Take()
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("no answer")
		}
	}
	return out
}

// What a connection heard just before it ended counts as life, though no report of it was made yet.
func TestTheLastWordOfAConnectionCounts(t *testing.T) {
	w := newWorld(t, 1, nil)
	h, id, _ := byHand(t, w, 0, wire.ConnectRequest{Timeout: 1000, Password: make([]byte, wire.PasswordSize)})
	tick := func(ms int) {
		w.clock.advance(time.Duration(ms) * time.Millisecond)
		w.nodes[0].Tick()
		w.history.Settle()
	}
	tick(250)
	tick(250)
	w.clock.advance(249 * time.Millisecond)
	h.Feed(wire.AppendRequest(nil, wire.XidPing, wire.OpPing, nil))
	h.Step()
	h.Hangup()
	h.Step()
	if !h.Over() {
		t.Fatal("the connection has not ended")
	}
	tick(1)
	for range 3 {
		tick(250)
		alive := false
		w.nodes[0].View(func(st *znode.State) { _, _, alive = st.Session(id) })
		if !alive {
			t.Fatal("the session ended before its timeout was over")
		}
	}
	for range 6 {
		tick(250)
	}
	w.nodes[0].View(func(st *znode.State) {
		if _, _, alive := st.Session(id); alive {
			t.Error("the session never ends")
		}
	})
}

// late is an orderer whose server is behind until it asks a quorum, and that counts the reconfigurations which reach the ensemble.
type late struct {
	server.Orderer
	catchUp    func()
	reconfigs  atomic.Int32
	readIndexs atomic.Int32
}

func (l *late) ReadIndex(done func(error)) {
	if l.readIndexs.Add(1) == 1 && l.catchUp != nil {
		l.catchUp()
	}
	l.Orderer.ReadIndex(done)
}

func (l *late) Reconfig(next zab.Ensemble, extra []byte, done func(error)) {
	l.reconfigs.Add(1)
	l.Orderer.Reconfig(next, extra, done)
}

// A server that does not know a session may be behind. It asks before it says that the session is over: a client that is told so gives up its
// ephemeral nodes and starts anew.
func TestUnknownSessionIsRefusedOnlyAfterAQuestion(t *testing.T) {
	behind := &late{}
	w := newWorld(t, 1, func(o *server.Options) { behind.Orderer, o.Orderer = o.Orderer, behind })
	const id = session.ID(1<<56 | 5)
	pw := []byte("sixteen bytes of")
	behind.catchUp = func() {
		var z zxid.ID
		w.nodes[0].View(func(st *znode.State) { z = st.LastZxid() + 1 })
		x := znode.Txn{Session: id, Op: znode.Op{Kind: znode.KindCreateSession, Timeout: 4000, Password: pw}}
		w.nodes[0].Apply([]zab.Entry{{Zxid: z, Prev: z - 1, Kind: zab.EntryTxn, Time: 1, Data: znode.AppendTxn(nil, &x)}})
	}
	w.history.Settle()
	if _, got, _ := byHand(t, w, 0, wire.ConnectRequest{Timeout: 4000, Session: id, Password: pw}); got != id {
		t.Errorf("the session goes on as %v", got)
	}
}

// Who may not write /zookeeper/config changes no ensemble: the request is refused before it reaches the protocol. When it is applied it would be
// too late.
func TestReconfigWithoutPermissionReachesNobody(t *testing.T) {
	counted := &late{}
	w := newWorld(t, 1, func(o *server.Options) {
		counted.Orderer, o.Orderer = o.Orderer, counted
		o.Features.ReconfigEnabled, o.Features.Standalone = true, false
	})
	e, err := zab.ParseEnsemble("server.1=h1:1:2:participant;0.0.0.0:3\nserver.2=h2:1:2:participant;0.0.0.0:3")
	if err != nil {
		t.Fatal(err)
	}
	w.history.SetEnsemble(e)
	h, _, _ := byHand(t, w, 0, wire.ConnectRequest{Timeout: 4000, Password: make([]byte, wire.PasswordSize)})
	q := wire.ReconfigRequest{Joining: []byte("server.3=h3:1:2:participant;0.0.0.0:3"), ConfigID: -1}
	h.Feed(wire.AppendRequest(nil, 1, wire.OpReconfig, q.Append))
	out := answerTo(t, w, h)
	var reply wire.ReplyHeader
	r := jute.NewReader(out[4:])
	if reply.Decode(&r); reply.Err != znode.ErrNoAuth {
		t.Errorf("a reconfig without permission: %v", reply.Err)
	}
	if n := counted.reconfigs.Load(); n != 0 {
		t.Errorf("%d reconfigurations reached the ensemble", n)
	}
}

// While a leader is not sure that it leads it hears nobody for certain, and ends nobody's session. The time is given back when it is sure again.
func TestTimeOfAnUnprovedLeaderIsGivenBack(t *testing.T) {
	w := newWorld(t, 1, nil)
	_, id, _ := byHand(t, w, 0, wire.ConnectRequest{Timeout: 1000, Password: make([]byte, wire.PasswordSize)})
	tick := func(times int) {
		for range times {
			w.clock.advance(250 * time.Millisecond)
			w.nodes[0].Tick()
			w.history.Settle()
		}
	}
	alive := func() (ok bool) {
		w.nodes[0].View(func(st *znode.State) { _, _, ok = st.Session(id) })
		return ok
	}
	tick(1)
	unsure := w.nodes[0].member.Active()
	unsure.Confirmed = false
	w.nodes[0].member.Soft(unsure)
	w.history.Settle()
	if tick(20); !alive() {
		t.Fatal("a leader that is not sure of its leadership has ended a session")
	}
	w.nodes[0].member.Soft(w.nodes[0].member.Active())
	w.history.Settle()
	if tick(2); !alive() {
		t.Fatal("the time in which the leader was not sure counts as silence")
	}
	if tick(8); alive() {
		t.Error("the session never ends")
	}
}

// What a state has applied already, because it was loaded from an image at that zxid, is not applied again when the log is replayed.
func TestAppliedEntriesAreNotAppliedAgain(t *testing.T) {
	w := newWorld(t, 1, nil)
	byHand(t, w, 0, wire.ConnectRequest{Timeout: 1000, Password: make([]byte, wire.PasswordSize)})
	w.history.Settle()
	n := w.nodes[0]
	var last, before uint64
	n.View(func(st *znode.State) { last, before = uint64(st.LastZxid()), st.Digest() })
	x := znode.Txn{Op: znode.Op{Kind: znode.KindCreate, Path: "/again", ACL: []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}}}
	for z := zxid.ID(last - 1); z <= zxid.ID(last); z++ {
		n.Apply([]zab.Entry{{Zxid: z, Prev: z - 1, Kind: zab.EntryTxn, Time: 1, Data: znode.AppendTxn(nil, &x)}})
	}
	n.View(func(st *znode.State) {
		if st.Digest() != before || uint64(st.LastZxid()) != last {
			t.Errorf("entries up to %v were applied to a state that had them: it is at %v", zxid.ID(last), st.LastZxid())
		}
	})
}

// A leader that opens a new epoch without an election still knows where sessions speak.
func TestAnEpochRollKeepsOwners(t *testing.T) {
	w := newWorld(t, 3, nil)
	_, id, pw := byHand(t, w, 2, wire.ConnectRequest{Timeout: 4000, Password: make([]byte, wire.PasswordSize)})
	byHand(t, w, 1, wire.ConnectRequest{Timeout: 4000, Session: id, Password: pw})
	roll := w.nodes[0].member.Active()
	roll.Epoch++
	w.nodes[0].member.Soft(roll)
	late := func(from zab.PeerID) znode.Code {
		x := znode.Txn{Session: id, Cxid: 1, Op: znode.Op{Kind: znode.KindSetData, Path: "/x", Version: -1}}
		payloads := [][]byte{znode.AppendTxn(nil, &x)}
		w.nodes[0].Vet(from, payloads)
		if err := znode.DecodeTxn(payloads[0], &x); err != nil {
			t.Fatal(err)
		}
		return x.Op.Err
	}
	if c := late(3); c != znode.ErrSessionMoved {
		t.Errorf("a write through the server that the session left is let in (%v)", c)
	}
	if c := late(2); c != znode.OK {
		t.Errorf("a write through the server where the session speaks is refused (%v)", c)
	}
}

// A server that slept takes a session over, long after its client went elsewhere. The client goes on where it is: it lives.
func TestReportsOfAnyServerCount(t *testing.T) {
	w := newWorld(t, 3, nil)
	tick := func(ms int) {
		w.clock.advance(time.Duration(ms) * time.Millisecond)
		for _, n := range w.nodes {
			n.Tick()
		}
		w.history.Settle()
	}
	h, id, pw := byHand(t, w, 1, wire.ConnectRequest{Timeout: 1000, Password: make([]byte, wire.PasswordSize)})
	byHand(t, w, 2, wire.ConnectRequest{Timeout: 1000, Session: id, Password: pw}) // nobody uses it any more
	for range 12 {
		h.Feed(wire.AppendRequest(nil, wire.XidPing, wire.OpPing, nil))
		h.Step()
		tick(250)
	}
	w.nodes[0].View(func(st *znode.State) {
		if _, _, alive := st.Session(id); !alive {
			t.Error("the session ended while its client was heard four times a second")
		}
	})
}

// What dump, conf and the metrics tell of a connection is what ZooKeeper tells: an idle connection ends with its session, in steps of ten
// seconds, and sizes are those of frames without their length.
func TestReportOfAConnection(t *testing.T) {
	w := newWorld(t, 1, nil)
	h, id, _ := byHand(t, w, 0, wire.ConnectRequest{Timeout: 9000, Password: make([]byte, wire.PasswordSize)})
	h.Feed(wire.AppendRequest(nil, 1, wire.OpExists, (&wire.PathWatch{Path: "/missing"}).Append))
	h.Step()
	r := w.nodes[0].Report(admin.PartConnections)
	if len(r.Connections) != 1 || r.Connections[0].Session != int64(id) {
		t.Fatalf("connections: %+v", r.Connections)
	}
	last := time.UnixMilli(w.clock.wall.Load())
	if end := r.Connections[0].Expires; end.UnixMilli()%10_000 != 0 || end.Before(last.Add(9*time.Second)) || end.After(last.Add(19*time.Second)) {
		t.Errorf("a connection of %v that may be silent for 9 s ends at %v", last, end)
	}
	if got := r.Traffic.Responses.Last; got != wire.ReplyHeaderSize {
		t.Errorf("a reply without a body has %d bytes, want %d", got, wire.ReplyHeaderSize)
	}
}
