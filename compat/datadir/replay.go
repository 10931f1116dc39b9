package datadir

import (
	"fmt"
	"strings"

	"github.com/paddock-zk/paddock/znode"
)

// image is a tree under construction: what a snapshot held, changed by what the logs say.
type image struct {
	nodes    map[string]*record
	sessions map[int64]int32
	zxid     int64 // last transaction seen
	time     int64 // and its time
}

type record struct {
	znode.Image
	children map[string]struct{} // names; nil for a leaf
}

func newImage() *image {
	im := &image{nodes: map[string]*record{}, sessions: map[int64]int32{}}
	im.nodes["/"] = &record{Image: znode.Image{Path: "/", ACL: openList()}}
	return im
}

func openList() []znode.ACL {
	return []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}
}

func (im *image) session(id int64, timeoutMs int32) { im.sessions[id] = timeoutMs }

func (im *image) node(n *znode.Image) error {
	if n.Path == "/" {
		im.nodes["/"] = &record{Image: *n}
		return nil
	}
	parent, name := split(n.Path)
	p, ok := im.nodes[parent]
	if !ok || name == "" {
		return fmt.Errorf("%w: node %q comes before its parent", ErrDamaged, n.Path)
	}
	im.nodes[n.Path] = &record{Image: *n}
	p.adopt(name)
	return nil
}

func (r *record) adopt(name string) {
	if r.children == nil {
		r.children = map[string]struct{}{}
	}
	r.children[name] = struct{}{}
}

func split(path string) (parent, name string) {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return "/", path[i+1:]
	}
	return path[:i], path[i+1:]
}

// apply does what a logged transaction says (DataTree.processTxn): absolute, idempotent, never failing for good content.
func (im *image) apply(t *logTxn) {
	im.zxid, im.time = max(im.zxid, t.zxid), max(im.time, t.time)
	if t.failed {
		return
	}
	switch t.op.kind {
	case typeCreateSession:
		im.sessions[t.session] = t.timeout
	case typeCloseSession:
		im.closeSession(t)
	case typeMulti:
		for i := range t.ops {
			im.applyOp(t, &t.ops[i])
		}
	default:
		im.applyOp(t, &t.op)
	}
}

func (im *image) applyOp(t *logTxn, op *logOp) {
	switch op.kind {
	case typeCreate, typeCreate2, typeCreateContainer, typeCreateTTL:
		im.create(t, op)
	case typeDelete, typeDeleteContainer:
		im.delete(op.path, t.zxid)
	case typeSetData, typeReconfig:
		path := op.path
		if n := im.nodes[path]; n != nil {
			n.Data, n.Version, n.Mzxid, n.Mtime = op.data, op.version, t.zxid, t.time
		}
	case typeSetACL:
		if n := im.nodes[op.path]; n != nil {
			n.ACL, n.Aversion = op.acl, op.version
		}
	}
}

const containerOwner = -1 << 63

func (im *image) create(t *logTxn, op *logOp) {
	parent, name := split(op.path)
	p := im.nodes[parent]
	if p == nil || name == "" {
		return // fuzzy: the parent is gone again by the time the snapshot reached it
	}
	cversion := op.parentCversion
	if cversion == -1 {
		cversion = p.Cversion + 1
	}
	if cversion-p.Cversion > 0 { // only upward, across the wrap of 32 bits too
		p.Cversion = cversion
	}
	p.Pzxid = max(p.Pzxid, t.zxid)
	if n := im.nodes[op.path]; n != nil { // fuzzy: it is there already, and may hold later changes
		n.ACL = op.acl
		return
	}
	n := &record{Image: znode.Image{
		Path: op.path, Data: op.data, ACL: op.acl, Czxid: t.zxid, Mzxid: t.zxid, Pzxid: t.zxid, Ctime: t.time, Mtime: t.time,
	}}
	switch {
	case op.kind == typeCreateContainer:
		n.EphemeralOwner = containerOwner
	case op.kind == typeCreateTTL:
		n.EphemeralOwner = -1<<56 | op.ttl
	case op.ephemeral:
		n.EphemeralOwner = t.session
	}
	im.nodes[op.path] = n
	p.adopt(name)
}

func (im *image) delete(path string, zxid int64) {
	parent, name := split(path)
	if p := im.nodes[parent]; p != nil {
		p.Pzxid = max(p.Pzxid, zxid)
		delete(p.children, name)
	}
	delete(im.nodes, path)
}

// closeSession deletes the ephemerals that the record names, or, before 3.6, all that the session owns.
func (im *image) closeSession(t *logTxn) {
	delete(im.sessions, t.session)
	if t.listed {
		for _, path := range t.paths {
			im.delete(path, t.zxid)
		}
		return
	}
	var mine []string
	for path, n := range im.nodes {
		if n.EphemeralOwner == t.session {
			mine = append(mine, path)
		}
	}
	for _, path := range mine {
		im.delete(path, t.zxid)
	}
}

// walk visits parents before children.
func (im *image) walk(f func(*znode.Image) error) error {
	todo := []string{"/"}
	for len(todo) > 0 {
		path := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		n := im.nodes[path]
		if err := f(&n.Image); err != nil {
			return err
		}
		for name := range n.children {
			todo = append(todo, strings.TrimSuffix(path, "/")+"/"+name)
		}
	}
	return nil
}
