package watch

import (
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// Watcher names who hears: a small number given by the server to each connection. 0 is never a watcher.
type Watcher uint32

// Mode is what a registration asks for. Modes on one (path, watcher) add up.
type Mode uint8

const (
	Data       Mode = 1 << iota // getData, exists: one-shot in the data table
	Child                       // getChildren: one-shot in the child table
	Persistent                  // addWatch mode 0: both tables, stays
	Recursive                   // addWatch mode 1: data table, the path and all below, stays

	inData  = Data | Persistent | Recursive
	inChild = Child | Persistent
	known   = Data | Child | Persistent | Recursive
)

// Type is the watcher type of checkWatches and removeWatches on the wire (Watcher.WatcherType).
type Type int32

const (
	TypeChildren   Type = 1
	TypeData       Type = 2
	TypeAny        Type = 3
	TypePersistent Type = 4
	TypeRecursive  Type = 5
)

// Valid says whether ty is a number of the wire; any other is answered with a marshalling error.
func (ty Type) Valid() bool { return ty >= TypeChildren && ty <= TypeRecursive }

// modes are what a type stands for. "Data" and "children" mean only the one-shot kinds.
func (ty Type) modes() Mode {
	switch ty {
	case TypeChildren:
		return Child
	case TypeData:
		return Data
	case TypeAny:
		return known
	case TypePersistent:
		return Persistent
	case TypeRecursive:
		return Recursive
	}
	return 0
}

// record is one pair (path, watcher): 32 bytes without pointers. It is on two lists and in one hash chain.
type record struct {
	path    uint32
	watcher Watcher
	onPath  links // the other watchers of the path
	ofOwner links // the other paths of the watcher
	chain   uint32
	mode    Mode
}

type links struct{ next, prev uint32 }

// pathEntry is one watched path.
type pathEntry struct {
	text  string
	hash  uint32
	chain uint32
	first uint32 // its records
	data  uint32 // how many of them are in the data table
}

// owner is one watcher.
type owner struct {
	first uint32 // its records
	data  uint32 // how many of them are in the data table
	stamp uint64 // the last event it was named for
	long  int    // bytes of its paths that are longer than FreePath
}

// Table is the table of watches. It is safe for concurrent use. Make one with New.
type Table struct {
	mu        sync.Mutex
	records   slab[record]
	pairs     chains // records by (path, watcher)
	paths     slab[pathEntry]
	byText    chains // paths by text
	owners    map[Watcher]*owner
	recursive int // records with Recursive: as long as there are none, Trigger need not look at ancestors
	counts    Counts
	stamp     uint64
	notified  []Watcher // the memory of the last Trigger, to be used again
}

// New makes an empty table.
func New() *Table {
	t := &Table{owners: make(map[Watcher]*owner)}
	t.pairs.link = func(id uint32) (*uint32, uint32) {
		r := t.records.at(id)
		return &r.chain, pairHash(r.path, r.watcher)
	}
	t.byText.link = func(id uint32) (*uint32, uint32) {
		p := t.paths.at(id)
		return &p.chain, p.hash
	}
	return t
}

func pairHash(path uint32, w Watcher) uint32 {
	x := (uint64(path)<<32 | uint64(w)) * 0x9e3779b97f4a7c15
	return uint32(x >> 32)
}

// findPath is the entry of a path, 0 if nobody watches it.
func (t *Table) findPath(path string) uint32 {
	h := uint32(xxhash.Sum64String(path))
	for id := t.byText.first(h); id != 0; {
		p := t.paths.at(id)
		if p.hash == h && p.text == path {
			return id
		}
		id = p.chain
	}
	return 0
}

// find is the record of a pair, 0 if there is none.
func (t *Table) find(path string, w Watcher) uint32 {
	p := t.findPath(path)
	if p == 0 {
		return 0
	}
	return t.findPair(p, w)
}

func (t *Table) findPair(path uint32, w Watcher) uint32 {
	for id := t.pairs.first(pairHash(path, w)); id != 0; {
		r := t.records.at(id)
		if r.path == path && r.watcher == w {
			return id
		}
		id = r.chain
	}
	return 0
}

// FreePath is the length up to which watched paths are not counted, and LongPaths how many bytes of longer ones a watcher may watch at once. No honest client has
// such paths: they are kept in memory as they are, whether or not there is such a node, and one frame each brings a megabyte of them.
const (
	FreePath  = 4 << 10
	LongPaths = 8 << 20
)

// Add registers w on path; added says that something was new, room that it was not too much. The path is neither validated nor changed; it is copied if it is kept.
func (t *Table) Add(path string, m Mode, w Watcher) (added, room bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.findPath(path)
	if len(path) > FreePath && !t.hasRoom(p, len(path), w) {
		return false, false
	}
	if p == 0 {
		p = t.paths.alloc()
		*t.paths.at(p) = pathEntry{text: strings.Clone(path), hash: uint32(xxhash.Sum64String(path))}
		t.byText.insert(p)
	}
	id := t.findPair(p, w)
	if id == 0 {
		id = t.newRecord(p, w)
	}
	r := t.records.at(id)
	before := r.mode
	t.setMode(r, before|m&known)
	return r.mode != before, true
}

// hasRoom says whether w may watch a long path, with the number p if it is watched already.
func (t *Table) hasRoom(p uint32, size int, w Watcher) bool {
	o := t.owners[w]
	return o == nil || o.long+size <= LongPaths || p != 0 && t.findPair(p, w) != 0
}

// longBytes is what a path counts against LongPaths.
func longBytes(path string) int {
	if len(path) > FreePath {
		return len(path)
	}
	return 0
}

func (t *Table) newRecord(p uint32, w Watcher) uint32 {
	entry, o := t.paths.at(p), t.owners[w]
	if o == nil {
		o = &owner{}
		t.owners[w] = o
	}
	id := t.records.alloc()
	*t.records.at(id) = record{path: p, watcher: w, onPath: links{next: entry.first}, ofOwner: links{next: o.first}}
	if entry.first != 0 {
		t.records.at(entry.first).onPath.prev = id
	}
	if o.first != 0 {
		t.records.at(o.first).ofOwner.prev = id
	}
	entry.first, o.first = id, id
	o.long += longBytes(entry.text)
	t.pairs.insert(id)
	return id
}

// setMode changes the modes of a record and the counts that follow from them.
func (t *Table) setMode(r *record, m Mode) {
	entry, o := t.paths.at(r.path), t.owners[r.watcher]
	if d := flag(m&inData != 0) - flag(r.mode&inData != 0); d != 0 {
		t.counts.Watches += d
		t.counts.Total += d
		t.counts.Paths += shift(&entry.data, d)
		t.counts.Watchers += shift(&o.data, d)
	}
	t.counts.Total += flag(m&inChild != 0) - flag(r.mode&inChild != 0)
	t.recursive += flag(m&Recursive != 0) - flag(r.mode&Recursive != 0)
	r.mode = m
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// shift adds d (1 or -1) to n and says how the number of non-zero ns changes.
func shift(n *uint32, d int) int {
	before := *n != 0
	*n = uint32(int(*n) + d)
	return flag(*n != 0) - flag(before)
}

// reduce takes modes from a record; a record without modes goes, and with it a path or watcher without records.
func (t *Table) reduce(id uint32, m Mode) {
	r := t.records.at(id)
	t.setMode(r, r.mode&^m)
	if r.mode != 0 {
		return
	}
	t.pairs.remove(id)
	entry, o := t.paths.at(r.path), t.owners[r.watcher]
	o.long -= longBytes(entry.text)
	if r.onPath.prev == 0 {
		entry.first = r.onPath.next
	} else {
		t.records.at(r.onPath.prev).onPath.next = r.onPath.next
	}
	if r.onPath.next != 0 {
		t.records.at(r.onPath.next).onPath.prev = r.onPath.prev
	}
	if r.ofOwner.prev == 0 {
		o.first = r.ofOwner.next
	} else {
		t.records.at(r.ofOwner.prev).ofOwner.next = r.ofOwner.next
	}
	if r.ofOwner.next != 0 {
		t.records.at(r.ofOwner.next).ofOwner.prev = r.ofOwner.prev
	}
	if entry.first == 0 {
		t.byText.remove(r.path)
		t.paths.release(r.path)
	}
	if o.first == 0 {
		delete(t.owners, r.watcher)
	}
	t.records.release(id)
}

// Remove is removeWatches: false (to be answered with znode.ErrNoWatcher) if there was nothing of that type.
func (t *Table) Remove(path string, ty Type, w Watcher) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := t.find(path, w)
	if id == 0 || t.records.at(id).mode&ty.modes() == 0 {
		return false
	}
	t.reduce(id, ty.modes())
	return true
}

// Check is checkWatches: whether w has a watch of that type on path.
func (t *Table) Check(path string, ty Type, w Watcher) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := t.find(path, w)
	return id != 0 && t.records.at(id).mode&ty.modes() != 0
}

// DropWatcher forgets all watches of w (its connection closed).
func (t *Table) DropWatcher(w Watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for o := t.owners[w]; o != nil && o.first != 0; {
		t.reduce(o.first, known)
	}
}
