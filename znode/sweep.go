package znode

// spent says whether a childless node may be collected: a container that had a child once, or never had one and is older than
// neverUsedMs (0 = such ones stay); a TTL node not written for longer than its TTL (ContainerManager.getCandidates). ageMs is how long ago
// the node was written last.
func (n *node) spent(ageMs, neverUsedMs int64) bool {
	if n.children > 0 {
		return false
	}
	switch ownerClass(n.owner) {
	case ownedByContainer:
		return n.cversion > 0 || neverUsedMs > 0 && ageMs > neverUsedMs
	case ownedByTTL:
		ttl := ttlOf(n.owner)
		return ttl != 0 && ageMs > ttl
	}
	return false
}

// ExpiredContainers names up to limit containers and TTL nodes to be proposed as KindDeleteContainer: childless containers that
// once had a child (or, if neverUsedMs > 0, never had one and are older than that), childless TTL nodes whose time ran out.
// The proposal's Op.TTL must carry neverUsedMs, for the judgement when it is applied. It looks only at containers and TTL nodes.
// age says how long ago a node was written whose mtime is given: the clocks that stamped it may have been wrong, and who asks may know it.
func (s *State) ExpiredContainers(age func(mtimeMs int64) int64, limit int, neverUsedMs int64) []string {
	var paths []string
	for _, id := range s.kept.list {
		if len(paths) >= limit {
			break
		}
		if n := s.nodes.at(id); n.spent(age(n.mtime), neverUsedMs) {
			paths = append(paths, s.path(id))
		}
	}
	return paths
}
