package znode

// undoLog lets a multi take back its first parts when a later one fails. Outside a multi it is inactive and costs nothing. While it is
// active nothing is given back (blocks, ACLs, slots), so that taking back needs no copies of data.
type undoLog struct {
	active  bool
	entries []undoEntry
	blobs   []heldBlob
	acls    []aclID
	nodes   []nodeID
	parents []nodeID // of what was created; used at the end of a multi
	totals  totals
}

type undoEntry struct {
	what  undoKind
	id    nodeID
	image node // before the change, for undoChanged
}

type undoKind uint8

const (
	undoChanged undoKind = iota
	undoCreated
	undoDeleted
)

type heldBlob struct {
	ref  blobRef
	size int
}

func (u *undoLog) changed(id nodeID, n *node) {
	if u.active {
		u.entries = append(u.entries, undoEntry{what: undoChanged, id: id, image: *n})
	}
}

func (u *undoLog) note(what undoKind, id nodeID) {
	if u.active {
		u.entries = append(u.entries, undoEntry{what: what, id: id})
	}
}

func (s *State) releaseBlob(ref blobRef, size int) {
	if s.undo.active {
		s.undo.blobs = append(s.undo.blobs, heldBlob{ref, size})
		return
	}
	s.blobs.release(ref, size)
}

func (s *State) releaseACL(id aclID) {
	if s.undo.active {
		s.undo.acls = append(s.undo.acls, id)
		return
	}
	s.acls.release(id)
}

// releaseNode discards a detached node.
func (s *State) releaseNode(id nodeID) {
	if s.undo.active {
		s.undo.nodes = append(s.undo.nodes, id)
		return
	}
	s.discard(id)
}

// beginUndo starts a multi.
func (s *State) beginUndo() {
	s.undo.active = true
	s.undo.totals = s.totals
}

// commitUndo ends a multi that succeeded.
func (s *State) commitUndo() {
	u := &s.undo
	u.active = false
	s.orderCreated()
	for _, b := range u.blobs {
		s.blobs.release(b.ref, b.size)
	}
	for _, id := range u.acls {
		s.acls.release(id)
	}
	for _, id := range u.nodes {
		s.discard(id)
	}
	u.forget()
}

// rollback takes everything back since beginUndo. Records stay marked as changed, which is harmless.
func (s *State) rollback() {
	u := &s.undo
	u.active = false
	for i := len(u.entries) - 1; i >= 0; i-- {
		e := &u.entries[i]
		switch e.what {
		case undoCreated:
			s.detach(e.id)
			s.discard(e.id)
		case undoDeleted:
			s.reattach(e.id)
		case undoChanged:
			s.restore(s.nodes.at(e.id), &e.image)
		}
	}
	s.totals = u.totals
	u.forget()
}

// restore brings back the image of a node, all but its links.
func (s *State) restore(n, image *node) {
	if n.blob != image.blob {
		s.blobs.release(n.blob, n.blobSize())
	}
	if n.acl != image.acl {
		s.acls.release(n.acl)
	}
	n.mzxid, n.pzxid, n.mtime = image.mzxid, image.pzxid, image.mtime
	n.version, n.cversion, n.aversion = image.version, image.cversion, image.aversion
	n.acl, n.blob, n.dataLen = image.acl, image.blob, image.dataLen
}

// forget empties the log and keeps a modest amount of memory.
func (u *undoLog) forget() {
	if cap(u.entries) > 1024 {
		u.entries, u.parents = nil, nil
	}
	u.entries, u.blobs, u.acls, u.nodes = u.entries[:0], u.blobs[:0], u.acls[:0], u.nodes[:0]
}
