package txnlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
)

// place is where a record of a written log stands.
type place struct {
	file string
	off  int64
}

// written is a closed log on a disk: its segments and, for each batch, where its first record stands.
type written struct {
	disk    *faultfs.Disk
	model   model
	batches []place
}

// writeLog appends batches of the given data sizes, one entry each.
func writeLog(t *testing.T, fill byte, sizes ...int) *written {
	t.Helper()
	w := &written{disk: faultfs.New()}
	l, err := txnlog.Open(w.disk, testDir, faultOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range sizes {
		p := zab.Persist{Entries: chain(w.model.last(), 1, 1, 0)}
		p.Entries[0].Data = bytes.Repeat([]byte{fill}, n)
		mustAppend(t, l, p)
		w.model = w.model.apply(p)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = txnlog.Inspect(w.disk, testDir, func(at txnlog.Location, r *txnlog.Record) error {
		if r.Kind == txnlog.RecordEntry {
			w.batches = append(w.batches, place{at.File, at.Offset})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// frameHeader is what stands before the first record of a batch.
const frameHeader = 40

// zero overwrites n bytes.
func zero(d *faultfs.Disk, file string, off int64, n int) {
	b := d.Bytes(file)
	for i := off; i < off+int64(n); i++ {
		d.Flip(file, i, b[i])
	}
}

func openAgain(d *faultfs.Disk) (*txnlog.Log, string, error) {
	var logs bytes.Buffer
	l, err := txnlog.Open(d, testDir, faultOptions(&logs))
	return l, logs.String(), err
}

func refused(t *testing.T, d *faultfs.Disk, want error, words ...string) {
	t.Helper()
	l, _, err := openAgain(d)
	if err == nil {
		_ = l.Close()
		t.Fatal("the log opened")
	}
	if !errors.Is(err, want) {
		t.Fatalf("%v is not %v", err, want)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

// A last acknowledged batch of zeros, for which no sector tells torn from rotten: the mark knows.
func TestMarkTellsRotFromTornTail(t *testing.T) {
	w := writeLog(t, 0, 100, 3000)
	last := w.batches[1]
	rot := w.disk.Clone()
	rot.Flip(last.file, last.off+1000, 4)
	refused(t, rot, txnlog.ErrCorrupt, last.file, "acknowledged")
	gone := w.disk.Clone()
	zero(gone, last.file, last.off-frameHeader, 3200)
	refused(t, gone, txnlog.ErrCorrupt, last.file, "acknowledged")

	// The documented limit: without the mark it is taken for a tear.
	if err := rot.Remove(testDir + "/mark"); err != nil {
		t.Fatal(err)
	}
	l, said, err := openAgain(rot)
	if err != nil || l.Last() != w.model.entries[0].Zxid || !strings.Contains(said, "bytes=") {
		t.Fatalf("%v, %q", err, said)
	}
	_ = l.Close()
}

// Rot anywhere before the last batch is seen without the mark, and so is rot in a last batch that lacks no sector.
func TestRotWithoutMark(t *testing.T) {
	w := writeLog(t, 0xee, 100, 1500, 10)
	if err := w.disk.Remove(testDir + "/mark"); err != nil {
		t.Fatal(err)
	}
	for i, b := range w.batches {
		d := w.disk.Clone()
		d.Flip(b.file, b.off+frameHeader, 1)
		refused(t, d, txnlog.ErrCorrupt, b.file, fmt.Sprint("offset ", b.off-frameHeader))
		if i+1 < len(w.batches) {
			d = w.disk.Clone()
			zero(d, b.file, b.off-frameHeader, 60)
			refused(t, d, txnlog.ErrCorrupt, b.file)
		}
	}
}

// Any set of lost sectors of a write that nobody was told of is a torn tail: one line, and the log goes on.
func TestTornTailIsCutWithOneLine(t *testing.T) {
	w := writeLog(t, 0xee, 100, 2600)
	if err := w.disk.Remove(testDir + "/mark"); err != nil {
		t.Fatal(err)
	}
	b := w.batches[1]
	start, end := b.off-frameHeader, b.off+2650
	for lost := 1; lost < 1<<6; lost++ {
		d := w.disk.Clone()
		kept := false
		for s := start / 512; s <= end/512; s++ {
			lo, hi := max(start, s*512), min(end, (s+1)*512)
			if lost>>(s-start/512)&1 != 0 {
				zero(d, b.file, lo, int(hi-lo))
			} else {
				kept = true
			}
		}
		l, said, err := openAgain(d)
		if err != nil {
			t.Fatalf("lost %b: %v", lost, err)
		}
		if l.Last() != w.model.entries[0].Zxid {
			t.Fatalf("lost %b: last is %v", lost, l.Last())
		}
		if got := strings.Count(said, "torn tail"); kept && got != 1 {
			t.Fatalf("lost %b: it said %q", lost, said)
		}
		_ = l.Close()
		if l, said, err = openAgain(d); err != nil || said != "" {
			t.Fatalf("lost %b, opened again: %v, %q", lost, err, said)
		}
		_ = l.Close()
	}
}

func TestForeignAndNewerDirectories(t *testing.T) {
	w := writeLog(t, 1, 10)
	for what, change := range map[string]func(id *txnlog.Identity){
		"cluster":     func(id *txnlog.Identity) { id.Cluster[3]++ },
		"incarnation": func(id *txnlog.Identity) { id.Incarnation[3]++ },
		"server":      func(id *txnlog.Identity) { id.Peer++ },
	} {
		opt := faultOptions(nil)
		change(&opt.Identity)
		_, err := txnlog.Open(w.disk, testDir, opt)
		if !errors.Is(err, txnlog.ErrForeign) || !strings.Contains(err.Error(), "another "+what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.disk.Flip(w.batches[0].file, 8, 2) // format version 1 -> 3
	refused(t, w.disk, txnlog.ErrNewer, "format 3")
}

func TestMissingSegments(t *testing.T) {
	w := writeLog(t, 1, 5000, 5000, 5000, 5000)
	var files []string
	for _, f := range w.disk.Files() {
		if strings.HasSuffix(f, ".log") {
			files = append(files, f)
		}
	}
	if len(files) < 3 {
		t.Fatalf("%d segments", len(files))
	}
	for i, f := range files[1:] {
		d := w.disk.Clone()
		if err := d.Remove(f); err != nil {
			t.Fatal(err)
		}
		word := "is missing"
		if i == len(files)-2 {
			word = "acknowledged" // the newest: the mark knows
		}
		refused(t, d, txnlog.ErrCorrupt, word)
	}
	d := w.disk.Clone()
	for _, f := range files {
		if err := d.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, d, txnlog.ErrCorrupt, "segments are missing")
}

// A block that belongs elsewhere: its checksum is fine, its place is not.
func TestMisdirectedBlocks(t *testing.T) {
	w := writeLog(t, 7, 400, 400, 400)
	b := w.disk.Bytes(w.batches[0].file)
	from, to := w.batches[0].off-frameHeader, w.batches[1].off-frameHeader
	for i := range int64(440) {
		w.disk.Flip(w.batches[1].file, to+i, b[from+i]^b[to+i])
	}
	refused(t, w.disk, txnlog.ErrCorrupt, fmt.Sprint("offset ", to))
}

func TestSecondServerIsRefused(t *testing.T) {
	dir := t.TempDir()
	opt := txnlog.Options{Identity: testIdentity, SegmentBytes: 8 << 10}
	l, err := txnlog.Open(txnlog.OS{}, dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	_, err = txnlog.Open(txnlog.OS{}, dir, opt)
	if !errors.Is(err, txnlog.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", syscall.Getpid())) {
		t.Errorf("second open: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = txnlog.Open(txnlog.OS{}, dir, opt); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(zab.Persist{}); err != nil { // an empty batch is done at once
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Append(zab.Persist{}); !errors.Is(err, txnlog.ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
}

// A full disk is announced while a segment's worth of room is left, and is over when there is room again.
func TestFullDiskIsAnnouncedEarly(t *testing.T) {
	d := faultfs.New()
	d.SetCapacity(20 << 10) // two segments of 8 KiB and the mark fit, a third does not
	l, err := txnlog.Open(d, testDir, faultOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := l.Reserve(); err != nil {
		t.Fatal(err)
	}
	appended := 0
	for l.Reserve() == nil {
		mustAppend(t, l, zab.Persist{Entries: chain(l.Last(), 1, 1, 500)})
		appended++
	}
	if err := l.Reserve(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the reserve says %v", err)
	}
	room := 0
	for ; room < 10; room++ {
		mustAppend(t, l, zab.Persist{Entries: chain(l.Last(), 1, 1, 500)})
	}
	d.SetCapacity(1 << 20)
	_ = l.Reserve() // tries again
	if err := l.Reserve(); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	for range 100 {
		mustAppend(t, l, zab.Persist{Entries: chain(l.Last(), 1, 1, 500)})
	}
	if sp, err := txnlog.FreeSpace(d, testDir); err != nil || sp.Total != 1<<20 {
		t.Errorf("%+v, %v", sp, err)
	}
}
