package zab_test

import (
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// A disk that was empty when it found a leader, and was not filled, may lack what it once acknowledged: its server does not stand, and asks who leads.
func TestPartlyFilledDiskDoesNotStand(t *testing.T) {
	d := zabtest.NewDisk()
	entries := []zab.Entry{{Zxid: zxid.New(1, 0), Kind: zab.EntryNewLeader}, {Zxid: zxid.New(1, 1), Prev: zxid.New(1, 0), Kind: zab.EntryTxn}}
	d.Write(zab.Persist{Seq: 1, HardState: &zab.HardState{Promised: 1, Fill: zxid.New(1, 9)}, Entries: entries})
	d.Sync(1)
	c := begin(t, 1, three, d)
	joins := 0
	for range 100 {
		c.Tick(1)
		s := hear(c, d)
		if n := len(s.of(zab.MsgPreVote)) + len(s.of(zab.MsgVote)); n > 0 {
			t.Fatal("it wants to lead")
		}
		joins += len(s.of(zab.MsgJoin))
	}
	if joins == 0 {
		t.Error("it asks nobody who leads")
	}
}

// What a follower acknowledged, and then lost with its disk, does not count for a majority any more.
func TestAcknowledgementsEndWithTheDisk(t *testing.T) {
	c, d := leads(t, zab.Limits{})
	e := c.Status().Soft.Epoch
	z, err := c.Propose(1, [][]byte{{1}})
	if err != nil {
		t.Fatal(err)
	}
	r := c.Ready()
	c.Advance()
	if r.Persist == nil {
		t.Fatal("nothing to write")
	}
	step(t, c, zab.Message{Type: zab.MsgAck, Epoch: e, Zxid: z})
	step(t, c, zab.Message{Type: zab.MsgPong, Epoch: e}) // its history ends at 0
	d.Write(*r.Persist)
	d.Sync(r.Persist.Seq)
	c.Persisted(r.Persist.Seq)
	hear(c, d)
	if got := c.Status().Commit; got >= z {
		t.Fatalf("%v is committed, and only one disk of three has %v", got, z)
	}
	step(t, c, zab.Message{Type: zab.MsgAck, Epoch: e, Zxid: z, From: 3})
	hear(c, d)
	if got := c.Status().Commit; got != z {
		t.Errorf("%v is committed, want %v: two disks have it", got, z)
	}
}

// That a new ensemble is in effect is made durable, without anything else to write: after a crash the server must not ask the old one first.
func TestCommittedEnsembleIsDurable(t *testing.T) {
	d := zabtest.NewDisk()
	c := alone(t, d, 0, 0)
	work(t, c, d)
	z, err := c.ProposeReconfig(1, ensemble(t, "server.1=c:1:1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	work(t, c, d)
	if got := c.Status().Commit; got != z {
		t.Fatalf("%v is committed, want %v", got, z)
	}
	if got := d.HardState().Commit; got < z {
		t.Errorf("the disk says that %v is committed, and the ensemble of %v is in effect", got, z)
	}
}

// A server whose file makes it a voter, and whose leader says that it is none, does not stand when that leader is gone: others like it would be a quorum with it that
// meets none of the members'.
func TestWhoIsNoMemberDoesNotStand(t *testing.T) {
	for _, outside := range []bool{false, true} {
		d := zabtest.NewDisk()
		c := begin(t, 1, three, d)
		step(t, c, zab.Message{Type: zab.MsgPing, From: 2, Epoch: 1, Flag: true, Reject: outside})
		hear(c, d)
		stands := 0
		for range 100 {
			c.Tick(1)
			s := hear(c, d)
			stands += len(s.of(zab.MsgPreVote))
		}
		if (stands == 0) != outside {
			t.Errorf("no member %v, and it asks for %d votes", outside, stands)
		}
	}
}

// A candidate with an empty disk that has fetched a part of the newest history, and did not come to lead, is as blank as before: with its vote and
// that of a server that lags, an epoch would begin without what the others have committed. The disk remembers it over a restart.
func TestPartlyPulledDiskIsBlank(t *testing.T) {
	d := zabtest.NewDisk()
	c := begin(t, 1, three, d)
	// ask answers what it asks of 2 and 3, until it asks for want.
	ask := func(want zab.MsgType) zab.Message {
		for range 200 {
			c.Tick(1)
			s := hear(c, d)
			if asked := s.of(want); len(asked) > 0 {
				return asked[0]
			}
			for asked, answer := range map[zab.MsgType]zab.MsgType{zab.MsgPreVote: zab.MsgPreVoteResp, zab.MsgVote: zab.MsgVoteResp} {
				for _, m := range s.of(asked) {
					step(t, c, zab.Message{Type: answer, From: m.To, Epoch: m.Epoch, Zxid: zxid.New(1, 2), Seq: 1})
				}
			}
		}
		t.Fatalf("it never asks for %v", want)
		return zab.Message{}
	}
	pull := ask(zab.MsgPull)
	part := []zab.Entry{{Zxid: zxid.New(1, 0), Kind: zab.EntryNewLeader}, {Zxid: zxid.New(1, 1), Prev: zxid.New(1, 0), Kind: zab.EntryTxn}}
	step(t, c, zab.Message{Type: zab.MsgHistory, From: pull.To, Epoch: pull.Epoch, Entries: part})
	hear(c, d)
	if d.Last() != zxid.New(1, 1) {
		t.Fatalf("it has fetched up to %v", d.Last())
	}
	c = begin(t, 1, three, d)
	hear(c, d)
	step(t, c, zab.Message{Type: zab.MsgVote, Epoch: pull.Epoch + 1, Zxid: zxid.New(1, 1)})
	s := hear(c, d)
	if answers := s.of(zab.MsgVoteResp); len(answers) != 1 || !answers[0].Flag {
		t.Errorf("its promise does not say that its disk is blank: %+v", answers)
	}
}
