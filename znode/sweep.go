package znode

// spent says whether a childless node may be collected: a container that had a child once, or never had one and is older than
// neverUsedMs (0 = such ones stay); a TTL node not written for longer than its TTL (ContainerManager.getCandidates).
func (n *node) spent(nowMs, neverUsedMs int64) bool {
	if n.children > 0 {
		return false
	}
	age := nowMs - n.mtime
	switch ownerClass(n.owner) {
	case ownedByContainer:
		return n.cversion > 0 || neverUsedMs > 0 && age > neverUsedMs
	case ownedByTTL:
		ttl := ttlOf(n.owner)
		return ttl != 0 && age > ttl
	}
	return false
}

// ExpiredContainers names up to limit containers and TTL nodes to be proposed as KindDeleteContainer: childless containers that
// once had a child (or, if neverUsedMs > 0, never had one and are older than that), childless TTL nodes whose time ran out.
// The proposal's Op.TTL must carry neverUsedMs, for the judgement when it is applied. It looks only at containers and TTL nodes.
func (s *State) ExpiredContainers(nowMs int64, limit int, neverUsedMs int64) []string {
	var paths []string
	for _, id := range s.kept.list {
		if len(paths) >= limit {
			break
		}
		if s.nodes.at(id).spent(nowMs, neverUsedMs) {
			paths = append(paths, s.path(id))
		}
	}
	return paths
}
