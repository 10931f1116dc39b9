package zab_test

import (
	"math/rand/v2"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/zab/zxid"
)

const three = "server.1=a:1:1\nserver.2=b:1:1\nserver.3=c:1:1"

func begin(t *testing.T, id zab.PeerID, text string, d *zabtest.Disk) *zab.Core {
	t.Helper()
	c, err := zab.New(zab.Config{ID: id, Ensemble: ensemble(t, text), Log: d, Rand: rand.NewPCG(1, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A joiner that was told of one server too few hears better, and asks the new one too.
func TestJoinListHelpsAJoiner(t *testing.T) {
	d := zabtest.NewDisk()
	c := begin(t, 4, "server.1=a:1:1", d)
	work(t, c, d)
	if !c.SetJoinList(ensemble(t, three)) {
		t.Fatal("refused")
	}
	if c.SetJoinList(ensemble(t, three)) {
		t.Error("the same again is taken for news")
	}
	asked := map[zab.PeerID]bool{}
	told := false
	for range 100 {
		c.Tick(1)
		for c.HasReady() {
			r := c.Ready()
			told = told || r.Ensemble != nil && len(r.Ensemble.Committed.Members) == 3
			for _, m := range append(r.Messages, r.After...) {
				if m.Type != zab.MsgJoin {
					t.Errorf("a joiner says %v", m.Type)
				}
				asked[m.To] = true
			}
			c.Advance()
			if r.Persist != nil {
				d.Write(*r.Persist)
				d.Sync(r.Persist.Seq)
				c.Persisted(r.Persist.Seq)
			}
		}
	}
	if !told || len(asked) != 3 {
		t.Errorf("told %v, asked %v", told, asked)
	}
}

// What is in the history, a vote, or the promise of one is never changed by a join list.
func TestJoinListChangesNoMember(t *testing.T) {
	reconfigured := zabtest.NewDisk()
	next := ensemble(t, three)
	reconfigured.Write(zab.Persist{Seq: 1, HardState: &zab.HardState{Promised: zxid.NewEpoch(0, 1)}, Entries: []zab.Entry{
		{Zxid: 0x100000000, Kind: zab.EntryNewLeader}, {Zxid: 0x100000001, Prev: 0x100000000, Kind: zab.EntryReconfig, Data: zab.EncodeReconfig(next, nil)}}})
	reconfigured.Sync(1)
	for name, c := range map[string]struct {
		core *zab.Core
		say  string
	}{
		"a member":                            {begin(t, 1, three, zabtest.NewDisk()), "server.1=a:1:1"},
		"a joiner whose history tells":        {begin(t, 4, "server.1=a:1:1", reconfigured), "server.1=a:1:1\nserver.9=z:1:1"},
		"a joiner that is to be given a vote": {begin(t, 4, three, zabtest.NewDisk()), three + "\nserver.4=d:1:1"},
		"a joiner that hears no voter":        {begin(t, 4, three, zabtest.NewDisk()), ""},
	} {
		before := c.core.Status().Ensemble.Committed.String()
		e, _ := zab.ParseEnsemble(c.say)
		if c.core.SetJoinList(e) || c.core.Status().Ensemble.Committed.String() != before {
			t.Errorf("%s takes the list", name)
		}
	}
}
