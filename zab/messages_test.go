package zab_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// said is what a core has said and handed out.
type said struct {
	messages []zab.Message
	reads    []zab.ReadState
	inbox    []zab.Delivery
	fatal    error
}

// of are the messages of one type.
func (s *said) of(t zab.MsgType) (list []zab.Message) {
	for _, m := range s.messages {
		if m.Type == t {
			list = append(list, m)
		}
	}
	return list
}

// hear does what a shell does, with a disk that is done at once, and returns what the core has said.
func hear(c *zab.Core, d *zabtest.Disk) (s said) {
	for c.HasReady() {
		r := c.Ready()
		s.messages = append(s.messages, r.Messages...)
		s.reads, s.inbox = append(s.reads, r.Reads...), append(s.inbox, r.Inbox...)
		if s.fatal = r.Fatal; s.fatal != nil {
			return s
		}
		c.Advance()
		if r.Persist != nil {
			d.Write(*r.Persist)
			d.Sync(r.Persist.Seq)
			c.Persisted(r.Persist.Seq)
		}
		s.messages = append(s.messages, r.After...)
	}
	return s
}

func step(t *testing.T, c *zab.Core, m zab.Message) {
	t.Helper()
	if m.To = 1; m.From == 0 {
		m.From = 2
	}
	if err := c.Step(m); err != nil {
		t.Fatal(err)
	}
}

// campaign lets time pass at server 1 until it asks for votes, with the pre-vote of server 2, and returns the epoch that it asks for.
func campaign(t *testing.T, c *zab.Core, d *zabtest.Disk) zxid.Epoch {
	t.Helper()
	for range 200 {
		c.Tick(1)
		s := hear(c, d)
		if v := s.of(zab.MsgVote); len(v) > 0 {
			return v[0].Epoch
		}
		if p := s.of(zab.MsgPreVote); len(p) > 0 {
			step(t, c, zab.Message{Type: zab.MsgPreVoteResp, Epoch: p[0].Epoch})
		}
	}
	t.Fatal("server 1 never asks for votes")
	return 0
}

// founder is server 1 of three that found their ensemble.
func founder(t *testing.T, limits zab.Limits) (*zab.Core, *zabtest.Disk) {
	t.Helper()
	d := zabtest.NewDisk()
	c, err := zab.New(zab.Config{ID: 1, Ensemble: ensemble(t, three), Log: d, Rand: rand.NewPCG(1, 1), Founder: true, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	return c, d
}

// leads makes server 1 of three the active leader of the first epoch, with server 2 behind it.
func leads(t *testing.T, limits zab.Limits) (*zab.Core, *zabtest.Disk) {
	t.Helper()
	c, d := founder(t, limits)
	e := campaign(t, c, d)
	step(t, c, zab.Message{Type: zab.MsgVoteResp, Epoch: e})
	hear(c, d)
	step(t, c, zab.Message{Type: zab.MsgAck, Epoch: e, Zxid: zxid.New(e, 0)})
	hear(c, d)
	if s := c.Status().Soft; s.Role != zab.Leading || !s.Active {
		t.Fatalf("server 1 does not lead: %v", s)
	}
	return c, d
}

// A promise counts for the epoch for which it was given, and for no other.
func TestPromiseOfAnotherEpochDoesNotCount(t *testing.T) {
	c, d := founder(t, zab.Limits{})
	first := campaign(t, c, d)
	second := first
	for second == first {
		second = campaign(t, c, d)
	}
	step(t, c, zab.Message{Type: zab.MsgVoteResp, Epoch: first})
	hear(c, d)
	if s := c.Status().Soft; s.Role != zab.Looking {
		t.Fatalf("a promise of epoch %d made a leader of epoch %d: %v", first, second, s)
	}
	step(t, c, zab.Message{Type: zab.MsgVoteResp, Epoch: second})
	hear(c, d)
	if s := c.Status().Soft; s.Role != zab.Leading {
		t.Fatalf("a promise of epoch %d does not count: %v", second, s)
	}
}

// A new leader takes nothing before a majority has its epoch: what an older leader has left behind is not decided until then.
func TestNewLeaderWaitsForItsEpoch(t *testing.T) {
	c, d := founder(t, zab.Limits{})
	e := campaign(t, c, d)
	step(t, c, zab.Message{Type: zab.MsgVoteResp, Epoch: e})
	hear(c, d)
	if _, err := c.Propose(1, [][]byte{{1}}); !errors.Is(err, zab.ErrNotActive) {
		t.Errorf("a proposal before the epoch is committed: %v", err)
	}
	if _, err := c.ProposeReconfig(1, ensemble(t, three), nil); !errors.Is(err, zab.ErrNotActive) {
		t.Errorf("a reconfiguration before the epoch is committed: %v", err)
	}
	if err := c.ReadIndex(1); !errors.Is(err, zab.ErrNotActive) {
		t.Errorf("a read before the epoch is committed: %v", err)
	}
	step(t, c, zab.Message{Type: zab.MsgAck, Epoch: e, Zxid: zxid.New(e, 0)})
	if hear(c, d); !c.Status().Soft.Active {
		t.Error("the epoch is committed, and the leader does not serve")
	}
}

// A history is given to the prospective leader to which the promise was given, and to nobody else.
func TestHistoryIsForWhoWasPromised(t *testing.T) {
	d := zabtest.NewDisk()
	c := begin(t, 1, three, d)
	step(t, c, zab.Message{Type: zab.MsgVote, Epoch: 1})
	if s := hear(c, d); len(s.of(zab.MsgVoteResp)) != 1 || s.of(zab.MsgVoteResp)[0].Reject {
		t.Fatalf("no promise: %v", s.messages)
	}
	step(t, c, zab.Message{Type: zab.MsgPull, From: 3, Epoch: 1})
	if s := hear(c, d); len(s.of(zab.MsgHistory)) != 0 {
		t.Errorf("the history went to a server without our promise: %v", s.messages)
	}
	step(t, c, zab.Message{Type: zab.MsgPull, Epoch: 1})
	if s := hear(c, d); len(s.of(zab.MsgHistory)) != 1 {
		t.Errorf("the history did not go to the server with our promise: %v", s.messages)
	}
}

// The last epoch of a generation is the end: the next number would be of a generation that a restore has yet to open.
func TestGenerationWithoutEpochsEnds(t *testing.T) {
	d := zabtest.NewDisk()
	d.Write(zab.Persist{Seq: 1, HardState: &zab.HardState{Promised: zxid.NewEpoch(1, zxid.MaxTerm)}})
	d.Sync(1)
	c := begin(t, 1, "server.1=a:1:1", d)
	if s := hear(c, d); s.fatal == nil {
		t.Fatalf("a new epoch was opened behind the last one: %v", c.Status())
	}
}

// Each link has its first forward once: a late duplicate of it, from a link that its sender has left, is not proposed a second time.
func TestLinkThatWasLeftIsNotTakenAgain(t *testing.T) {
	c, d := leads(t, zab.Limits{})
	e := c.Status().Soft.Epoch
	forward := func(link uint64) int {
		step(t, c, zab.Message{Type: zab.MsgForward, Epoch: e, Seq: 1, Link: link, Payloads: [][]byte{{1}}})
		s := hear(c, d)
		return len(s.inbox)
	}
	if forward(11) != 1 || forward(13) != 1 {
		t.Fatal("the first forward of a new link is not taken")
	}
	if forward(11) != 0 {
		t.Error("the late duplicate of a link that was left is taken")
	}
}

// A question is answered behind all that was forwarded before it.
func TestQuestionDoesNotOvertakeForwards(t *testing.T) {
	c, d := leads(t, zab.Limits{})
	e := c.Status().Soft.Epoch
	ask := zab.Message{Type: zab.MsgAsk, Epoch: e, Ctx: 5, Link: 11, Seq: 1, Data: []byte{1}}
	step(t, c, ask)
	if s := hear(c, d); len(s.inbox) != 0 {
		t.Errorf("a question overtook a forward: %v", s.inbox)
	}
	step(t, c, zab.Message{Type: zab.MsgForward, Epoch: e, Seq: 1, Link: 11, Payloads: [][]byte{{1}}})
	step(t, c, ask)
	if s := hear(c, d); len(s.inbox) != 2 || s.inbox[1].Kind != zab.DeliverAsk {
		t.Errorf("a question behind its forward is lost: %v", s.inbox)
	}
}

// Leadership is handed over when the successor has everything, not before.
func TestTransferWaitsForTheSuccessor(t *testing.T) {
	c, d := leads(t, zab.Limits{})
	e := c.Status().Soft.Epoch
	last, err := c.Propose(1, [][]byte{{1}})
	if err != nil {
		t.Fatal(err)
	}
	hear(c, d)
	if err := c.Transfer(2); err != nil {
		t.Fatal(err)
	}
	if s := hear(c, d); len(s.of(zab.MsgTimeoutNow)) != 0 {
		t.Fatal("the successor is told to take over, and lacks a transaction")
	}
	if _, err := c.Propose(2, [][]byte{{2}}); !errors.Is(err, zab.ErrBusy) {
		t.Errorf("a proposal during the hand-over: %v", err)
	}
	step(t, c, zab.Message{Type: zab.MsgAck, Epoch: e, Zxid: last})
	if s := hear(c, d); len(s.of(zab.MsgTimeoutNow)) != 1 {
		t.Fatal("the successor has everything, and is not told")
	}
}

// A transaction bears the time that the leader's clock said, also after a clock that was ahead: only what was written meanwhile is wrong,
// and a restart does not change that.
func TestTimeIsWhatTheClockSays(t *testing.T) {
	const year = 365 * 86_400_000
	d := zabtest.NewDisk()
	c := alone(t, d, 0, 0)
	work(t, c, d)
	write := func(now int64) {
		t.Helper()
		if _, err := c.Propose(now, [][]byte{{1}}); err != nil {
			t.Fatal(err)
		}
		if es := work(t, c, d); len(es) != 1 || es[0].Time != now {
			t.Errorf("written at %d: %v", now, es)
		}
	}
	for _, now := range []int64{1000, 1000 + year, 4000} {
		write(now)
	}
	write(5000 + year)
	c = alone(t, d, 0, 0)
	work(t, c, d)
	write(6000)
}

// A leader that is an ensemble of one says nothing of its epoch, to observers or to its own clients, before its promise is durable: after a
// crash it would open the same epoch a second time.
func TestNothingOfAnEpochLeavesBeforeItsPromise(t *testing.T) {
	c := begin(t, 1, "server.1=a:1:1\nserver.2=b:1:1:observer", zabtest.NewDisk())
	r := c.Ready()
	if len(r.Messages) != 0 || r.Soft != nil && r.Soft.Role == zab.Leading {
		t.Errorf("before the promise is durable:\n%v", r)
	}
	c.Advance()
	c.Tick(1)
	if c.HasReady() {
		if r = c.Ready(); len(r.Messages) != 0 || r.Soft != nil && r.Soft.Role == zab.Leading {
			t.Errorf("a tick later:\n%v", r)
		}
		c.Advance()
	}
}

// What is sent to a learner that acknowledges nothing is bounded.
func TestProposalsToASilentLearnerAreBounded(t *testing.T) {
	const size, limit = 1000, 10_000
	c, d := leads(t, zab.Limits{BatchBytes: 2000, InflightBytes: limit})
	sent := 0
	for range 100 {
		if _, err := c.Propose(1, [][]byte{make([]byte, size)}); err != nil {
			t.Fatal(err)
		}
		s := hear(c, d)
		for _, m := range s.of(zab.MsgProposal) {
			if m.To == 2 {
				sent += size * len(m.Entries)
			}
		}
	}
	if sent == 0 || sent > limit+2*size {
		t.Errorf("%d bytes were sent to a server that acknowledges nothing, with a limit of %d", sent, limit)
	}
}

// A count in a message is believed only if what it counts can be there.
func TestLyingCountsCostNoMemory(t *testing.T) {
	m := zab.Message{Type: zab.MsgProposal, From: 2, To: 1, Epoch: 1, Entries: []zab.Entry{{Zxid: zxid.New(1, 1), Prev: zxid.New(1, 0), Kind: zab.EntryTxn}}, Prev: zxid.New(1, 0)}
	b := zab.AppendMessage(nil, &m)
	at := len(b) - 4 - 25 - 4 // the count stands before the only entry: zxid, prev, time, kind, length
	copy(b[at:], []byte{0, 0x0f, 0xff, 0xff})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := zab.DecodeMessage(b, &m); err == nil {
		t.Fatal("a million entries in 100 bytes")
	}
	runtime.ReadMemStats(&after)
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 1<<20 {
		t.Errorf("a message of %d bytes cost %d bytes of memory", len(b), cost)
	}
}

// A read that a follower asks for waits for what is proposed, as one of the leader's own does: its client may have moved there, and must not read past
// a write of its own that is under way.
func TestReadIndexOfAFollowerCoversProposals(t *testing.T) {
	c, d := leads(t, zab.Limits{})
	e := c.Status().Soft.Epoch
	proposed, err := c.Propose(1, [][]byte{[]byte("under way")})
	if err != nil {
		t.Fatal(err)
	}
	hear(c, d)
	step(t, c, zab.Message{Type: zab.MsgReadIndex, Epoch: e, Ctx: 7})
	var answers []zab.Message
	for range 5 {
		s := hear(c, d)
		answers = append(answers, s.of(zab.MsgReadIndexResp)...)
		for _, p := range s.of(zab.MsgPing) {
			if p.To == 2 { // it is there, and its disk has not yet taken the proposal
				step(t, c, zab.Message{Type: zab.MsgPong, Epoch: e, Seq: p.Seq, Commit: p.Zxid, Zxid: zxid.New(e, 0), Prev: zxid.New(e, 0), Ctx: uint64(zxid.New(e, 0))})
			}
		}
		c.Tick(1)
	}
	if len(answers) != 1 || answers[0].Ctx != 7 || answers[0].Zxid != proposed {
		t.Errorf("want one answer at %v, while %v is committed: %v", proposed, c.Status().Commit, answers)
	}
}

// A disk that is filled again in part is as good as an empty one: it may have lost what it acknowledged. It says so with every vote, until it is filled
// as far as the leader that it found had committed.
func TestPartlyFilledDiskVotesAsABlankOne(t *testing.T) {
	for _, x := range []struct {
		fill  zxid.ID
		blank bool
	}{{zxid.New(1, 3), true}, {zxid.New(1, 2), false}, {0, false}} {
		d := zabtest.NewDisk()
		d.Write(zab.Persist{Seq: 1, HardState: &zab.HardState{Promised: 1, Fill: x.fill}, Entries: []zab.Entry{
			{Zxid: zxid.New(1, 0), Kind: zab.EntryNewLeader}, {Zxid: zxid.New(1, 1), Prev: zxid.New(1, 0), Kind: zab.EntryTxn},
			{Zxid: zxid.New(1, 2), Prev: zxid.New(1, 1), Kind: zab.EntryTxn}}})
		d.Sync(1)
		c, err := zab.New(zab.Config{ID: 1, Ensemble: ensemble(t, three), Log: d, Rand: rand.NewPCG(1, 1)})
		if err != nil {
			t.Fatal(err)
		}
		step(t, c, zab.Message{Type: zab.MsgPreVote, Epoch: 2, Zxid: zxid.New(1, 2)})
		step(t, c, zab.Message{Type: zab.MsgVote, Epoch: 2, Zxid: zxid.New(1, 2)})
		s := hear(c, d)
		for _, m := range append(s.of(zab.MsgPreVoteResp), s.of(zab.MsgVoteResp)...) {
			if m.Reject || m.Flag != x.blank {
				t.Errorf("to be filled up to %v: %v", x.fill, m)
			}
		}
		if len(s.of(zab.MsgPreVoteResp)) != 1 || len(s.of(zab.MsgVoteResp)) != 1 {
			t.Errorf("to be filled up to %v: %v", x.fill, s.messages)
		}
	}
}
