package txnlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Readers see a prefix that only grows while batches are appended and old segments go.
func TestReadWhileAppending(t *testing.T) {
	l, err := txnlog.Open(txnlog.OS{}, t.TempDir(), txnlog.Options{Identity: testIdentity, SegmentBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				after := l.Base().Zxid
				for {
					list, err := l.Entries(after, 20000)
					if errors.Is(err, zab.ErrCompacted) {
						break
					}
					if err != nil {
						t.Error(err)
						return
					}
					if len(list) == 0 {
						break
					}
					for _, e := range list {
						if e.Prev != after || e.Data[0] != byte(e.Zxid)|1 {
							t.Errorf("%v follows %v, not %v", e.Zxid, e.Prev, after)
							return
						}
						after = e.Zxid
					}
				}
			}
		})
	}
	for i := range 300 {
		mustAppend(t, l, zab.Persist{Entries: chain(l.Last(), 1, 20, 100)})
		if i%50 == 49 {
			if err := l.CompactBefore(l.Last() - 1000); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	wg.Wait()
	if l.Base().Zxid == 0 {
		t.Error("nothing was compacted")
	}
}

// A disk that hangs in a sync holds up the append and nobody else.
func TestReadersDoNotWaitForASync(t *testing.T) {
	d := faultfs.New()
	l, err := txnlog.Open(d, testDir, faultOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, zab.Persist{Entries: chain(0, 1, 3, 100)})
	hangs, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	d.Hook(func(op faultfs.Op) error {
		if op.Kind == "sync" {
			close(hangs)
			<-goOn
		}
		return nil
	})
	last := l.Last()
	go func() { done <- l.Append(zab.Persist{Entries: chain(last, 1, 1, 100)}) }()
	<-hangs
	list, err := l.Entries(0, 1<<20)
	if err != nil || len(list) != 3 || l.Last() != last || l.Floor(last) != last {
		t.Errorf("while a sync hangs: %d entries, last %v, %v", len(list), l.Last(), err)
	}
	d.Hook(nil)
	close(goOn)
	if err := <-done; err != nil || l.Last() != last+1 {
		t.Errorf("after it: last %v, %v", l.Last(), err)
	}
	_ = l.Close()
}

// Floor names the greatest zxid at or below; the base counts; what was voided or compacted does not.
func TestFloor(t *testing.T) {
	d := faultfs.New()
	l, err := txnlog.Open(d, testDir, faultOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Reset(zab.SnapshotMeta{Zxid: zxid.New(2, 10)}); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, zab.Persist{Entries: chain(zxid.New(2, 10), 2, 5, 300)})
	mustAppend(t, l, zab.Persist{Entries: chain(l.Last(), 4, 9, 300)})
	if err := l.TruncateAfter(zxid.New(4, 3)); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, zab.Persist{Entries: chain(l.Last(), 6, 2, 300)})
	for _, c := range []struct{ z, want zxid.ID }{
		{zxid.New(2, 9), 0}, {zxid.New(2, 10), zxid.New(2, 10)}, {zxid.New(2, 12), zxid.New(2, 12)}, {zxid.New(3, 0), zxid.New(2, 15)},
		{zxid.New(4, 3), zxid.New(4, 3)}, {zxid.New(4, 5), zxid.New(4, 3)}, {zxid.New(6, 1), zxid.New(6, 1)}, {zxid.New(9, 1), zxid.New(6, 2)},
	} {
		if got := l.Floor(c.z); got != c.want {
			t.Errorf("Floor(%v) = %v, want %v", c.z, got, c.want)
		}
	}
	if _, err := l.Entries(zxid.New(2, 9), 100); !errors.Is(err, zab.ErrCompacted) {
		t.Errorf("entries below the base: %v", err)
	}
	for _, bad := range []zab.Persist{
		{Entries: chain(zxid.New(6, 1), 6, 1, 1)},
		{Entries: chain(zxid.New(4, 9), 6, 1, 1)},
	} {
		if err := l.Append(bad); err == nil {
			t.Errorf("appended %v after %v", bad.Entries[0].Zxid, bad.Entries[0].Prev)
		}
	}
	if err := l.TruncateAfter(zxid.New(4, 5)); err == nil {
		t.Error("truncated to an entry that is not there")
	}
	mustAppend(t, l, zab.Persist{Entries: chain(l.Last(), 6, 1, 1)}) // a refused batch wrote nothing and broke nothing
	_ = l.Close()
}

// Membership follows the history through reconfigurations, truncation, compaction and images, before and after a restart.
func TestReconfigsAndBaseEnsemble(t *testing.T) {
	d := faultfs.New()
	opt := faultOptions(nil)
	l, err := txnlog.Open(d, testDir, opt)
	if err != nil {
		t.Fatal(err)
	}
	reconfig := func(version zxid.ID) zab.Persist {
		e := chain(l.Last(), 1, 1, 0)
		e[0].Kind = zab.EntryReconfig
		e[0].Data = zab.EncodeReconfig(zab.Ensemble{Version: version, Members: []zab.Member{{ID: 1, Addr: "h:1:2", Weight: 1}}}, []byte("text"))
		return zab.Persist{Entries: e}
	}
	fill := func() { mustAppend(t, l, zab.Persist{Entries: chain(l.Last(), 1, 3, 2500)}) }
	fill()
	mustAppend(t, l, reconfig(11))
	made := l.Last() // whatever version the text bears
	fill()
	back := l.Last()
	mustAppend(t, l, reconfig(12))
	fill()
	if err := l.TruncateAfter(back); err != nil {
		t.Fatal(err)
	}
	fill()
	check := func(base zxid.ID, reconfigs int) {
		t.Helper()
		if got := l.Base().Ensemble.Version; got != base {
			t.Errorf("base has version %v, want %v", got, base)
		}
		if got := len(l.Reconfigs()); got != reconfigs {
			t.Errorf("%d reconfigurations, want %d", got, reconfigs)
		}
	}
	again := func() {
		t.Helper()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if l, err = txnlog.Open(d, testDir, opt); err != nil {
			t.Fatal(err)
		}
	}
	check(0, 1)
	again()
	check(0, 1)
	if err := l.CompactBefore(back); err != nil {
		t.Fatal(err)
	}
	check(made, 0)
	again()
	check(made, 0)
	_ = l.Close()
}

func TestInspectListsEveryRecord(t *testing.T) {
	w := writeLog(t, 5, 100, 200)
	before := fmt.Sprint(w.disk.Ops())
	var out bytes.Buffer
	rep, err := txnlog.Inspect(w.disk, testDir, func(at txnlog.Location, r *txnlog.Record) error {
		fmt.Fprintf(&out, "%s@%d %v %v\n", at.File[len(testDir)+1:], at.Offset, r.Kind, r.Zxid)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `0000000000000001-0000000000000000.log@552 anchor 0x0
0000000000000001-0000000000000000.log@580 hard-state 0x0
0000000000000001-0000000000000000.log@648 entry 0x100000001
0000000000000001-0000000000000000.log@824 entry 0x100000002
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	if rep.Identity != testIdentity || rep.Segments != 1 || rep.Records != 4 || rep.Last != zxid.New(1, 2) || rep.Torn != 0 {
		t.Errorf("%+v", rep)
	}
	if fmt.Sprint(w.disk.Ops()) != before {
		t.Error("inspecting changed the disk")
	}
}
