package znode

import (
	"cmp"
	"slices"
	"strings"
)

// The children of a node are a list in the order of their creation: by czxid, and those of one multi by name. So a listing is the same on every
// server, before and after a restart, and costs no sort. (ZooKeeper's order, that of a Java hash set, is the same everywhere too.) The list is linked
// both ways and its first child's prev is the last one, so that a new child is put at the end at once.

// linkLast puts a node behind its siblings.
func (s *State) linkLast(id nodeID, n *node) {
	p := s.nodes.at(n.parent)
	p.children++
	n.next = 0
	if p.child == 0 {
		p.child, n.prev = id, id
		return
	}
	first := s.nodes.at(p.child)
	n.prev = first.prev
	s.nodes.at(first.prev).next = id
	first.prev = id
	if s.load != nil && s.before(n, s.nodes.at(n.prev)) {
		s.load.unordered[n.parent] = struct{}{}
	}
}

// unlink takes a node out from among its siblings. Its own links stay as they are, for relink.
func (s *State) unlink(id nodeID, n *node) {
	p := s.nodes.at(n.parent)
	p.children--
	if p.child == id {
		p.child = n.next
	} else {
		s.nodes.at(n.prev).next = n.next
	}
	switch {
	case n.next != 0:
		s.nodes.at(n.next).prev = n.prev
	case p.child != 0: // it was the last
		s.nodes.at(p.child).prev = n.prev
	}
}

// relink puts a node back to where it was before unlink, if all that has happened to its siblings since is undone already.
func (s *State) relink(id nodeID, n *node) {
	p := s.nodes.at(n.parent)
	p.children++
	wasFirst := n.prev == id || n.next != 0 && s.nodes.at(n.prev).next == 0
	if wasFirst {
		p.child = id
	} else {
		s.nodes.at(n.prev).next = id
	}
	switch {
	case n.next != 0:
		s.nodes.at(n.next).prev = id
	case !wasFirst: // it was the last
		s.nodes.at(p.child).prev = id
	}
}

// before is the order of siblings.
func (s *State) before(a, b *node) bool { return s.compareSiblings(a, b) < 0 }

func (s *State) compareSiblings(a, b *node) int {
	return cmp.Or(cmp.Compare(a.czxid, b.czxid), strings.Compare(s.name(a), s.name(b)))
}

// orderCreated brings the children that one multi has made into the order of their names; they were put at the end as they came.
func (s *State) orderCreated() {
	parents := s.undo.parents[:0]
	for i := range s.undo.entries {
		if e := &s.undo.entries[i]; e.what == undoCreated {
			parents = append(parents, s.nodes.at(e.id).parent)
		}
	}
	if len(parents) > 1 {
		slices.Sort(parents)
		for _, parent := range slices.Compact(parents) {
			s.orderLast(parent)
		}
	}
	s.undo.parents = parents
}

// orderLast sorts the children at the end of a list that have the zxid of the last one. A parent that is gone has no children.
func (s *State) orderLast(parent nodeID) {
	p := s.nodes.at(parent)
	if p.children < 2 {
		return
	}
	last := s.nodes.at(p.child).prev
	z, from := s.nodes.at(last).czxid, last
	for from != p.child && s.nodes.at(s.nodes.at(from).prev).czxid == z {
		from = s.nodes.at(from).prev
	}
	s.orderFrom(p, from)
}

// orderFrom sorts the children of p from one of them to the last.
func (s *State) orderFrom(p *node, from nodeID) {
	var ids []nodeID
	for id := from; id != 0; id = s.nodes.at(id).next {
		ids = append(ids, id)
	}
	less := func(a, b nodeID) int { return s.compareSiblings(s.nodes.at(a), s.nodes.at(b)) }
	if slices.IsSortedFunc(ids, less) {
		return
	}
	ahead := s.nodes.at(from).prev // the one in front of them; the last one, if they are all
	whole := p.child == from
	slices.SortFunc(ids, less)
	for i, id := range ids {
		n := s.nodes.at(id)
		n.next = 0
		if i+1 < len(ids) {
			n.next = ids[i+1]
		}
		if n.prev = ahead; i > 0 {
			n.prev = ids[i-1]
		}
	}
	if whole {
		p.child = ids[0]
	} else {
		s.nodes.at(ahead).next = ids[0]
	}
	s.nodes.at(p.child).prev = ids[len(ids)-1]
}

// orderAll sorts the children of every node: those of an import come in any order.
func (s *State) orderAll() {
	s.nodes.each(func(_ nodeID, n *node) {
		if n.children > 1 && ownerClass(n.owner) != ownedBySession {
			s.orderFrom(n, n.child)
		}
	})
}
