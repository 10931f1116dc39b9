package datadir

import (
	"fmt"
	"strings"

	"github.com/paddock-zk/paddock/znode"
)

// image is a tree under construction: what a snapshot held, changed by what the logs say.
type image struct {
	nodes    map[string]*record
	owned    map[int64]map[string]struct{} // paths by their owner; a session that ends must find its own among millions
	sessions map[int64]int32
	zxid     int64 // last transaction seen
	time     int64 // and its time
	reach    int64 // the last transaction of which the snapshot shows something
	exact    bool  // it began empty, so nothing in it is from later than zxid
	pending  map[string]oddity
	odd      []oddity
}

// place says where a transaction was read.
type place struct {
	file   string
	offset int64
	zxid   int64
}

// oddity is an operation on a tree in which it cannot have happened. In a snapshot that was written while transactions went on, a node is
// missing too if it was deleted before its turn came; then the logs delete it later, and until they do the oddity is pending.
type oddity struct {
	at   place
	what string
}

type record struct {
	znode.Image
	children map[string]struct{} // names; nil for a leaf
	lostACL  int64               // the key of a list that nothing has told yet
	planted  bool                // every tree has it, whether or not a snapshot or a log tells
}

func newImage() *image {
	im := &image{nodes: map[string]*record{}, owned: map[int64]map[string]struct{}{}, sessions: map[int64]int32{}, pending: map[string]oddity{}}
	for _, path := range []string{"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"} {
		r := &record{Image: znode.Image{Path: path, ACL: openList()}, planted: true}
		if path == "/zookeeper/config" {
			r.ACL, r.Aversion = []znode.ACL{{Perms: znode.PermRead, Scheme: "world", ID: "anyone"}}, -1
		}
		im.nodes[path] = r
		if parent, name := split(path); name != "" {
			im.nodes[parent].adopt(name)
		}
	}
	return im
}

func openList() []znode.ACL {
	return []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}
}

func (im *image) session(id int64, timeoutMs int32) { im.sessions[id] = timeoutMs }

func (im *image) reached(zxid int64) { im.reach = max(im.reach, zxid) }

func (im *image) node(n *snapNode) error {
	r := &record{Image: n.Image, lostACL: n.lostACL}
	if n.Path != "/" {
		parent, name := split(n.Path)
		p, ok := im.nodes[parent]
		if !ok || name == "" {
			return fmt.Errorf("%w: node %q comes before its parent", ErrDamaged, n.Path)
		}
		p.adopt(name)
	}
	if old := im.nodes[n.Path]; old != nil {
		r.children = old.children
	}
	im.put(r)
	im.reached(max(n.Czxid, n.Mzxid, n.Pzxid))
	return nil
}

func (im *image) put(r *record) {
	im.nodes[r.Path] = r
	if r.EphemeralOwner == 0 {
		return
	}
	if im.owned[r.EphemeralOwner] == nil {
		im.owned[r.EphemeralOwner] = map[string]struct{}{}
	}
	im.owned[r.EphemeralOwner][r.Path] = struct{}{}
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

// apply does what a logged transaction says (DataTree.processTxn): absolute and idempotent. What cannot have happened is noted.
func (im *image) apply(t *logTxn, at place) {
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
			im.applyOp(t, &t.ops[i], at)
		}
	default:
		im.applyOp(t, &t.op, at)
	}
}

func (im *image) applyOp(t *logTxn, op *logOp, at place) {
	switch op.kind {
	case typeCreate, typeCreate2, typeCreateContainer, typeCreateTTL:
		im.create(t, op, at)
	case typeDelete, typeDeleteContainer:
		if im.nodes[op.path] == nil && im.exact {
			im.odd = append(im.odd, oddity{at, "it deletes " + op.path + ", which is not there"})
		}
		im.delete(op.path, t.zxid)
	case typeSetData, typeReconfig:
		if n := im.present(op.path, at, "it sets the data of "+op.path+", which is not there"); n != nil {
			n.Data, n.Version, n.Mzxid, n.Mtime = op.data, op.version, t.zxid, t.time
		}
	case typeSetACL:
		if n := im.present(op.path, at, "it sets the ACL of "+op.path+", which is not there"); n != nil {
			n.ACL, n.Aversion, n.lostACL = op.acl, op.version, 0
		}
	}
}

// present finds a node that an operation needs. Without it the operation is odd, until a later transaction deletes the node.
func (im *image) present(path string, at place, what string) *record {
	n := im.nodes[path]
	switch _, noted := im.pending[path]; {
	case n != nil:
		n.planted = false
	case im.exact:
		im.odd = append(im.odd, oddity{at, what})
	case !noted:
		im.pending[path] = oddity{at, what}
	}
	return n
}

const containerOwner = -1 << 63

func (im *image) create(t *logTxn, op *logOp, at place) {
	parent, name := split(op.path)
	p := im.present(parent, at, "it creates "+op.path+", whose parent is not there")
	if p == nil || name == "" {
		return
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
		if n.Czxid < t.zxid {
			im.odd = append(im.odd, oddity{at, fmt.Sprintf("it creates %s, which is there since zxid 0x%x", op.path, n.Czxid)})
		}
		n.ACL, n.lostACL = op.acl, 0
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
	im.put(n)
	p.adopt(name)
}

// delete takes a node away, and what is below it: a node that is deleted has no children, so those were made after it was made anew
// and before the snapshot came to it; the log makes them again.
func (im *image) delete(path string, zxid int64) {
	delete(im.pending, path)
	parent, name := split(path)
	if p := im.nodes[parent]; p != nil {
		p.Pzxid = max(p.Pzxid, zxid)
		delete(p.children, name)
	}
	todo := []string{path}
	for len(todo) > 0 {
		path := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if n := im.nodes[path]; n != nil {
			for name := range n.children {
				todo = append(todo, path+"/"+name)
			}
			delete(im.nodes, path)
			delete(im.owned[n.EphemeralOwner], path)
		}
	}
}

// closeSession deletes the ephemerals that the record names, or, before 3.6, all that the session owns. Those that the snapshot did not
// come to have no name then, so nothing can be said any more of what was odd about a node without children.
func (im *image) closeSession(t *logTxn) {
	delete(im.sessions, t.session)
	if t.listed {
		for _, path := range t.paths {
			im.delete(path, t.zxid)
		}
		return
	}
	for path := range im.owned[t.session] {
		im.delete(path, t.zxid)
	}
	delete(im.owned, t.session)
	for path, o := range im.pending {
		if !strings.HasPrefix(o.what, "it creates") {
			delete(im.pending, path)
		}
	}
}

// walk visits parents before children.
func (im *image) walk(f func(*znode.Image) error) error {
	todo := []string{"/"}
	for len(todo) > 0 {
		path := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		n := im.nodes[path]
		if !n.planted {
			if err := f(&n.Image); err != nil {
				return err
			}
		}
		for name := range n.children {
			todo = append(todo, strings.TrimSuffix(path, "/")+"/"+name)
		}
	}
	return nil
}
