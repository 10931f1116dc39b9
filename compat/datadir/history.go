package datadir

import (
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"os"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// errHole ends a replay: what follows cannot be applied, because something before it is missing. It has been told to the report.
var errHole = errors.New("a hole in the history")

// replay applies what the logs hold behind the snapshot, as long as each transaction follows the one before it.
func (l *loader) replay() error {
	l.sums = map[int64]uint32{}
	from := l.im.zxid
	for i, f := range l.logs {
		next := int64(-1)
		if i+1 < len(l.logs) {
			if next = l.logs[i+1].zxid; next <= from+1 {
				continue // the next one begins early enough
			}
		}
		if f.zxid > l.im.zxid && !follows(l.im.zxid, f.zxid) {
			l.lose("%s begins at zxid %v, and what was read before it ends at %v: what is between them is missing, and %s is left out", f.path, zxid.ID(f.zxid), zxid.ID(l.im.zxid), l.from(i))
			l.seen = max(l.seen, f.zxid)
			return nil
		}
		err := l.replayLog(f, from, next)
		if errors.Is(err, errHole) {
			if i+1 < len(l.logs) {
				l.lose("%s is left out, because it comes after that", l.from(i+1))
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// from names the log i and what is behind it.
func (l *loader) from(i int) string {
	if n := len(l.logs) - i - 1; n > 0 {
		return fmt.Sprintf("%s with %d logs behind it", l.logs[i].path, n)
	}
	return l.logs[i].path
}

// follows says whether z comes right after last: the next number, or the first one of a later epoch.
func follows(last, z int64) bool {
	return z == last+1 || z>>32 > last>>32 && z&0xffffffff == 1
}

// replayLog applies one log. next is the zxid at which the next log begins, -1 without one.
func (l *loader) replayLog(f file, from, next int64) error {
	fd, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("datadir: %w", err)
	}
	defer fd.Close()
	for z := range l.sums {
		if z < f.zxid {
			delete(l.sums, z)
		}
	}
	l.rep.Logs = append(l.rep.Logs, f.path)
	l.seen = max(l.seen, f.zxid-1)
	err = l.readLog(f, fd, 0, from)
	var broken *brokenEntry
	switch {
	case err == nil, errors.Is(err, errHole):
		return err
	case !errors.As(err, &broken):
		return fmt.Errorf("datadir: %s: %w", f.path, err)
	case !broken.torn():
		l.lose("%s: %v: it and all that comes after zxid %v is left out", f.path, broken, zxid.ID(l.im.zxid))
		return errHole
	case next < 0:
		l.rep.Torn = fmt.Sprintf("%s: %v", f.path, broken)
		l.o.Log.Warn("the last log ends in an entry that is not whole, with nothing behind it: a write that was not acknowledged; it is left out", "file", f.path, "offset", broken.at)
	}
	return nil
}

// readLog applies the entries of an open log from an offset on. What is damaged and comes before the snapshot costs nothing: the snapshot has it.
func (l *loader) readLog(f file, fd *os.File, start, from int64) error {
	r := &logReader{r: fd, size: f.size, start: start, stream: newStream(l.o.counted(f, io.NewSectionReader(fd, start, f.size-start)))}
	err := r.each(func(at int64, body []byte) error { return l.entry(place{file: f.path, offset: at}, body, from) })
	if ended := l.o.Context.Err(); ended != nil { // before anything is made of half a file
		return fmt.Errorf("datadir: %s: %w", f.path, ended)
	}
	var broken *brokenEntry
	if errors.As(err, &broken) && !broken.headless && broken.behind.count > 0 && broken.behind.first <= from+1 && l.im.zxid == from {
		l.o.Log.Warn("a log is damaged where it tells what the snapshot holds already; nothing is lost", "file", f.path, "err", broken)
		return l.readLog(f, fd, broken.behind.offset, from)
	}
	return err
}

// entry applies one entry of a log, if it follows the one before it.
func (l *loader) entry(at place, body []byte, from int64) error {
	t, err := decodeTxn(body)
	if err != nil {
		l.lose("%s: the entry at offset %d, behind zxid %v, is whole and cannot be read: %v: it and all that follows is left out", at.file, at.offset, zxid.ID(l.im.zxid), err)
		return errHole
	}
	l.seen = max(l.seen, t.zxid)
	if t.zxid <= from {
		return nil
	}
	at.zxid = t.zxid
	sum := adler32.Checksum(body)
	if was, again := l.sums[t.zxid]; again && was == sum {
		return nil // a server that starts again may log once more what it knows already
	}
	if !follows(l.im.zxid, t.zxid) {
		if t.zxid <= l.im.zxid {
			l.lose("%s: the entry at offset %d has zxid %v, and another transaction with that zxid or a later one was read before it: it and all that follows is left out", at.file, at.offset, zxid.ID(t.zxid))
		} else {
			l.lose("%s: the entry at offset %d has zxid %v, and the one before it %v: what is between them is missing, and all that follows is left out", at.file, at.offset, zxid.ID(t.zxid), zxid.ID(l.im.zxid))
		}
		return errHole
	}
	l.sums[t.zxid] = sum
	l.im.apply(t, at)
	l.rep.Transactions++
	return nil
}
