package server

import (
	"slices"
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// alarmed is a leader of three servers and what it lets pass.
type alarmed struct {
	*testing.T
	s   *Server
	o   *script
	now int64
}

func newAlarmed(t *testing.T, id zab.PeerID) *alarmed {
	a := &alarmed{T: t, now: 1000}
	a.s, a.o = scripted(t, id, &a.now)
	for id := range zab.PeerID(3) {
		a.o.ensemble.Members = append(a.o.ensemble.Members, zab.Member{ID: id + 1, Weight: 1})
	}
	activate(a.s)
	return a
}

// says delivers a member's report.
func (a *alarmed) says(from zab.PeerID, low bool) {
	a.s.Deliver(zab.Delivery{Kind: zab.DeliverTouch, From: from, Data: jute.AppendInt(jute.AppendLong(nil, 0), boolInt(low))})
}

func (a *alarmed) tick() {
	a.now += a.s.TickEvery().Milliseconds()
	a.s.Tick()
}

// is holds what the leader does with a write that a server forwards, with one of its own clients, and what it reports, against who is low.
func (a *alarmed) is(when string, low ...int64) {
	a.Helper()
	x := znode.Txn{Session: 5, Op: znode.Op{Kind: znode.KindCreate, Path: "/x"}}
	payloads := [][]byte{znode.AppendTxn(nil, &x)}
	a.s.Vet(3, payloads)
	if err := znode.DecodeTxn(payloads[0], &x); err != nil {
		a.Fatal(err)
	}
	refuses := len(low) > 0
	if forwarded, own := x.Flags&znode.FlagNoGrow != 0, a.s.znodeFlags()&znode.FlagNoGrow != 0; forwarded != refuses || own != refuses {
		a.Errorf("%s: growth is refused to a client of another server: %v, to one of the leader: %v, want %v", when, forwarded, own, refuses)
	}
	if d := a.s.Report(0).Data; !slices.Equal(d.LowDisks, low) || d.DiskLow != slices.Contains(low, 1) {
		a.Errorf("%s: reported as low: %v, own %v, want %v", when, d.LowDisks, d.DiskLow, low)
	}
}

// The leader refuses growth for all servers while any member's disk is low, and no longer.
func TestOneLowDiskIsTheAlarmOfAll(t *testing.T) {
	a := newAlarmed(t, 1)
	a.is("all have room")
	a.says(2, true)
	a.is("server 2 is low", 2)
	a.says(3, true)
	a.s.SetFlag(znode.FlagNoGrow, true)
	a.is("all are low", 1, 2, 3)
	a.says(2, false)
	a.s.SetFlag(znode.FlagNoGrow, false)
	a.is("server 3 is low", 3)
	for range 20 {
		a.tick()
		a.says(3, true)
	}
	a.is("server 3 goes on being low", 3)
	for range alarmTicks {
		a.tick()
	}
	a.is("a few reports of server 3 are lost", 3)
	a.tick()
	a.is("server 3 has died")
	a.says(3, true)
	a.is("server 3 is back", 3)
	a.o.ensemble.Members = a.o.ensemble.Members[:2]
	a.tick()
	a.is("server 3 was removed")
	var later func()
	a.s.opts.Go = func(work func()) { later = work }
	a.says(3, true)
	a.s.SetFlag(znode.FlagNoGrow, true)
	a.is("nobody knows yet whether server 3 is a member", 1)
	later()
	a.is("it is none", 1)
	a.s.SetFlag(znode.FlagNoGrow, false)
	a.s.opts.Go = func(work func()) { work() }
	for range 3 {
		a.says(3, true) // it does not know yet, or follows as one that has only asked to join
		a.is("a removed server reports")
		a.tick()
	}
}

// A follower repeats its alarm with every report, and says once that there is room again. It learns from the leader who is low.
func TestAFollowerReportsItsDisk(t *testing.T) {
	a := newAlarmed(t, 2)
	a.s.SetFlag(znode.FlagNoGrow, true)
	low, room := jute.AppendInt(jute.AppendLong(nil, 0), 1), jute.AppendInt(jute.AppendLong(nil, 0), 0)
	for range 3 {
		a.o.touched = nil
		if a.tick(); !slices.Equal(a.o.touched, low) {
			t.Fatalf("the report of a low disk is %x", a.o.touched)
		}
	}
	if len(a.o.asks) != 1 || !slices.Equal(a.o.questions[0], []byte{questionAlarm}) {
		t.Fatalf("%d questions wait for the leader: %x", len(a.o.asks), a.o.questions)
	}
	a.o.asks[0]([]byte{0, 0, 0, 2, 0, 0, 0, 3}, nil)
	if d := a.s.Report(0).Data; !d.DiskLow || !slices.Equal(d.LowDisks, []int64{2, 3}) {
		t.Errorf("reported: %+v", d)
	}
	a.s.SetFlag(znode.FlagNoGrow, false)
	if a.tick(); !slices.Equal(a.o.touched, room) {
		t.Errorf("the report of room is %x", a.o.touched)
	}
	a.o.touched = nil
	if a.tick(); a.o.touched != nil {
		t.Errorf("a server with room and without clients reports %x", a.o.touched)
	}
	a.o.asks[1]([]byte{0, 0, 0, 3}, nil)
	if d := a.s.Report(0).Data; d.DiskLow || !slices.Equal(d.LowDisks, []int64{3}) {
		t.Errorf("reported: %+v", d)
	}
	// It becomes the leader, and lets nothing slip in until server 3 reports again.
	a.s.SoftStateChanged(zab.SoftState{Role: zab.Leading, Leader: 2, Epoch: 2, Active: true, Confirmed: true, Link: 2})
	a.is("a new leader", 3)
	a.says(3, false)
	a.is("server 3 has room again")
	a.says(1, true)
	a.s.Deliver(zab.Delivery{Kind: zab.DeliverAsk, From: 1, Ctx: 9, Data: []byte{questionAlarm}})
	if len(a.o.answers) != 1 || !slices.Equal(a.o.answers[0], []byte{0, 0, 0, 1}) {
		t.Errorf("the leader answers %v", a.o.answers)
	}
	// It follows again, and hears from the next leader.
	a.s.SoftStateChanged(zab.SoftState{Role: zab.Following, Leader: 1, Epoch: 3, Active: true, Confirmed: true, Link: 3})
	a.tick()
	a.o.asks[2](nil, nil)
	a.is("all have room")
}

// A question that was lost is asked again.
func TestAFollowerAsksAgainWhoIsLow(t *testing.T) {
	a := newAlarmed(t, 2)
	for range askPatienceMs / a.s.TickEvery().Milliseconds() {
		a.tick()
	}
	if len(a.o.asks) != 1 {
		t.Fatalf("%d questions while one waits", len(a.o.asks))
	}
	if a.tick(); len(a.o.asks) != 2 {
		t.Errorf("%d questions after one was lost", len(a.o.asks))
	}
}
