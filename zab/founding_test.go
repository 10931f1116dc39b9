package zab_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// newLeader is the first NEWLEADER of a history, with the ensemble that it puts there; "" is one of a version that put none there.
func newLeader(t *testing.T, text string) zab.Entry {
	t.Helper()
	e := zab.Entry{Zxid: zxid.New(1, 0), Kind: zab.EntryNewLeader, Data: []byte{0, 0, 0, 1}}
	if text != "" {
		e.Data = append(e.Data, zab.EncodeReconfig(ensemble(t, text), nil)...)
	}
	return e
}

// The first leader puts the ensemble into the history with its NEWLEADER, and from there on no other file counts: not after a restart, and not with an image.
func TestFirstLeaderRecordsTheEnsemble(t *testing.T) {
	d := zabtest.NewDisk()
	c := alone(t, d, 0, 0)
	work(t, c, d)
	in := c.Status().Ensemble.Committed
	if in.Version != zxid.New(1, 0) || len(in.Members) != 1 {
		t.Fatalf("in effect: %v", in)
	}
	again := begin(t, 1, three, d)
	if got := again.Status().Ensemble; len(got.Committed.Members) != 1 {
		t.Errorf("after a restart with other lines: %v", got.Committed)
	}
	if meta := c.SnapshotMeta(in.Version); len(meta.Ensemble.Members) != 1 {
		t.Errorf("an image says %v", meta.Ensemble)
	}
}

// A server that stands alone has no address for peers, and the log keeps its ensemble all the same.
func TestEnsembleWithoutAddress(t *testing.T) {
	e := zab.Ensemble{Members: []zab.Member{{ID: 1, Weight: 1}}}
	got, _, err := zab.DecodeReconfig(zab.EncodeReconfig(e, nil))
	if err != nil || got.String() != e.String() {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"server.1=", "server.1=;2181"} {
		if _, err := zab.ParseEnsemble(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// Two servers that join, each a voter by its own file together with one member, get the votes of all three while that member hears nobody else. They fetch its
// history, and by the ensemble in it they are no voters: they do not lead beside the members.
func TestJoinersDoNotLeadByTheirOwnFiles(t *testing.T) {
	for _, recorded := range []bool{true, false} {
		d := zabtest.NewDisk()
		c := begin(t, 4, "server.1=a:1:1\nserver.4=d:1:1\nserver.5=e:1:1", d)
		first := newLeader(t, "")
		if recorded {
			first = newLeader(t, three)
		}
		history := []zab.Entry{first, {Zxid: zxid.New(1, 1), Prev: zxid.New(1, 0), Kind: zab.EntryTxn}}
		leads := false
		for range 60 {
			c.Tick(1)
			for _, m := range hear(c, d).messages {
				if m.To != 1 && m.To != 5 { // they are cut off
					continue
				}
				switch reply := (zab.Message{From: m.To, Epoch: m.Epoch, Seq: 1}); m.Type {
				case zab.MsgPreVote, zab.MsgVote:
					reply.Type = m.Type + 1
					if m.To == 1 {
						reply.Zxid = zxid.New(1, 1)
					} else {
						reply.Flag = true
					}
					tell(t, c, reply)
				case zab.MsgPull:
					tell(t, c, zab.Message{Type: zab.MsgHistory, From: m.To, Epoch: m.Epoch, Prev: m.Zxid, Entries: history})
				}
			}
			leads = leads || c.Status().Soft.Role == zab.Leading
		}
		if leads == recorded {
			t.Errorf("the history has an ensemble: %v, and a joiner leads: %v", recorded, leads)
		}
	}
}

// An image that is older than the first ensemble of the history brings none: who gets it keeps his own bootstrap configuration, not that of the sender.
func TestImageBringsNoBootstrap(t *testing.T) {
	old := zabtest.NewDisk()
	at := zxid.New(1, 1)
	old.Write(zab.Persist{Seq: 1, HardState: &zab.HardState{Promised: 1, Commit: at}, Entries: []zab.Entry{newLeader(t, ""), {Zxid: at, Prev: zxid.New(1, 0), Kind: zab.EntryTxn}}})
	old.Sync(1)
	sender := begin(t, 1, three, old)
	m := sender.SnapMessage(zab.SnapSend{To: 4, Epoch: 2}, sender.SnapshotMeta(at))
	d := zabtest.NewDisk()
	mine := "server.1=a:1:1\nserver.2=b:1:1\nserver.4=d:1:1"
	c := begin(t, 4, mine, d)
	tell(t, c, zab.Message{Type: zab.MsgPing, From: 1, Epoch: 2, Flag: true})
	hear(c, d)
	d.Stage(at, []zabtest.Applied{{Zxid: at}})
	tell(t, c, m)
	hear(c, d)
	if d.Last() != at {
		t.Fatalf("the image is not installed: %v", d.Last())
	}
	again, err := zab.New(zab.Config{ID: 4, Ensemble: ensemble(t, mine), Log: d, Applied: at, Rand: rand.NewPCG(1, 1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*zab.Core{c, again} {
		if got := c.Status().Ensemble.Committed; !got.Votes(4) || got.Votes(3) {
			t.Errorf("in effect is %v, want its own", got)
		}
	}
}

// While an ensemble is being founded its servers do not say yet of which cluster they are, and may be linked with those of another one. Nothing that is committed
// is lost by that: a server that meets a leader of another history ends.
func TestLeaderOfAnotherHistory(t *testing.T) {
	d := zabtest.NewDisk()
	at := zxid.New(1, 1)
	d.Write(zab.Persist{Seq: 1, HardState: &zab.HardState{Promised: 1, Commit: at}, Entries: []zab.Entry{newLeader(t, three), {Zxid: at, Prev: zxid.New(1, 0), Kind: zab.EntryTxn}}})
	d.Sync(1)
	for name, prev := range map[string]zxid.ID{"from the beginning": 0, "behind an entry with the number of ours": zxid.New(1, 0)} {
		c := begin(t, 1, three, d)
		step(t, c, zab.Message{Type: zab.MsgPing, From: 2, Epoch: 9, Flag: true})
		hear(c, d)
		why := ""
		func() {
			defer func() { why = fmt.Sprint(recover()) }()
			step(t, c, zab.Message{Type: zab.MsgProposal, From: 2, Epoch: 9, Prev: prev,
				Entries: []zab.Entry{{Zxid: zxid.New(9, 0), Prev: prev, Kind: zab.EntryNewLeader, Data: []byte{0, 0, 0, 2}}}})
		}()
		if !strings.Contains(why, "is committed here") {
			t.Errorf("%s: it goes on: %s", name, why)
		}
		if d.Last() != at {
			t.Errorf("%s: its history ends at %v", name, d.Last())
		}
	}
}

// tell gives a message to server 4.
func tell(t *testing.T, c *zab.Core, m zab.Message) {
	t.Helper()
	m.To = 4
	if err := c.Step(m); err != nil {
		t.Fatal(err)
	}
}
