package watch

import (
	"strings"

	"github.com/paddock-zk/paddock/znode"
)

// Trigger tells deliver about every watcher that hears ev, each once, and uses up the one-shot ones. deliver runs without the table's
// lock. Whether a watcher may know (ev.ACL) is the caller's to judge: a one-shot is used up either way. It returns how many were notified.
func (t *Table) Trigger(ev *znode.Event, deliver func(w Watcher)) int {
	t.mu.Lock()
	notified := t.notified[:0]
	t.notified = nil
	t.stamp++
	switch ev.Type {
	case znode.EventChildrenChanged:
		notified = t.fire(notified, ev.Path, inChild, Child)
	case znode.EventDeleted:
		notified = t.fire(notified, ev.Path, inData|inChild, Data|Child)
		notified = t.fireAncestors(notified, ev.Path)
	default:
		notified = t.fire(notified, ev.Path, inData, Data)
		notified = t.fireAncestors(notified, ev.Path)
	}
	if len(notified) == 0 {
		t.notified = notified
	}
	t.mu.Unlock()
	if len(notified) == 0 {
		return 0
	}
	for _, w := range notified {
		deliver(w)
	}
	t.mu.Lock()
	if cap(notified) <= maxKept {
		t.notified = notified
	}
	t.mu.Unlock()
	return len(notified)
}

// maxKept bounds the memory that is kept between two calls of Trigger.
const maxKept = 1 << 16

// fire collects the watchers of path that have one of the modes in hear and takes the modes in spend from them.
func (t *Table) fire(notified []Watcher, path string, hear, spend Mode) []Watcher {
	p := t.findPath(path)
	if p == 0 {
		return notified
	}
	for id := t.paths.at(p).first; id != 0; {
		r := t.records.at(id)
		next := r.onPath.next
		if r.mode&hear != 0 {
			notified = t.collect(notified, r.watcher)
			if r.mode&spend != 0 {
				t.reduce(id, spend)
			}
		}
		id = next
	}
	return notified
}

// fireAncestors collects the recursive watchers above path.
func (t *Table) fireAncestors(notified []Watcher, path string) []Watcher {
	for t.recursive > 0 && len(path) > 1 {
		path = path[:max(strings.LastIndexByte(path, '/'), 0)]
		if path == "" {
			path = "/"
		}
		notified = t.fire(notified, path, Recursive, 0)
	}
	return notified
}

// collect appends w unless it is in the list already.
func (t *Table) collect(notified []Watcher, w Watcher) []Watcher {
	o := t.owners[w]
	if o.stamp == t.stamp {
		return notified
	}
	o.stamp = t.stamp
	return append(notified, w)
}
