package peer

import (
	"math/rand/v2"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// One Ready with all of it: what is committed first, then who leads, then reads.
func TestOrderWithinOneReady(t *testing.T) {
	p := &Peer{waiting: waiting{reads: map[uint64]func(error){5: func(error) {}}}}
	p.applyQ.init()
	Steps{peer: p}.Hand(&zab.Ready{Soft: &zab.SoftState{Link: 2}, Committed: []zab.Entry{{Zxid: 1}}, Reads: []zab.ReadState{{Ctx: 5, Zxid: 1}}})
	jobs, _ := p.applyQ.popAll(nil)
	if len(jobs) != 3 || jobs[0].entries == nil || jobs[1].soft == nil || jobs[2].read == nil {
		t.Errorf("handed out as %+v", jobs)
	}
}

// fed is what the core of an ensemble of one makes of one mailful, fed part by part: its first batch is durable, a server that joins has promised
// epoch 7, a proposal, and a call that looks at the end of the history.
func fed(t *testing.T, order string) (last zxid.ID) {
	t.Helper()
	w := newWorld(t, 1, zab.Limits{})
	p, err := New(Config{Core: zab.Config{ID: 1, Ensemble: w.ensemble, Rand: rand.NewPCG(1, 1)}, Log: newDisk()})
	if err != nil {
		t.Fatal(err)
	}
	s := p.ByHand(Environment{Machine: &machine{w: w, id: 1}})
	s.Drain()
	var b Batches
	if !s.TakeBatches(&b) {
		t.Fatal("nothing for the log")
	}
	if err := s.Append(&b); err != nil {
		t.Fatal(err)
	}
	mail := Mail{
		Persisted: b.persist[len(b.persist)-1].Seq,
		Messages:  []zab.Message{{Type: zab.MsgJoin, From: 2, To: 1}, {Type: zab.MsgHigher, From: 2, To: 1, Epoch: 1, Seq: 7}},
		Proposals: [][]byte{[]byte("a")},
		Calls:     []func(error){func(error) { last = s.Core().Status().Last }},
	}
	for _, part := range order {
		switch part {
		case 'D':
			s.Feed(&Mail{Persisted: mail.Persisted})
		case 'M':
			s.Feed(&Mail{Messages: mail.Messages})
		case 'P':
			s.Feed(&Mail{Proposals: mail.Proposals})
		case 'C':
			s.Feed(&Mail{Calls: mail.Calls})
		default:
			s.Feed(&mail)
		}
	}
	return last
}

// One mailful is fed in one order: what is durable, messages, proposals, calls. A core that is fed in any other order says something else.
func TestFeedKeepsTheOrder(t *testing.T) {
	right := fed(t, "*")
	if got := fed(t, "DMPC"); got != right {
		t.Errorf("the history ends at %v, want %v", right, got)
	}
	for _, wrong := range []string{"MDPC", "DPMC", "DMCP"} {
		if got := fed(t, wrong); got == right {
			t.Errorf("%s makes no difference: the history ends at %v", wrong, got)
		}
	}
}
