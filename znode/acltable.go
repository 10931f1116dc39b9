package znode

import (
	"encoding/binary"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// aclID names an interned ACL. 0 is none; openACL is world:anyone all, which is never released.
type aclID = uint32

const openACL aclID = 1

// aclChunk is how many entries are allocated at once.
const aclChunk = 64

// aclEntry is one distinct list. list is immutable: events and readers share it.
type aclEntry struct {
	list  []ACL
	world Perm // what world:anyone may: the answer to most checks
	refs  int  // nodes that have it
	hash  uint64
	dirty bool
}

// aclTable interns ACLs: a tree has few distinct ones.
type aclTable struct {
	chunks  []*[aclChunk]aclEntry // by id; chunks without entries may be nil after a load
	top     aclID                 // first id never used
	byKey   map[string]aclID
	free    []aclID
	dirty   []aclID
	scratch []byte
}

func newACLTable() aclTable {
	t := aclTable{top: openACL, byKey: make(map[string]aclID)}
	t.intern([]ACL{{Perms: PermAll, Scheme: "world", ID: "anyone"}})
	e := t.at(openACL)
	e.refs, e.dirty, t.dirty = 1, false, nil // every state has it: never released, never drained
	return t
}

func (t *aclTable) at(id aclID) *aclEntry { return &t.chunks[id/aclChunk][id%aclChunk] }

// grow makes sure that there is an entry id.
func (t *aclTable) grow(id aclID) *aclEntry {
	c := int(id / aclChunk)
	for c >= len(t.chunks) {
		t.chunks = append(t.chunks, nil)
	}
	if t.chunks[c] == nil {
		t.chunks[c] = new([aclChunk]aclEntry)
	}
	t.top = max(t.top, id+1)
	return t.at(id)
}

// appendACL is the canonical bytes of a list: its key, its hash, its record.
func appendACL(dst []byte, list []ACL) []byte {
	for i := range list {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(list[i].Perms))
		dst = binary.AppendUvarint(dst, uint64(len(list[i].Scheme)))
		dst = append(dst, list[i].Scheme...)
		dst = binary.AppendUvarint(dst, uint64(len(list[i].ID)))
		dst = append(dst, list[i].ID...)
	}
	return dst
}

func isOpen(list []ACL) bool {
	return len(list) == 1 && list[0].Perms == PermAll && list[0].Scheme == "world" && list[0].ID == "anyone"
}

// intern returns the id of list without counting a reference. The list is copied if it is new.
func (t *aclTable) intern(list []ACL) aclID {
	if t.top > openACL && isOpen(list) {
		return openACL
	}
	t.scratch = appendACL(t.scratch[:0], list)
	if id, ok := t.byKey[string(t.scratch)]; ok {
		return id
	}
	var id aclID
	if k := len(t.free); k > 0 {
		id, t.free = t.free[k-1], t.free[:k-1]
	} else {
		id = t.top
		t.grow(id)
	}
	t.put(id, list)
	t.mark(id)
	return id
}

// put fills entry id, which is free, with a copy of list; t.scratch holds its canonical bytes.
func (t *aclTable) put(id aclID, list []ACL) {
	e := t.at(id)
	e.list = make([]ACL, len(list))
	for i, a := range list {
		e.list[i] = ACL{Perms: a.Perms, Scheme: strings.Clone(a.Scheme), ID: strings.Clone(a.ID)}
	}
	e.world, e.refs, e.hash = worldPerms(list), 0, xxhash.Sum64(t.scratch)
	t.byKey[string(t.scratch)] = id
}

func worldPerms(list []ACL) (p Perm) {
	for i := range list {
		if list[i].Scheme == "world" && list[i].ID == "anyone" {
			p |= list[i].Perms
		}
	}
	return p
}

func (t *aclTable) mark(id aclID) {
	if e := t.at(id); !e.dirty {
		e.dirty = true
		t.dirty = append(t.dirty, id)
	}
}

func (t *aclTable) ref(id aclID) { t.at(id).refs++ }

func (t *aclTable) release(id aclID) {
	e := t.at(id)
	if e.refs--; e.refs > 0 {
		return
	}
	t.scratch = appendACL(t.scratch[:0], e.list)
	delete(t.byKey, string(t.scratch))
	t.mark(id)
	*e = aclEntry{dirty: true}
	t.free = append(t.free, id)
}

func (t *aclTable) list(id aclID) []ACL { return t.at(id).list }

// live says whether an entry is in use.
func (e *aclEntry) live() bool { return e.list != nil }
