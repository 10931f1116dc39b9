package tokens

import (
	"strings"
	"sync"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/znode"
)

// fronts remembers for each lock one node that was seen at the front of its queue, so that a token costs the same however many wait: a waiter
// is refused at the sight of that node, and the holder need not look at everybody again.
//
// What is remembered cannot become wrong while the node exists. A queue is ordered by czxid, and whatever is created later has a larger one, so
// a node that once had nobody before it never gets anybody before it, and a node that stood before another stays there until it is deleted. A node
// of the same name that was created again has another czxid. The memory is a help and no fact: what is not remembered is looked up in the
// state.
type fronts struct {
	mu sync.Mutex
	of map[string]front // by the lock's path
}

type front struct {
	name  string
	czxid int64
	holds bool // it was seen to hold the lock; else it only stood before another node
}

// mostFronts bounds the memory; when it is full it begins anew.
const mostFronts = 4096

func (f *fronts) get(lock string) front {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.of[lock]
}

func (f *fronts) put(lock string, at front) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil || len(f.of) >= mostFronts {
		f.of = map[string]front{}
	}
	f.of[strings.Clone(lock)] = front{strings.Clone(at.name), at.czxid, at.holds}
}

// before gives the siblings that decide whether a node holds its lock: those that were created before it or together with it. settled says
// that the answer is known without a look at all of them.
func (f *fronts) before(st *znode.State, lock string, node fencing.LockNode) (siblings []fencing.LockNode, settled bool) {
	at := f.get(lock)
	if at.name == node.Name && at.czxid == node.Czxid && at.holds {
		return nil, true
	}
	if at.name != "" && at.czxid < node.Czxid {
		stat, _, ok := st.Node(strings.TrimSuffix(lock, "/") + "/" + at.name)
		blocks := fencing.ParseNodeName(node.Name).Role == fencing.RoleWriter || fencing.ParseNodeName(at.name).Role == fencing.RoleWriter
		if ok && blocks && stat.Czxid == at.czxid {
			return []fencing.LockNode{{Name: at.name, Czxid: at.czxid, Owner: stat.EphemeralOwner}}, true
		}
	}
	return older(st, lock, node), false
}

// note remembers what a look at all siblings has shown.
func (f *fronts) note(lock string, node fencing.LockNode, siblings []fencing.LockNode, holds bool) {
	if holds {
		f.put(lock, front{node.Name, node.Czxid, true})
		return
	}
	own := fencing.ParseNodeName(node.Name).Role
	var first front
	for _, s := range siblings {
		role := fencing.ParseNodeName(s.Name).Role
		blocks := own == fencing.RoleWriter && role != fencing.RoleNone || role == fencing.RoleWriter
		if blocks && s.Czxid < node.Czxid && (first.name == "" || s.Czxid < first.czxid) {
			first = front{s.Name, s.Czxid, false}
		}
	}
	if first.name != "" {
		f.put(lock, first)
	}
}

// older are the children of a lock's path that were not created after the node, without the node itself.
func older(st *znode.State, lock string, node fencing.LockNode) (out []fencing.LockNode) {
	path := append([]byte(strings.TrimSuffix(lock, "/")), '/')
	prefix := len(path)
	st.Children(lock, nil, znode.FlagSkipACL, func(name string) {
		path = append(path[:prefix], name...)
		if stat, _, ok := st.Node(string(path)); ok && stat.Czxid <= node.Czxid && name != node.Name {
			out = append(out, fencing.LockNode{Name: strings.Clone(name), Czxid: stat.Czxid, Owner: stat.EphemeralOwner})
		}
	})
	return out
}
