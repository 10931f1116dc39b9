package znode

import (
	"slices"
	"strings"

	"github.com/paddock-zk/paddock/session"
)

// readable finds the node at path and checks one permission: ErrNoNode, ErrNoAuth, OK.
func (s *State) readable(path string, perm Perm, ids []Identity, fl Flags) (*node, Code) {
	id := s.find(path)
	if id == 0 {
		return nil, ErrNoNode
	}
	n := s.nodes.at(id)
	if !s.allowed(n.acl, perm, ids, fl) {
		return nil, ErrNoAuth
	}
	return n, OK
}

// GetData is getData: ErrNoNode, ErrNoAuth, or the data (nil if null) and the stat. data aliases the state's memory: valid only
// while the caller holds the read lock. No allocation. The path "" is "/" in every read.
func (s *State) GetData(path string, ids []Identity, fl Flags) (data []byte, st Stat, c Code) {
	n, c := s.readable(path, PermRead, ids, fl)
	if c != OK {
		return nil, st, c
	}
	return s.data(n), n.stat(), OK
}

// Exists is exists: ErrBadArguments for a path with NUL, ErrNoNode, ErrNoAuth.
func (s *State) Exists(path string, ids []Identity, fl Flags) (st Stat, c Code) {
	if strings.IndexByte(path, 0) >= 0 {
		return st, ErrBadArguments
	}
	n, c := s.readable(path, PermRead, ids, fl)
	if c != OK {
		return st, c
	}
	return n.stat(), OK
}

// GetACL is getACL: it needs read or admin; without admin the digests are masked. Do not write to the list.
func (s *State) GetACL(path string, ids []Identity, fl Flags) (acl []ACL, st Stat, c Code) {
	n, c := s.readable(path, PermRead|PermAdmin, ids, fl)
	if c != OK {
		return nil, st, c
	}
	acl = s.acls.list(n.acl)
	if !s.allowed(n.acl, PermAdmin, ids, fl) {
		acl = maskACL(acl)
	}
	return acl, n.stat(), OK
}

// Children is getChildren and getChildren2: calls each for every child, the oldest first (by czxid; those of one multi by
// name): the same on every server. The name aliases the state's memory:
// it must not be kept after the read lock is given back. each is not called unless c is OK. A nil each only asks for the stat.
func (s *State) Children(path string, ids []Identity, fl Flags, each func(name string)) (st Stat, c Code) {
	n, c := s.readable(path, PermRead, ids, fl)
	if c != OK {
		return st, c
	}
	if each != nil && n.children > 0 {
		for id := n.child; id != 0; {
			child := s.nodes.at(id)
			each(s.name(child))
			id = child.next
		}
	}
	return n.stat(), OK
}

// AllChildrenNumber is getAllChildrenNumber: the number of descendants. It walks them.
func (s *State) AllChildrenNumber(path string, ids []Identity, fl Flags) (count int32, c Code) {
	n, c := s.readable(path, PermRead, ids, fl)
	switch {
	case c != OK:
		return 0, c
	case path == "":
		return int32(s.totals.nodes), OK // ZooKeeper counts the key "/" as below ""
	case n.parent == 0:
		return int32(s.totals.nodes - 1), OK
	}
	s.eachBelow(s.find(path), func(nodeID, *node) { count++ })
	return count - 1, OK
}

// eachBelow calls f for top and all below it, parents first.
func (s *State) eachBelow(top nodeID, f func(id nodeID, n *node)) {
	for id := top; ; {
		n := s.nodes.at(id)
		f(id, n)
		if n.children > 0 {
			id = n.child
			continue
		}
		for id != top && n.next == 0 {
			id = n.parent
			n = s.nodes.at(id)
		}
		if id == top {
			return
		}
		id = n.next
	}
}

// Ephemerals is getEphemerals: paths of the session's ephemerals that begin with prefix, a plain string: "/a" finds "/ab" too. A prefix
// that is blank or "/" finds all.
func (s *State) Ephemerals(id session.ID, prefix string) []string {
	rec := s.sessions[id]
	if rec == nil {
		return nil
	}
	if t := strings.TrimSpace(prefix); t == "" || t == pathRoot {
		prefix = ""
	}
	paths := make([]string, 0, len(rec.owned))
	for _, n := range rec.owned {
		if p := s.path(n); strings.HasPrefix(p, prefix) {
			paths = append(paths, p)
		}
	}
	return paths
}

// EachEphemeral calls f for every session that owns ephemerals (for the dump word), in order of id, with sorted paths.
func (s *State) EachEphemeral(f func(id session.ID, paths []string)) {
	ids := make([]session.ID, 0, len(s.sessions))
	for id, rec := range s.sessions {
		if len(rec.owned) > 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		paths := s.Ephemerals(id, "")
		slices.Sort(paths)
		f(id, paths)
	}
}

// Node looks a node up without any permission check, for setWatches catch-up, admin and fencing tokens. ok is false if it is missing.
// acl is shared: do not write to it.
func (s *State) Node(path string) (st Stat, acl []ACL, ok bool) {
	id := s.find(path)
	if id == 0 {
		return st, nil, false
	}
	n := s.nodes.at(id)
	return n.stat(), s.acls.list(n.acl), true
}
