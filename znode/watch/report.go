package watch

import (
	"fmt"
	"slices"
	"strings"
)

// Counts are the numbers of wchs and mntr.
type Counts struct {
	Watchers int // connections that watch something (data table)
	Paths    int // paths that are watched (data table)
	Watches  int // pairs of the data table
	Total    int // pairs of both tables: mntr's watch_count
}

// Counts are kept with every change; asking costs nothing.
func (t *Table) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts
}

// pair is a line of a report.
type pair struct {
	path string
	w    Watcher
}

// dataPairs copies the data table, so that reports are printed without the lock.
func (t *Table) dataPairs() []pair {
	t.mu.Lock()
	defer t.mu.Unlock()
	pairs := make([]pair, 0, t.counts.Watches)
	for w, o := range t.owners {
		for id := o.first; id != 0; id = t.records.at(id).ofOwner.next {
			if r := t.records.at(id); r.mode&inData != 0 {
				pairs = append(pairs, pair{t.paths.at(r.path).text, w})
			}
		}
	}
	return pairs
}

// ByPath calls f for every path of the data table with its watchers (wchp), sorted by path.
func (t *Table) ByPath(f func(path string, ws []Watcher)) {
	pairs := t.dataPairs()
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.path, b.path); c != 0 {
			return c
		}
		return int(a.w) - int(b.w)
	})
	for len(pairs) > 0 {
		n := 0
		var ws []Watcher
		for ; n < len(pairs) && pairs[n].path == pairs[0].path; n++ {
			ws = append(ws, pairs[n].w)
		}
		f(pairs[0].path, ws)
		pairs = pairs[n:]
	}
}

// ByWatcher calls f for every watcher with its paths in the data table (wchc), sorted by watcher.
func (t *Table) ByWatcher(f func(w Watcher, paths []string)) {
	pairs := t.dataPairs()
	slices.SortFunc(pairs, func(a, b pair) int {
		if a.w != b.w {
			return int(a.w) - int(b.w)
		}
		return strings.Compare(a.path, b.path)
	})
	for len(pairs) > 0 {
		n := 0
		var paths []string
		for ; n < len(pairs) && pairs[n].w == pairs[0].w; n++ {
			paths = append(paths, pairs[n].path)
		}
		f(pairs[0].w, paths)
		pairs = pairs[n:]
	}
}

// checkInvariants recomputes the counts and compares lists, chains and owners.
func (t *Table) checkInvariants() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var got Counts
	records, recursive := 0, 0
	paths := make(map[uint32]bool)
	dataPaths := make(map[uint32]bool)
	for w, o := range t.owners {
		data, long := 0, 0
		for id := o.first; id != 0; id = t.records.at(id).ofOwner.next {
			r := t.records.at(id)
			if r.watcher != w || r.mode == 0 || t.findPair(r.path, w) != id || t.findPath(t.paths.at(r.path).text) != r.path {
				return fmt.Errorf("watch: record %d of watcher %d is out of place: %+v", id, w, *r)
			}
			records++
			long += longBytes(t.paths.at(r.path).text)
			paths[r.path] = true
			data += flag(r.mode&inData != 0)
			got.Total += flag(r.mode&inData != 0) + flag(r.mode&inChild != 0)
			recursive += flag(r.mode&Recursive != 0)
			if r.mode&inData != 0 {
				dataPaths[r.path] = true
			}
		}
		if long != o.long {
			return fmt.Errorf("watch: watcher %d has %d bytes of long paths, and %d are counted", w, long, o.long)
		}
		got.Watches += data
		got.Watchers += flag(data > 0)
	}
	got.Paths = len(dataPaths)
	if got != t.counts || recursive != t.recursive || records != int(t.pairs.count) || len(paths) != int(t.byText.count) {
		return fmt.Errorf("watch: counts are %+v, %d recursive, %d pairs, %d paths; recomputed %+v, %d, %d, %d",
			t.counts, t.recursive, t.pairs.count, t.byText.count, got, recursive, records, len(paths))
	}
	return nil
}
