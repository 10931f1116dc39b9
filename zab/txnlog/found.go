package txnlog

import (
	"fmt"
	"slices"

	"github.com/paddock-zk/paddock/zab"
)

// clear removes what a founding has left that was cut short: a log to which nothing was ever written. It may be of another identity, which
// nobody has kept. A log that holds something is left alone, and is an error: whose it is was lost. The lock is held.
func (l *Log) clear() error {
	names, err := l.fs.ReadDir(l.dir)
	if err != nil {
		return fmt.Errorf("found the log: %w", err)
	}
	var segments []string
	for _, name := range names {
		if _, ok := parseSegmentName(name); ok {
			segments = append(segments, name)
		}
	}
	if len(segments) == 0 && !hasMark(names) {
		return nil
	}
	rep, err := Inspect(l.fs, l.dir, nil)
	if err != nil {
		return err
	}
	if rep.Last != 0 || rep.Base.Zxid != 0 || len(rep.Base.Ensemble.Members) > 0 || rep.HardState != (zab.HardState{}) {
		return fmt.Errorf("the log in %s holds a history of server %d of cluster %x, and the identity of its data folder is missing: %w",
			l.dir, rep.Identity.Peer, rep.Identity.Cluster[:4], ErrForeign)
	}
	if hasMark(names) { // first, since a mark without segments is a lost log
		segments = append(segments, markName)
	}
	for _, name := range slices.Backward(segments) {
		if err := l.fs.Remove(l.path(name)); err != nil {
			return fmt.Errorf("found the log anew: %w", err)
		}
		if err := l.fs.SyncDir(l.dir); err != nil {
			return fmt.Errorf("found the log anew: %w", err)
		}
	}
	return nil
}
