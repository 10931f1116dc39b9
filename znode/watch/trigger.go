package watch

import (
	"strings"

	"github.com/paddock-zk/paddock/znode"
)

// Trigger tells deliver about every watcher that hears ev, each once, and uses up the one-shot ones. deliver runs without the table's
// lock. Whether a watcher may know (ev.ACL) is the caller's to judge: a one-shot is used up either way. Returns how many were told.
func (t *Table) Trigger(ev *znode.Event, deliver func(w Watcher)) int {
	t.mu.Lock()
	told := t.told[:0]
	t.told = nil
	t.stamp++
	switch ev.Type {
	case znode.EventChildrenChanged:
		told = t.fire(told, ev.Path, inChild, Child)
	case znode.EventDeleted:
		told = t.fire(told, ev.Path, inData|inChild, Data|Child)
		told = t.fireAncestors(told, ev.Path)
	default:
		told = t.fire(told, ev.Path, inData, Data)
		told = t.fireAncestors(told, ev.Path)
	}
	if len(told) == 0 {
		t.told = told
	}
	t.mu.Unlock()
	if len(told) == 0 {
		return 0
	}
	for _, w := range told {
		deliver(w)
	}
	t.mu.Lock()
	if cap(told) <= maxKept {
		t.told = told
	}
	t.mu.Unlock()
	return len(told)
}

// maxKept bounds the memory that is kept between two calls of Trigger.
const maxKept = 1 << 16

// fire collects the watchers of path that have one of the modes in hear and takes the modes in spend from them.
func (t *Table) fire(told []Watcher, path string, hear, spend Mode) []Watcher {
	p := t.findPath(path)
	if p == 0 {
		return told
	}
	for id := t.paths.at(p).first; id != 0; {
		r := t.records.at(id)
		next := r.onPath.next
		if r.mode&hear != 0 {
			told = t.name(told, r.watcher)
			if r.mode&spend != 0 {
				t.reduce(id, spend)
			}
		}
		id = next
	}
	return told
}

// fireAncestors collects the recursive watchers above path.
func (t *Table) fireAncestors(told []Watcher, path string) []Watcher {
	for t.recursive > 0 && len(path) > 1 {
		path = path[:max(strings.LastIndexByte(path, '/'), 0)]
		if path == "" {
			path = "/"
		}
		told = t.fire(told, path, Recursive, 0)
	}
	return told
}

// name appends w unless this event has named it already.
func (t *Table) name(told []Watcher, w Watcher) []Watcher {
	o := t.owners[w]
	if o.stamp == t.stamp {
		return told
	}
	o.stamp = t.stamp
	return append(told, w)
}
