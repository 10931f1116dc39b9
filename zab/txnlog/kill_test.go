package txnlog_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
)

// found is what an open log holds, as a model.
func found(l *txnlog.Log) (model, error) {
	base := l.Base().Zxid
	es, err := l.Entries(base, 1<<30)
	return model{entries: es, base: base, state: l.HardState()}, err
}

// reopenAndCut opens the log as the process does that is started after a kill, and cuts the power when it has done so. Whatever that process found
// counts as stored, for the core believes its log: it must be there after the power cut.
func reopenAndCut(killed *faultfs.Disk, append bool, rng *rand.Rand) error {
	l, err := txnlog.Open(killed, testDir, faultOptions(nil))
	if err != nil {
		return fmt.Errorf("open after the kill: %w", err)
	}
	m, err := found(l)
	if err != nil {
		return err
	}
	if append {
		p := zab.Persist{Entries: chain(l.Last(), 9, 2, 20)}
		if err := l.Append(p); err != nil {
			return fmt.Errorf("append after the kill: %w", err)
		}
		m = m.apply(p)
	}
	return checkRecovery(killed.Crash(rng), m, nil)
}

// A process is killed at any I/O, the next one opens the log, and then the power fails. What the second process has found in the cache of the kernel
// was perhaps never synced by the first.
func TestKillAndThenPowerCut(t *testing.T) {
	whole := faultfs.New()
	if _, _, err := runScript(whole); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= whole.Ops(); n++ {
		d := faultfs.New()
		d.CrashAt(n)
		_, _, _ = runScript(d)
		for seed := range uint64(6) {
			if err := reopenAndCut(d.Clone(), seed%2 == 0, rand.New(rand.NewPCG(uint64(n), seed))); err != nil {
				t.Fatalf("killed at I/O %d, seed %d: %v", n, seed, err)
			}
		}
	}
}

// A sync fails, the process ends, the next one reads from the cache what the disk does not have and will not be given again, and then the power fails.
func TestFailedIOAndThenPowerCut(t *testing.T) {
	whole := faultfs.New()
	if _, _, err := runScript(whole); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= whole.Ops(); n++ {
		d := faultfs.New()
		d.FailAt(n, syscall.EIO)
		_, _, _ = runScript(d)
		for seed := range uint64(6) {
			if err := reopenAndCut(d.Clone(), seed%2 == 0, rand.New(rand.NewPCG(uint64(n), seed))); err != nil {
				t.Fatalf("I/O %d failed, seed %d: %v", n, seed, err)
			}
		}
	}
}
