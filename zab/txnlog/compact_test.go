package txnlog_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// several makes a disk with a closed log of several segments, one of which is begun by a truncation, and returns what it holds.
func several(t *testing.T) (*faultfs.Disk, model) {
	t.Helper()
	d := faultfs.New()
	l, err := txnlog.Open(d, testDir, faultOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	var m model
	put := func(p zab.Persist) {
		mustAppend(t, l, p)
		m = m.apply(p)
	}
	for range 9 {
		put(zab.Persist{Entries: chain(m.last(), 1, 3, 900)})
	}
	back := m.entries[len(m.entries)-3].Zxid
	put(zab.Persist{Truncate: &back, Entries: chain(back, 2, 1, 900)})
	for range 6 {
		put(zab.Persist{Entries: chain(m.last(), 2, 3, 900)})
	}
	if n := l.Stats().Segments; n < 5 {
		t.Fatalf("only %d segments", n)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return d, m
}

// lastOf is the last live entry of each segment, by reading every record; the active segment is left out.
func lastOf(t *testing.T, d *faultfs.Disk) (lasts []zxid.ID) {
	t.Helper()
	var file string
	var at zxid.ID
	_, err := txnlog.Inspect(d, testDir, func(l txnlog.Location, r *txnlog.Record) error {
		if file != "" && l.File != file {
			lasts = append(lasts, at)
		}
		file = l.File
		if r.Kind == txnlog.RecordEntry || r.Kind == txnlog.RecordTruncate {
			at = r.Zxid
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lasts
}

// Compaction to any z keeps every entry after z, and lets go of every segment that ends at z or before.
func TestCompactToEveryZxid(t *testing.T) {
	d, m := several(t)
	lasts := lastOf(t, d)
	for _, e := range m.entries {
		again := d.Clone()
		l, err := txnlog.Open(again, testDir, faultOptions(nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.CompactBefore(e.Zxid); err != nil {
			t.Fatal(err)
		}
		var want zxid.ID // the base: the last entry of the newest segment that may go
		for _, z := range lasts {
			if z <= e.Zxid {
				want = z
			}
		}
		for _, when := range []string{"at once", "opened again"} {
			if base := l.Base().Zxid; base != want {
				t.Errorf("%s: compacted to %v, the log begins after %v, want %v", when, e.Zxid, base, want)
			}
			if err := m.holds(l); err != nil {
				t.Errorf("%s: compacted to %v: %v", when, e.Zxid, err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if l, err = txnlog.Open(again, testDir, faultOptions(nil)); err != nil {
				t.Fatalf("compacted to %v: %v", e.Zxid, err)
			}
		}
		_ = l.Close()
	}
}

// Truncation to any z keeps z, and all before it, and nothing after it.
func TestTruncateToEveryZxid(t *testing.T) {
	d, whole := several(t)
	for i, e := range whole.entries {
		again := d.Clone()
		l, err := txnlog.Open(again, testDir, faultOptions(nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.TruncateAfter(e.Zxid); err != nil {
			t.Fatal(err)
		}
		m := model{entries: whole.entries[:i+1], state: whole.state}
		for _, when := range []string{"at once", "opened again"} {
			if err := m.holds(l); err != nil {
				t.Fatalf("%s: truncated to %v: %v", when, e.Zxid, err)
			}
			if l.Floor(e.Zxid) != e.Zxid || l.Floor(e.Zxid+1) != e.Zxid {
				t.Fatalf("%s: truncated to %v: Floor says %v, and %v of the next", when, e.Zxid, l.Floor(e.Zxid), l.Floor(e.Zxid+1))
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if l, err = txnlog.Open(again, testDir, faultOptions(nil)); err != nil {
				t.Fatalf("truncated to %v: %v", e.Zxid, err)
			}
		}
		more := zab.Persist{Entries: chain(l.Last(), 7, 1, 10)}
		mustAppend(t, l, more)
		if err := m.apply(more).holds(l); err != nil {
			t.Fatalf("truncated to %v and went on: %v", e.Zxid, err)
		}
		_ = l.Close()
	}
}

// Appends go on while the file of an old segment is being removed: that may take long, and nobody who writes waits for it.
func TestAppendsDoNotWaitForACompaction(t *testing.T) {
	for _, kind := range []string{"remove", "syncdir"} {
		d, m := several(t)
		l, err := txnlog.Open(d, testDir, faultOptions(nil))
		if err != nil {
			t.Fatal(err)
		}
		hangs, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		held := false
		d.Hook(func(op faultfs.Op) error {
			if op.Kind == kind && !held {
				held = true
				close(hangs)
				<-goOn
			}
			return nil
		})
		go func() { done <- l.CompactBefore(m.entries[12].Zxid) }()
		<-hangs
		p := zab.Persist{Entries: chain(m.last(), 2, 1, 10)}
		mustAppend(t, l, p)
		close(goOn)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := m.apply(p).holds(l); err != nil {
			t.Error(err)
		}
		if l.Base().Zxid == 0 {
			t.Error("nothing was compacted")
		}
		_ = l.Close()
	}
}

// The files of old segments go one after the other, the oldest first, and each absence is durable before the next: no crash leaves a gap.
func TestCompactionRemovesTheOldestFirst(t *testing.T) {
	d, m := several(t)
	l, err := txnlog.Open(d, testDir, faultOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	var did []string
	d.Hook(func(op faultfs.Op) error {
		did = append(did, op.Kind+" "+filepath.Base(op.Path))
		return nil
	})
	if err := l.CompactBefore(m.last()); err != nil {
		t.Fatal(err)
	}
	d.Hook(nil)
	if len(did) < 6 {
		t.Fatalf("steps %q", did)
	}
	for i := 0; i+1 < len(did); i += 2 {
		if want := fmt.Sprintf("remove %016x", i/2+1); !strings.HasPrefix(did[i], want) || !strings.HasPrefix(did[i+1], "syncdir") {
			t.Errorf("steps %d and %d are %q and %q, want %q and a sync of the folder", i, i+1, did[i], did[i+1], want)
		}
	}
	_ = l.Close()
}

// Several batches may come at once, and a later one may truncate what an earlier one appends, or replace it by an image.
func TestTruncateWhatCameInTheSameAppend(t *testing.T) {
	d := faultfs.New()
	l, err := txnlog.Open(d, testDir, faultOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	first := zab.Persist{Entries: chain(0, 1, 3, 50)}
	back, image := first.Entries[1].Zxid, zxid.New(4, 9)
	for _, batches := range [][]zab.Persist{
		{first, {Truncate: &back, Entries: chain(back, 2, 2, 50)}},
		{{Entries: chain(zxid.New(2, 2), 2, 2, 50)}, {Snapshot: &zab.Snapshot{SnapshotMeta: zab.SnapshotMeta{Zxid: image}}}, {Entries: chain(image, 4, 2, 50)}},
	} {
		m, err := found(l)
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, batches...)
		for _, b := range batches {
			m = m.apply(b)
		}
		if err := m.holds(l); err != nil {
			t.Error(err)
		}
		if err := checkRecovery(d.Clone(), m, nil); err != nil {
			t.Error(err)
		}
	}
	_ = l.Close()
}
