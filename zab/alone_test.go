package zab_test

import (
	"math/rand/v2"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/zab/zxid"
)

func ensemble(t testing.TB, text string) zab.Ensemble {
	t.Helper()
	e, err := zab.ParseEnsemble(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func alone(t testing.TB, d *zabtest.Disk, applied zxid.ID, last uint32) *zab.Core {
	t.Helper()
	c, err := zab.New(zab.Config{ID: 1, Ensemble: ensemble(t, "server.1=a:1:1"), Log: d, Applied: applied,
		Rand: rand.NewPCG(1, 1), Limits: zab.Limits{LastCounter: last}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// work does what a shell does, with a disk that is done at once, and returns what was applied.
func work(t testing.TB, c *zab.Core, d *zabtest.Disk) (applied []zab.Entry) {
	t.Helper()
	for c.HasReady() {
		r := c.Ready()
		if r.Fatal != nil {
			t.Fatal(r.Fatal)
		}
		applied = append(applied, r.Committed...)
		if n := len(r.Committed); n > 0 {
			c.Applied(r.Committed[n-1].Zxid)
		}
		c.Advance()
		if r.Persist != nil {
			d.Write(*r.Persist)
			d.Sync(r.Persist.Seq)
			c.Persisted(r.Persist.Seq)
		}
		if err := c.CheckInvariants(); err != nil {
			t.Fatal(err)
		}
	}
	return applied
}

// An ensemble of one opens its epoch in its first Ready, without a tick, and goes on after a restart in a new epoch.
func TestAloneLeadsAtOnce(t *testing.T) {
	d := zabtest.NewDisk()
	c := alone(t, d, 0, 0)
	r := c.Ready()
	if r.Persist == nil || len(r.Persist.Entries) != 1 || r.Persist.HardState == nil || r.Persist.HardState.Vote != 1 {
		t.Fatalf("first Ready:\n%v", r)
	}
	c.Advance()
	d.Write(*r.Persist)
	d.Sync(r.Persist.Seq)
	c.Persisted(r.Persist.Seq)
	work(t, c, d)
	if s := c.Status(); !s.Soft.Active || s.Commit != zxid.New(1, 0) {
		t.Fatalf("not active: %v", s)
	}
	first, err := c.Propose(1000, [][]byte{[]byte("a"), []byte("b")})
	if err != nil || first != zxid.New(1, 1) {
		t.Fatal(first, err)
	}
	if got := work(t, c, d); len(got) != 2 || string(got[1].Data) != "b" {
		t.Fatalf("applied %v", got)
	}
	c = alone(t, d, zxid.New(1, 1), 0) // the state had saved only the first
	got := work(t, c, d)
	if len(got) != 2 || got[0].Zxid != zxid.New(1, 2) || got[1].Kind != zab.EntryNewLeader || got[1].Zxid != zxid.New(2, 0) {
		t.Fatalf("after the restart: %v", got)
	}
}

// The counter runs out: a new epoch without leaving leadership; nothing is refused in an ensemble of one.
func TestAloneRollsEpoch(t *testing.T) {
	d := zabtest.NewDisk()
	c := alone(t, d, 0, 3)
	work(t, c, d)
	var last zxid.ID
	for i := range 10 {
		z, err := c.Propose(int64(i), [][]byte{{byte(i)}})
		if err != nil || z <= last {
			t.Fatal(z, err)
		}
		last = z
		work(t, c, d)
	}
	if s := c.Status(); s.Counters.EpochRolls != 3 || last != zxid.New(4, 1) {
		t.Fatalf("last %v, %+v", last, s.Counters)
	}
}

// A read waits for what is proposed, not only for what is committed: a client's own write that is under way must not take effect behind
// a read that it asked for later.
func TestReadIndexCoversProposals(t *testing.T) {
	d := zabtest.NewDisk()
	c := alone(t, d, 0, 0)
	work(t, c, d)
	proposed, err := c.Propose(1000, [][]byte{[]byte("under way")})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ReadIndex(7); err != nil {
		t.Fatal(err)
	}
	r := c.Ready()
	if len(r.Reads) != 1 || r.Reads[0].Zxid != proposed || len(r.Committed) != 0 {
		t.Fatalf("want a read at %v before it commits, got\n%v", proposed, r)
	}
}

// A read in an ensemble of one needs nobody.
func TestAloneReads(t *testing.T) {
	d := zabtest.NewDisk()
	c := alone(t, d, 0, 0)
	work(t, c, d)
	if err := c.ReadIndex(7); err != nil {
		t.Fatal(err)
	}
	if r := c.Ready(); len(r.Reads) != 1 || r.Reads[0].Ctx != 7 || r.Reads[0].Zxid != zxid.New(1, 0) {
		t.Fatalf("%v", r)
	}
}

// A new generation begins above everything of the old one.
func TestGenerationRaisesEpoch(t *testing.T) {
	d := zabtest.NewDisk()
	work(t, alone(t, d, 0, 0), d)
	c, err := zab.New(zab.Config{ID: 1, Ensemble: ensemble(t, "server.1=a:1:1"), Log: d, Rand: rand.NewPCG(1, 1), Generation: 3})
	if err != nil {
		t.Fatal(err)
	}
	work(t, c, d)
	if s := c.Status(); s.Last != zxid.New(zxid.NewEpoch(3, 1), 0) {
		t.Fatalf("last %v", s.Last)
	}
}

// A damaged log is refused with a reason: acknowledged entries may not be missing.
func TestNewRefusesLostHistory(t *testing.T) {
	d := zabtest.NewDisk()
	c := alone(t, d, 0, 0)
	work(t, c, d)
	_, err := zab.New(zab.Config{ID: 1, Ensemble: ensemble(t, "server.1=a:1:1"), Log: zabtest.NewDisk(), Applied: zxid.New(1, 0), Rand: rand.NewPCG(1, 1)})
	if err == nil {
		t.Fatal("started with a state that is ahead of its log")
	}
	short := zabtest.NewDisk() // it remembers that it has committed what it does not have
	short.Write(zab.Persist{Seq: 1, HardState: &zab.HardState{Promised: 1, Commit: zxid.New(1, 7)},
		Entries: []zab.Entry{{Zxid: zxid.New(1, 0), Kind: zab.EntryNewLeader}}})
	short.Sync(1)
	if _, err := zab.New(zab.Config{ID: 1, Ensemble: ensemble(t, three), Log: short, Rand: rand.NewPCG(1, 1)}); err == nil {
		t.Fatal("started with a log that ends before what was committed")
	}
}

func BenchmarkProposeAlone(b *testing.B) {
	d := zabtest.NewDisk()
	c := alone(b, d, 0, 0)
	work(b, c, d)
	batch := make([][]byte, 100)
	for i := range batch {
		batch[i] = make([]byte, 100)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Propose(1, batch); err != nil {
			b.Fatal(err)
		}
		for c.HasReady() {
			r := c.Ready()
			if n := len(r.Committed); n > 0 {
				c.Applied(r.Committed[n-1].Zxid)
			}
			c.Advance()
			if r.Persist != nil {
				c.Persisted(r.Persist.Seq)
			}
		}
	}
}

// What the history says about the membership counts, whatever version the bootstrap configuration bears: a file may have come from another ensemble.
func TestHistoryCountsWhateverVersionTheBootstrapBears(t *testing.T) {
	d := zabtest.NewDisk()
	first := ensemble(t, "server.1=a:1:1\nversion=500000000")
	begin := func(applied zxid.ID) *zab.Core {
		c, err := zab.New(zab.Config{ID: 1, Ensemble: first, Log: d, Applied: applied, Rand: rand.NewPCG(1, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := begin(0)
	work(t, c, d)
	z, err := c.ProposeReconfig(0, ensemble(t, "server.1=a:1:1\nserver.2=b:1:1:observer"), nil)
	if err != nil {
		t.Fatal(err)
	}
	image := work(t, c, d)
	for _, compacted := range []bool{false, true} {
		if compacted { // an image from before the reconfiguration has the bootstrap in it
			d.Compact(c.SnapshotMeta(image[0].Zxid-1), nil)
		}
		if e := begin(d.Base().Zxid).Status().Ensemble.Committed; e.Version != z || len(e.Members) != 2 {
			t.Errorf("compacted %v: after the restart the ensemble is %v of version %v, and the reconfiguration at %v made another", compacted, e, e.Version, z)
		}
	}
}
