package server

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// script is an Orderer whose every answer comes when the test says so.
type script struct {
	reads     []func(error)
	asks      []func([]byte, error)
	answers   [][]byte
	touched   []byte
	proposed  [][]byte
	ensemble  zab.Ensemble
	questions [][]byte
}

func (s *script) Propose(p [][]byte) error                   { s.proposed = append(s.proposed, p...); return nil }
func (s *script) ReadIndex(done func(error))                 { s.reads = append(s.reads, done) }
func (s *script) Answer(_ zab.PeerID, _ uint64, b []byte)    { s.answers = append(s.answers, b) }
func (s *script) Touch(b []byte)                             { s.touched = b }
func (s *script) SetDigest(zxid.ID, uint64)                  {}
func (s *script) Reconfig(zab.Ensemble, []byte, func(error)) {}
func (s *script) Status() zab.Status {
	return zab.Status{Ensemble: zab.EnsembleChange{Committed: s.ensemble}}
}

func (s *script) Ask(b []byte, done func([]byte, error)) {
	s.questions, s.asks = append(s.questions, b), append(s.asks, done)
}

// scripted is a server over a script, with time that stands still but for the test.
func scripted(t *testing.T, id zab.PeerID, now *int64) (*Server, *script) {
	t.Helper()
	set, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	o := &script{}
	s := New(Options{ID: id, Boot: 7, Orderer: o, State: znode.NewState(znode.Options{}), Auth: set, Rand: rand.NewChaCha8([32]byte{1}),
		Clock:    Clock{Mono: func() int64 { return *now * 1e6 }, Wall: func() int64 { return *now }},
		Sessions: SessionOptions{TickMs: 500}, Features: Features{Flushers: -1}, Go: func(work func()) { work() }})
	t.Cleanup(s.Stop)
	return s, o
}

// activate makes a scripted server lead or follow server 1.
func activate(s *Server) {
	role := zab.Following
	if s.opts.ID == 1 {
		role = zab.Leading
	}
	s.SoftStateChanged(zab.SoftState{Role: role, Leader: 1, Epoch: 1, Active: true, Confirmed: true, Link: 1})
}

// soon fails the test if f does not return although nothing that it may wait for is missing.
func soon(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s waits for a lock that another goroutine holds for long", what)
	}
}

var fromHere = netip.MustParseAddrPort("10.0.0.1:1000")

// hello feeds a handshake to a connection that the test drives.
func hello(s *Server, q wire.ConnectRequest) *listener.Hand {
	h := listener.New(s, listener.Options{}).Hand(fromHere)
	b, mark := wire.BeginFrame(nil)
	b = q.Append(b)
	wire.EndFrame(b, mark)
	h.Feed(b)
	h.Step()
	return h
}

// The goroutine of the protocol runs Vet and the errors of ReadIndex. It must not wait for the session table, which is locked while all
// sessions are walked, nor for the state, which is locked while an image is loaded: heartbeats wait behind it.
func TestTheProtocolWaitsForNoLock(t *testing.T) {
	now := int64(1000)
	s, o := scripted(t, 1, &now)
	activate(s)
	x := znode.Txn{Session: 5, Op: znode.Op{Kind: znode.KindSetData, Path: "/x", Version: -1}}
	payload := znode.AppendTxn(nil, &x)
	s.sess.mu.Lock()
	soon(t, "Vet", func() { s.Vet(2, [][]byte{payload}) })
	s.sess.mu.Unlock()

	h := hello(s, wire.ConnectRequest{Timeout: 4000, Session: 0x100, Password: make([]byte, wire.PasswordSize)})
	if len(o.reads) != 1 {
		t.Fatalf("an unknown session makes the server ask the ensemble %d times", len(o.reads))
	}
	s.state.Lock()
	soon(t, "the error of a read index", func() { o.reads[0](zab.ErrNotActive) })
	s.state.Unlock()
	if h.Step(); !h.Over() {
		t.Error("the connection goes on although nobody knows its session")
	}
}

// Vet allocates nothing for what it lets pass.
func TestVetDecodesNothingThatItLetsPass(t *testing.T) {
	now := int64(1000)
	s, _ := scripted(t, 1, &now)
	activate(s)
	x := znode.Txn{Session: 5, Op: znode.Op{Kind: znode.KindSetData, Path: "/x", Data: make([]byte, 1000), Version: -1}}
	payloads := [][]byte{znode.AppendTxn(nil, &x)}
	if n := testing.AllocsPerRun(100, func() { s.Vet(2, payloads) }); n != 0 {
		t.Errorf("Vet allocates %v times", n)
	}
}

// A leader applies what its own disk has, so a follower may know a session first. The leader must not say that such a session is over: it
// answers when it has applied all that was committed when it was asked.
func TestALeaderIsNotAskedInVainAboutASessionThatItHasNotApplied(t *testing.T) {
	now := int64(1000)
	s, o := scripted(t, 1, &now)
	activate(s)
	const id = session.ID(0x200)
	s.Deliver(zab.Delivery{Kind: zab.DeliverAsk, From: 2, Ctx: 1, Data: askRevalidate(id, 4000)})
	if len(o.answers) != 0 {
		t.Fatalf("the leader answers %x before it has applied what is committed", o.answers[0])
	}
	x := znode.Txn{Session: id, Op: znode.Op{Kind: znode.KindCreateSession, Timeout: 4000, Password: make([]byte, wire.PasswordSize)}}
	s.Apply([]zab.Entry{{Zxid: zxid.New(zxid.NewEpoch(0, 1), 1), Kind: zab.EntryTxn, Data: znode.AppendTxn(nil, &x)}})
	o.reads[0](nil)
	if len(o.answers) != 1 || len(o.answers[0]) != 1 || o.answers[0][0] != answerValid {
		t.Fatalf("the answers are %x", o.answers)
	}
	s.Deliver(zab.Delivery{Kind: zab.DeliverAsk, From: 2, Ctx: 2, Data: askRevalidate(id+1, 4000)})
	o.reads[1](errors.New("lost"))
	if len(o.answers) != 1 {
		t.Fatalf("the leader answers %x without a quorum", o.answers[1])
	}
	s.Deliver(zab.Delivery{Kind: zab.DeliverAsk, From: 2, Ctx: 3, Data: askRevalidate(id+1, 4000)})
	o.reads[2](nil)
	if len(o.answers) != 2 || o.answers[1][0] != answerInvalid {
		t.Fatalf("a session that does not exist: the answers are %x", o.answers)
	}
}

// A sync that comes while confirmations are under way must not be answered by one of them: they began before it, and may have been
// confirmed before a write that its client knows of.
func TestASyncJoinsNoConfirmationThatIsUnderWay(t *testing.T) {
	now := int64(1000)
	s, o := scripted(t, 1, &now)
	activate(s)
	reply := func(h *listener.Hand) bool { return len(h.Take()) > 0 }
	var hands []*listener.Hand
	at := zxid.New(zxid.NewEpoch(0, 1), 0)
	for range 10 {
		h := hello(s, wire.ConnectRequest{Timeout: 4000, Password: make([]byte, wire.PasswordSize)})
		at++
		s.Apply([]zab.Entry{{Zxid: at, Kind: zab.EntryTxn, Data: o.proposed[len(o.proposed)-1]}})
		if h.Step(); !reply(h) {
			t.Fatal("no session")
		}
		hands = append(hands, h)
	}
	sync := func(h *listener.Hand) {
		h.Feed(wire.AppendRequest(nil, 1, wire.OpSync, func(b []byte) []byte { return jute.AppendText(b, "/") }))
		h.Step()
	}
	sync(hands[0])
	for i, h := range hands[1:] {
		asked := len(o.reads)
		sync(h)
		o.reads[0](nil)
		o.reads = o.reads[1:]
		if !reply(hands[i]) {
			t.Fatalf("sync %d is not answered by its own confirmation", i)
		}
		if reply(h) {
			t.Fatalf("sync %d is answered by a confirmation that began before it (%d under way)", i+1, asked)
		}
	}
	// More than may be under way at once: the rest wait for the next, all together.
	for _, h := range hands[:9] {
		sync(h)
	}
	if want := 1 + 3; len(o.reads) != want { // one is left from above
		t.Fatalf("%d confirmations are under way, want %d", len(o.reads), want)
	}
	first := o.reads[0]
	o.reads = o.reads[1:]
	first(nil)
	if !reply(hands[9]) {
		t.Fatal("the oldest sync is not answered")
	}
	answered := 0
	for _, h := range hands[:9] {
		if reply(h) {
			answered++
		}
	}
	if answered != 0 {
		t.Fatalf("%d syncs are answered by a confirmation that began before them", answered)
	}
	for len(o.reads) > 0 {
		next := o.reads[0]
		o.reads = o.reads[1:]
		next(nil)
	}
	for i, h := range hands[:9] {
		if !reply(h) {
			t.Errorf("sync %d is never answered", i)
		}
	}
}

// A session is taken over only with its whole password. (Comparing as far as the client has sent lets an empty one pass.)
func TestASessionIsTakenOverWithItsWholePasswordOnly(t *testing.T) {
	for _, local := range []bool{false, true} {
		now := int64(1000)
		s, o := scripted(t, 1, &now)
		s.opts.Sessions.Local = local
		activate(s)
		h := hello(s, wire.ConnectRequest{Timeout: 4000, Password: make([]byte, wire.PasswordSize)})
		if !local {
			s.Apply([]zab.Entry{{Zxid: zxid.New(zxid.NewEpoch(0, 1), 1), Kind: zab.EntryTxn, Data: o.proposed[0]}})
		}
		h.Step()
		welcome := func(h *listener.Hand) (p wire.ConnectResponse) {
			out := h.Take()
			if len(out) < 4 {
				t.Fatal("no answer to the handshake")
			}
			r := jute.NewReader(out[4:])
			if p.Decode(&r); r.Err() != nil {
				t.Fatal(r.Err())
			}
			return p
		}
		mine := welcome(h)
		if mine.Session == 0 {
			t.Fatal("no session")
		}
		for _, row := range []struct {
			name string
			pw   []byte
			ok   bool
		}{
			{"null", nil, false}, {"empty", []byte{}, false}, {"the first byte", mine.Password[:1], false}, {"all but one byte", mine.Password[:15], false},
			{"one byte more", append(mine.Password[:], 0), false}, {"zeros", make([]byte, 16), false}, {"the password", mine.Password[:], true},
		} {
			h := hello(s, wire.ConnectRequest{Timeout: 4000, Session: mine.Session, Password: row.pw})
			if got := welcome(h).Session == mine.Session; got != row.ok {
				t.Errorf("local %v, %s: taken over %v", local, row.name, got)
			}
		}
	}
}

// Work that waits for the goroutine of the protocol goes through Options.Go, where a simulator sees it.
func TestAReconfigIsJudgedThroughOptionsGo(t *testing.T) {
	now := int64(1000)
	s, o := scripted(t, 1, &now)
	activate(s)
	var later []func()
	s.opts.Go = func(work func()) { later = append(later, work) }
	question := []byte{questionReconfig}
	question = (&wire.ReconfigRequest{ConfigID: 77}).Append(question)
	question = jute.AppendBuffer(question, nil)
	s.Deliver(zab.Delivery{Kind: zab.DeliverAsk, From: 2, Ctx: 1, Data: question})
	if len(later) != 1 || len(o.answers) != 0 {
		t.Fatalf("%d pieces of work were handed over, %d answers given", len(later), len(o.answers))
	}
	later[0]()
	if len(o.answers) != 1 {
		t.Fatalf("%d answers", len(o.answers))
	}
}
