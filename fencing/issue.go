package fencing

import (
	"errors"
	"fmt"
	"strings"
)

// Refusals of the Issuer. A server maps ErrNotOwner and ErrNotHolder to NoAuth and ErrNotALock to NoNode.
var (
	// ErrNotOwner: the session that asks does not own the node, or the node is not ephemeral.
	ErrNotOwner = errors.New("fencing: the node belongs to another session")
	// ErrNotHolder: the node waits in the queue. A token before the grant would lock the true holder out (H17).
	ErrNotHolder = errors.New("fencing: the node does not hold the lock")
	// ErrNotALock: the node is not one of a lock recipe that the issuer knows, so who holds cannot be told.
	ErrNotALock = errors.New("fencing: not a lock node of a known recipe")
	// ErrAmbiguousGrant: several nodes were created in one multi, so their czxid cannot order them (H4).
	ErrAmbiguousGrant = errors.New("fencing: several lock nodes share a czxid")
)

// LockNode is one child of a lock's path, as the state has it.
type LockNode struct {
	Name  string // without the path
	Czxid int64
	Owner int64 // ephemeralOwner; 0 for a persistent node
}

// Facts is everything that the decision needs, read at one point of the history (a linearization point: under a read index, or inside apply).
type Facts struct {
	// NodePath is the absolute path of the lock node for which a token is asked.
	NodePath string
	// Caller is the session that asks.
	Caller int64
	// Node is the node itself.
	Node LockNode
	// Siblings are all children of the node's parent; it may or may not contain the node itself.
	Siblings []LockNode
	// FenceMzxid is the mzxid of the fence node of a slot (see SlotPaths), 0 if there is none. Needed only for paths that SlotPaths knows.
	FenceMzxid int64
}

// Issuer decides whether a lock node holds its lock, and with which token. The zero value lacks the lineage and issues nothing.
//
// A server that serves /zookeeper/token/<node path> gathers Facts at a linearization point and calls Issue; what comes back says "held at that point",
// never "held now". The same rule works for every client library whose names ParseNodeName knows.
type Issuer struct{ Lineage Lineage }

// Issue gives the token, or an error that wraps ErrNotOwner, ErrNotHolder, ErrNotALock or ErrAmbiguousGrant. Three shapes are known:
//
//   - a slot of a semaphore, <lock>/slots/slot-<n>, granted by a multi that also wrote <lock>/fence/slot-<n>: the node's czxid equals the fence node's mzxid;
//   - a sequential node of a FIFO recipe: a writer holds when no node was created before it, a reader when no writer was (czxid order, which is the
//     order of creation even after the suffix wrapped);
//   - a single ephemeral node without a sequence: whoever has created it holds.
//
// The scope is the lock's path: the parent of a sequential node, the slot's own path for a slot, the node's own path for a single node.
func (i Issuer) Issue(f Facts) (Token, error) {
	if err := i.Lineage.Valid(); err != nil {
		return Token{}, err
	}
	if err := validLockPath(f.NodePath); err != nil {
		return Token{}, err
	}
	if f.Node.Owner == 0 || f.Node.Owner != f.Caller {
		return Token{}, fmt.Errorf("%w: %s is owned by session %s, the token was asked by %s", ErrNotOwner, f.NodePath, formatSession(f.Node.Owner), formatSession(f.Caller))
	}
	t, err := i.issue(f)
	if err == nil {
		t.Audit.Node, t.Audit.Session = f.Node.Name, f.Caller
	}
	return t, err
}

func (i Issuer) issue(f Facts) (Token, error) {
	cut := strings.LastIndexByte(f.NodePath, '/')
	parent := f.NodePath[:cut]
	if f.NodePath[cut+1:] != f.Node.Name {
		return Token{}, malformed("facts about %q do not fit the path %s", f.Node.Name, f.NodePath)
	}
	if scope, _, ok := SlotPaths(f.NodePath); ok {
		if f.FenceMzxid != f.Node.Czxid {
			return Token{}, fmt.Errorf("%w: %s was created at %#x, its fence node was last written at %#x: the grant must write both in one multi", ErrNotHolder, f.NodePath, f.Node.Czxid, f.FenceMzxid)
		}
		return FromFenceNode(i.Lineage, scope, Exclusive, f.FenceMzxid)
	}
	own := ParseNodeName(f.Node.Name)
	if own.Role != RoleNone {
		if parent == "" {
			return Token{}, fmt.Errorf("%w: %s stands directly under the root, which is no lock", ErrNotALock, f.NodePath)
		}
		return i.issueQueued(f, parent, own)
	}
	if _, _, sequential := cutSequence(f.Node.Name); sequential {
		return Token{}, fmt.Errorf("%w: %q is sequential, but its prefix is none of lock-, latch-, n_, __lock__, __rlock__, __READ__, __WRIT__", ErrNotALock, f.Node.Name)
	}
	return FromCzxid(i.Lineage, f.NodePath, Exclusive, f.Node.Czxid)
}

func (i Issuer) issueQueued(f Facts, parent string, own NodeName) (Token, error) {
	for _, s := range f.Siblings {
		if s.Name == f.Node.Name {
			continue
		}
		other := ParseNodeName(s.Name)
		switch {
		case other.Role == RoleNone:
			continue
		case s.Czxid == f.Node.Czxid:
			return Token{}, fmt.Errorf("%w: %s and %s, both at %#x: create lock nodes one at a time", ErrAmbiguousGrant, f.Node.Name, s.Name, s.Czxid)
		case s.Czxid < f.Node.Czxid && (own.Role == RoleWriter || other.Role == RoleWriter):
			return Token{}, fmt.Errorf("%w: %s waits behind %s, which was created earlier", ErrNotHolder, f.Node.Name, s.Name)
		}
	}
	mode := Exclusive
	if own.Role == RoleReader {
		mode = Shared
	}
	return FromCzxid(i.Lineage, parent, mode, f.Node.Czxid)
}

// SlotPaths takes <semaphore>/slots/slot-<n> apart. scope is the lock path of that slot's tokens (the slot node's own path) and fence is the path of its permanent fence node,
// <semaphore>/fence/slot-<n>.
func SlotPaths(nodePath string) (scope, fence string, ok bool) {
	cut := strings.LastIndexByte(nodePath, '/')
	if cut < 0 {
		return "", "", false
	}
	sem, found := strings.CutSuffix(nodePath[:cut], "/slots")
	slot := nodePath[cut+1:]
	n, isSlot := strings.CutPrefix(slot, "slot-")
	if !found || sem == "" || !isSlot || !isDigits(n) || len(n) > 9 {
		return "", "", false
	}
	return nodePath, sem + "/fence/" + slot, true
}
