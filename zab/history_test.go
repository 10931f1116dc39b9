package zab

import (
	"slices"
	"testing"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// frozenLog is a log that stays as it is: what is handed to it as a batch is still under way.
type frozenLog struct {
	Log
	entries []Entry
}

func (l frozenLog) Base() SnapshotMeta { return SnapshotMeta{} }
func (l frozenLog) Last() zxid.ID      { return l.entries[len(l.entries)-1].Zxid }

func (l frozenLog) Floor(z zxid.ID) zxid.ID {
	i := slices.IndexFunc(l.entries, func(e Entry) bool { return e.Zxid > z })
	if i < 0 {
		i = len(l.entries)
	}
	if i == 0 {
		return 0
	}
	return l.entries[i-1].Zxid
}

func (l frozenLog) Entries(after zxid.ID, _ int) ([]Entry, error) {
	i := slices.IndexFunc(l.entries, func(e Entry) bool { return e.Zxid > after })
	if i < 0 {
		return nil, nil
	}
	return l.entries[i:], nil
}

// tenEntries is a history whose ten entries are in the log and not in memory.
func tenEntries(t *testing.T) history {
	t.Helper()
	var l frozenLog
	prev := zxid.ID(0)
	for i := range 10 {
		e := Entry{Zxid: zxid.New(1, uint32(i)), Prev: prev, Kind: EntryTxn}
		l.entries, prev = append(l.entries, e), e.Zxid
	}
	h, err := newHistory(l)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// What is truncated here is gone at once, though the log has it until the batch that truncates it is written. It is neither sent nor applied.
func TestHistoryShowsNothingThatIsTruncated(t *testing.T) {
	h := tenEntries(t)
	at := zxid.New(1, 5)
	h.truncateTo(at)
	h.push(Entry{Zxid: zxid.New(2, 0), Prev: at, Kind: EntryNewLeader})
	var got []zxid.ID
	for z := zxid.New(1, 3); z < h.last; {
		es, err := h.entries(z, 1<<20)
		if err != nil || len(es) == 0 {
			t.Fatal(es, err)
		}
		for _, e := range es {
			got = append(got, e.Zxid)
		}
		z = es[len(es)-1].Zxid
	}
	if want := []zxid.ID{zxid.New(1, 4), at, zxid.New(2, 0)}; !slices.Equal(got, want) {
		t.Errorf("after a truncation to %v the history goes on with %v, want %v", at, got, want)
	}
}

// A batch that was under way when an image took the place of the history says nothing of the history behind the image.
func TestHistoryBehindAnImageIsNotDurableByOldBatches(t *testing.T) {
	h := tenEntries(t)
	h.push(Entry{Zxid: zxid.New(1, 10), Prev: zxid.New(1, 9), Kind: EntryTxn})
	old := h.take(0, nil)
	h.install(Snapshot{From: 2, SnapshotMeta: SnapshotMeta{Zxid: zxid.New(1, 8)}})
	image := h.take(0, nil)
	if h.persisted(old.Seq); h.durable != 0 {
		t.Errorf("%v counts as durable, and the image is not", h.durable)
	}
	if h.persisted(image.Seq); h.durable != zxid.New(1, 8) {
		t.Errorf("%v is durable, want the image", h.durable)
	}
}
