package znode

import (
	"fmt"

	"github.com/paddock-zk/paddock/session"
)

// CheckInvariants recomputes what is kept incrementally and compares: links in both directions, counts, index, owners' lists,
// references on ACLs, quotas, the digest. nil if all agree. O(nodes).
func (s *State) CheckInvariants() error {
	v := checker{s: s, acls: make(map[aclID]int), quotas: make(map[string]quota)}
	v.acls[openACL] = 1
	s.eachBelow(rootID, v.node)
	if v.err == nil {
		v.whole()
	}
	return v.err
}

type checker struct {
	s      *State
	got    totals
	kept   int
	acls   map[aclID]int
	quotas map[string]quota
	err    error
}

func (v *checker) failf(format string, args ...any) {
	if v.err == nil {
		v.err = fmt.Errorf("znode: invariant: "+format, args...)
	}
}

func (v *checker) node(id nodeID, n *node) {
	s := v.s
	path := s.path(id)
	v.got.nodes++
	v.got.dataSize += int64(len(path)) + int64(max(n.dataLen, 0))
	v.got.sum += s.statHash(n) + s.dataHash(n)
	v.acls[n.acl]++
	if n.flags&flagUsed == 0 {
		v.failf("%s lives in a free slot", path)
	}
	if found := s.find(path); found != id {
		v.failf("%s is node %d, but the index finds %d", path, id, found)
	}
	v.children(path, id, n)
	v.owner(path, id, n)
	if q, name, ok := quotaPathOf(path); ok {
		entry := v.quotas[q]
		if name == limitNode {
			entry.limits = id
		} else {
			entry.stats = id
		}
		v.quotas[q] = entry
	}
}

// quotaPathOf splits the path of a limits or statistics node.
func quotaPathOf(path string) (limited, name string, ok bool) {
	dir, name, _ := parentPath(path)
	if name != limitNode && name != statsNode || len(dir) <= len(pathQuota) || dir[:len(pathQuota)+1] != pathQuota+"/" {
		return "", "", false
	}
	return dir[len(pathQuota):], name, true
}

func (v *checker) children(path string, id nodeID, n *node) {
	if n.children == 0 {
		if n.child != 0 && ownerClass(n.owner) != ownedBySession {
			v.failf("%s counts no children but has one", path)
		}
		return
	}
	if ownerClass(n.owner) == ownedBySession {
		v.failf("ephemeral %s has children", path)
		return
	}
	count, prev := int32(0), v.s.nodes.at(n.child).prev // that of the first is the last
	if prev != 0 && v.s.nodes.at(prev).next != 0 {
		v.failf("the first child of %s does not name the last one", path)
	}
	for c := n.child; c != 0; count++ {
		child := v.s.nodes.at(c)
		if child.parent != id || child.prev != prev {
			v.failf("child %d of %s has parent %d, prev %d", c, path, child.parent, child.prev)
			return
		}
		if count > 0 && v.s.before(child, v.s.nodes.at(prev)) {
			v.failf("child %d of %s stands behind a younger one", c, path)
		}
		prev, c = c, child.next
	}
	if count != n.children {
		v.failf("%s counts %d children, has %d", path, n.children, count)
	}
}

func (v *checker) owner(path string, id nodeID, n *node) {
	s := v.s
	switch ownerClass(n.owner) {
	case ownedBySession:
		v.got.ephemerals++
		rec := s.sessions[session.ID(n.owner)]
		if rec == nil || int(n.child) >= len(rec.owned) || rec.owned[n.child] != id {
			v.failf("ephemeral %s is not on the list of session %v", path, session.ID(n.owner))
		}
	case ownedByContainer, ownedByTTL:
		v.kept++
		if place, ok := s.kept.place[id]; !ok || int(place) >= len(s.kept.list) || s.kept.list[place] != id {
			v.failf("%s is not on the list of containers and TTL nodes", path)
		}
	}
}

func (v *checker) whole() {
	s := v.s
	owned := 0
	for id, rec := range s.sessions {
		owned += len(rec.owned)
		v.got.sum += sessionHash(id, rec.timeoutMs, &rec.password)
	}
	for name, data := range s.secrets {
		v.got.sum += secretHash(name, data)
	}
	if owned != v.got.ephemerals || v.kept != len(s.kept.list) || v.kept != len(s.kept.place) {
		v.failf("%d ephemerals are listed, %d exist; %d containers and TTL nodes are listed, %d exist", owned, v.got.ephemerals,
			len(s.kept.list), v.kept)
	}
	if v.got != s.totals {
		v.failf("totals are %+v, recomputed %+v", s.totals, v.got)
	}
	if s.index.count != uint64(s.totals.nodes) {
		v.failf("the index has %d nodes, the tree %d", s.index.count, s.totals.nodes)
	}
	if err := s.index.check(&s.nodes); err != nil {
		v.failf("%w", err)
	}
	for id, refs := range v.acls {
		if s.acls.at(id).refs != refs {
			v.failf("ACL %d counts %d references, has %d", id, s.acls.at(id).refs, refs)
		}
	}
	if len(v.acls) != len(s.acls.byKey) {
		v.failf("%d ACLs are interned, %d are used", len(s.acls.byKey), len(v.acls))
	}
	if fmt.Sprint(v.quotas) != fmt.Sprint(s.quotas) {
		v.failf("quotas are %v, recomputed %v", s.quotas, v.quotas)
	}
	if s.undo.active || len(s.undo.entries)+len(s.undo.blobs)+len(s.undo.acls)+len(s.undo.nodes) > 0 {
		v.failf("the undo log is not empty between transactions")
	}
}

// check recounts what the groups of each segment say of entries that lie further on.
func (x *pathIndex) check(s *nodeSlab) error {
	for d, seg := range x.dir {
		if d > 0 && seg == x.dir[d-1] {
			continue
		}
		var over [groupCount]uint32
		used := int32(0)
		for i := range seg.groups {
			for j, tag := range seg.groups[i].tags {
				if tag == 0 {
					continue
				}
				used++
				for at := s.at(seg.groups[i].slots[j]).pathHash & groupMask; at != uint64(i); at = (at + 1) & groupMask {
					over[at]++
				}
			}
		}
		for i := range over {
			if over[i] != seg.groups[i].over {
				return fmt.Errorf("group %d of segment %d says that %d entries lie further on, %d do", i, d, seg.groups[i].over, over[i])
			}
		}
		if used != seg.used {
			return fmt.Errorf("segment %d counts %d entries, has %d", d, seg.used, used)
		}
	}
	return nil
}
