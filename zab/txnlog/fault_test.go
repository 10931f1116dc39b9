package txnlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
	"github.com/paddock-zk/paddock/zab/zxid"
)

const testDir = "/data/log"

// faultOptions run everything on the caller's goroutine, so that the n-th I/O is always the same one.
func faultOptions(logs *bytes.Buffer) txnlog.Options {
	opt := txnlog.Options{
		Identity: testIdentity, SegmentBytes: 8 << 10, Rand: rand.NewChaCha8([32]byte{7}),
		Background: func(f func()) { f() },
	}
	if logs != nil {
		opt.Logger = slog.New(slog.NewTextHandler(logs, nil))
	}
	return opt
}

// model is what the log must hold: the acknowledged history, and the step that was under way.
type model struct {
	entries []zab.Entry
	base    zxid.ID
	state   zab.HardState
}

func (m *model) last() zxid.ID {
	if n := len(m.entries); n > 0 {
		return m.entries[n-1].Zxid
	}
	return m.base
}

// apply is the meaning of a batch in five lines.
func (m model) apply(p zab.Persist) model {
	m.entries = append([]zab.Entry(nil), m.entries...)
	if p.HardState != nil {
		m.state = *p.HardState
	}
	if p.Snapshot != nil {
		m.entries, m.base = nil, p.Snapshot.Zxid
	}
	for p.Truncate != nil && len(m.entries) > 0 && m.last() > *p.Truncate {
		m.entries = m.entries[:len(m.entries)-1]
	}
	m.entries = append(m.entries, p.Entries...)
	return m
}

// holds says whether l is in the state of the model; compaction may have moved its base up.
func (m model) holds(l *txnlog.Log) error {
	if l.Last() != m.last() {
		return fmt.Errorf("last is %v, want %v", l.Last(), m.last())
	}
	if l.HardState() != m.state {
		return fmt.Errorf("hard state is %+v, want %+v", l.HardState(), m.state)
	}
	base := l.Base().Zxid
	if base < m.base {
		return fmt.Errorf("base is %v, want %v or later", base, m.base)
	}
	want := m.entries
	for len(want) > 0 && want[0].Zxid <= base {
		want = want[1:]
	}
	got, err := l.Entries(base, 1<<30)
	if err != nil {
		return err
	}
	return sameEntries(got, want)
}

// script is a life of a log with everything in it. It calls done after each step with the state that is acknowledged then, and before
// it try with the state that the step leads to. It stops at the first error.
func script(l *txnlog.Log, m model, try func(model), done func(model)) error {
	step := func(batches ...zab.Persist) error {
		next := m
		for _, b := range batches {
			next = next.apply(b)
			try(next)
		}
		if err := l.Append(batches...); err != nil {
			return err
		}
		m = next
		done(m)
		return nil
	}
	entries := func(n, size int) zab.Persist {
		return zab.Persist{Entries: chain(m.last(), max(1, m.last().Epoch()), n, size)}
	}
	for i := range 6 {
		hs := zab.HardState{Promised: zxid.Epoch(i), Vote: 2, Commit: m.last()}
		first := entries(2, 40)
		second := zab.Persist{HardState: &hs, Entries: chain(first.Entries[1].Zxid, 1, 3, 700)}
		if err := step(first, second); err != nil {
			return err
		}
	}
	back := m.entries[len(m.entries)-4].Zxid
	if err := step(zab.Persist{Truncate: &back, Entries: chain(back, 2, 2, 100)}); err != nil {
		return err
	}
	if err := step(entries(1, 5000)); err != nil {
		return err
	}
	if err := l.CompactBefore(m.entries[10].Zxid); err != nil {
		return err
	}
	ens := zab.Ensemble{Members: []zab.Member{{ID: 1, Addr: "a:1:2", Client: "0.0.0.0:3", Weight: 1}}}
	snap := &zab.Snapshot{SnapshotMeta: zab.SnapshotMeta{Zxid: zxid.New(3, 500), Ensemble: ens}}
	if err := step(zab.Persist{Snapshot: snap, Entries: chain(zxid.New(3, 500), 3, 2, 300)}); err != nil {
		return err
	}
	for range 4 {
		if err := step(entries(4, 900)); err != nil {
			return err
		}
	}
	if err := l.CompactBefore(m.last()); err != nil {
		return err
	}
	return step(entries(1, 10))
}

// runScript runs the script on a disk until it ends or fails, and returns what was acknowledged and what was under way.
func runScript(d *faultfs.Disk) (acked model, open []model, err error) {
	l, err := txnlog.Open(d, testDir, faultOptions(nil))
	if err != nil {
		return acked, nil, err
	}
	defer func() { _ = l.Close() }()
	err = script(l, model{}, func(m model) { open = append(open, m) }, func(m model) { acked, open = m, nil })
	return acked, open, err
}

// checkRecovery opens the disk and wants the acknowledged state or one of those under way; then the log must be usable again.
func checkRecovery(d *faultfs.Disk, acked model, open []model) error {
	var logs bytes.Buffer
	l, err := txnlog.Open(d, testDir, faultOptions(&logs))
	if err != nil {
		return fmt.Errorf("open after the crash: %w", err)
	}
	defer func() { _ = l.Close() }()
	if n := strings.Count(logs.String(), "\n"); n > 1 || n == 1 && !strings.Contains(logs.String(), "bytes=") {
		return fmt.Errorf("the log said %q", logs.String())
	}
	found := acked
	why := acked.holds(l)
	for i := 0; why != nil && i < len(open); i++ {
		if open[i].holds(l) == nil {
			found, why = open[i], nil
		}
	}
	if why != nil {
		return fmt.Errorf("neither the acknowledged state (%w) nor one under way", why)
	}
	more := zab.Persist{Entries: chain(l.Last(), 9, 2, 20)}
	if err := l.Append(more); err != nil {
		return fmt.Errorf("append after the crash: %w", err)
	}
	return found.apply(more).holds(l)
}

// A crash at any I/O keeps all that was acknowledged, whatever of the rest has reached the disk.
func TestCrashAtEveryIO(t *testing.T) {
	whole := faultfs.New()
	if _, _, err := runScript(whole); err != nil {
		t.Fatal(err)
	}
	total := whole.Ops()
	t.Logf("%d I/Os", total)
	for n := 1; n <= total; n++ {
		d := faultfs.New()
		d.CrashAt(n)
		acked, open, err := runScript(d)
		if n <= total-2 && !errors.Is(err, faultfs.ErrCrashed) { // the last ones are those of Close
			t.Fatalf("I/O %d: %v", n, err)
		}
		if err := checkRecovery(d.Clone(), acked, open); err != nil {
			t.Fatalf("killed at I/O %d: %v", n, err)
		}
		for seed := range uint64(12) {
			after := d.Crash(rand.New(rand.NewPCG(uint64(n), seed)))
			if err := checkRecovery(after, acked, open); err != nil {
				t.Fatalf("power cut at I/O %d, seed %d: %v", n, seed, err)
			}
		}
	}
}

// A crash while recovering from a crash is a crash like any other.
func TestCrashWhileOpening(t *testing.T) {
	for _, n := range []int{20, 31, 44, 57} {
		d := faultfs.New()
		d.CrashAt(n)
		acked, open, _ := runScript(d)
		for seed := range uint64(10) {
			first := d.Crash(rand.New(rand.NewPCG(uint64(n), seed)))
			for k := 1; ; k++ {
				again := first.Clone()
				again.CrashAt(k)
				l, err := txnlog.Open(again, testDir, faultOptions(nil))
				if err == nil {
					_ = l.Close()
					break
				}
				if err := checkRecovery(again.Crash(rand.New(rand.NewPCG(seed, uint64(k)))), acked, open); err != nil {
					t.Fatalf("crash at %d, seed %d, again at %d: %v", n, seed, k, err)
				}
			}
		}
	}
}

// Every I/O fails once: the error comes out, is final, and what had been acknowledged is there after a restart.
func TestEveryIOFails(t *testing.T) {
	whole := faultfs.New()
	if _, _, err := runScript(whole); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= whole.Ops(); n++ {
		d := faultfs.New()
		d.FailAt(n, syscall.EIO)
		l, err := txnlog.Open(d, testDir, faultOptions(nil))
		var acked model
		var open []model
		if err == nil {
			err = script(l, model{}, func(m model) { open = append(open, m) }, func(m model) { acked, open = m, nil })
			if err != nil {
				again := l.Append(zab.Persist{HardState: &zab.HardState{Promised: 77}})
				if again == nil || again.Error() != err.Error() {
					t.Fatalf("I/O %d failed with %q, and the call after it said %v", n, err, again)
				}
			}
			_ = l.Close()
		}
		d.Hook(nil)
		if err := checkRecovery(d.Crash(rand.New(rand.NewPCG(uint64(n), 1))), acked, open); err != nil {
			t.Fatalf("I/O %d failed: %v", n, err)
		}
	}
}

// Each byte of a log is inverted in turn: opening refuses, or cuts only what nobody was told is stored, or the byte did not matter.
func TestFlipEveryByte(t *testing.T) {
	for _, marked := range []bool{true, false} {
		d := faultfs.New()
		l, err := txnlog.Open(d, testDir, faultOptions(nil))
		if err != nil {
			t.Fatal(err)
		}
		var m model
		for i := range 9 {
			p := zab.Persist{HardState: &zab.HardState{Promised: zxid.Epoch(i)}, Entries: chain(m.last(), 1, 2, 30+90*i)}
			mustAppend(t, l, p)
			m = m.apply(p)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if !marked { // as if it had never reached the disk
			if err := d.Remove(testDir + "/mark"); err != nil {
				t.Fatal(err)
			}
		}
		refused, unharmed := 0, 0
		for _, file := range d.Files() {
			whole := d.Bytes(file)
			for off := range whole {
				if len(bytes.Trim(whole[off:min(off+128, len(whole))], "\x00")) == 0 && off%61 > 0 {
					continue // one in 61 of the zeros will do
				}
				again := d.Clone()
				again.Flip(file, int64(off), 1<<(off%8))
				var logs bytes.Buffer
				l, err := txnlog.Open(again, testDir, faultOptions(&logs))
				if err != nil {
					refused++
					if !errors.Is(err, txnlog.ErrCorrupt) && !errors.Is(err, txnlog.ErrNewer) || !strings.Contains(err.Error(), file) {
						t.Fatalf("%s, byte %d: %v", file, off, err)
					}
					continue
				}
				unharmed++
				if err := m.holds(l); err != nil {
					t.Fatalf("marked %v, %s, byte %d was inverted and the log opened without something acknowledged: %v", marked, file, off, err)
				}
				_ = l.Close()
			}
		}
		t.Logf("marked %v: %d refused, %d unharmed", marked, refused, unharmed)
		if refused < 6000 {
			t.Errorf("only %d refused", refused)
		}
	}
}

// A founding that is cut short anywhere, by the end of the process or of the power, is done again by the next start, under another identity,
// which is all that a server without an identity can do. A log that holds something is never taken for such a rest.
func TestFoundingCutShort(t *testing.T) {
	other := testIdentity
	other.Cluster[3]++
	ops := 0
	for n := 1; n == 1 || n <= ops+1; n++ {
		for seed := range uint64(4) {
			disk := faultfs.New()
			disk.CrashAt(n)
			l, err := txnlog.Open(disk, testDir, faultOptions(nil))
			if err == nil {
				_ = l.Close()
			}
			ops = disk.Ops()
			left := disk.Crash(rand.New(rand.NewPCG(seed, 1)))
			if seed == 0 { // only the process ended
				left = disk.Clone()
			}
			opt := faultOptions(nil)
			opt.Identity, opt.Founding = other, true
			left.CrashAt(1 + int(seed) + n%7) // the second start is cut short as well
			if l, err := txnlog.Open(left, testDir, opt); err == nil {
				_ = l.Close()
			}
			left = left.Crash(rand.New(rand.NewPCG(seed, 2)))
			again, err := txnlog.Open(left, testDir, opt)
			if err != nil {
				t.Fatalf("founded again after a crash at operation %d: %v", n, err)
			}
			if err := again.Append(zab.Persist{HardState: &zab.HardState{Promised: 3}}); err != nil {
				t.Fatal(err)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := txnlog.Open(left, testDir, opt); !errors.Is(err, txnlog.ErrForeign) {
				t.Fatalf("a log with a promise was founded over: %v", err)
			}
			opt.Founding = false
			if again, err = txnlog.Open(left, testDir, opt); err != nil {
				t.Fatal(err)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ops < 5 {
		t.Fatalf("founding takes %d operations only", ops)
	}
}
