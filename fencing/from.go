package fencing

// FromCzxid makes the token of a grant from the czxid of the holder's own lock node. Right wherever grants come in the order of creation:
// every FIFO lock, leader election, the writers and readers of a FIFO read/write lock, and a single ephemeral node.
//
// The caller has checked, after the lock was granted, that the node exists and that its ephemeralOwner is its own session. lockPath is the
// lock's own path after chroot. Errors are *Malformed.
func FromCzxid(l Lineage, lockPath string, mode Mode, czxid int64) (Token, error) {
	return fromZxid(l, lockPath, mode, czxid, "czxid")
}

// FromFenceNode makes the token of a grant from the mzxid of a permanent fence node that was written, at the moment of the grant, in one multi
// together with a check of the holder's node. Right also where grants do not come in the order of creation: slots of a semaphore, priorities.
// Errors are *Malformed.
func FromFenceNode(l Lineage, lockPath string, mode Mode, mzxid int64) (Token, error) {
	return fromZxid(l, lockPath, mode, mzxid, "mzxid")
}

func fromZxid(l Lineage, lockPath string, mode Mode, zxid int64, what string) (Token, error) {
	scope, err := ScopeOf(l.Cluster, lockPath)
	if err != nil {
		return Token{}, err
	}
	if zxid <= 0 {
		return Token{}, malformed("%s %d of %s: a zxid is positive", what, zxid, lockPath)
	}
	return build(l, lockPath, scope, mode, zxid, 0)
}

// FromParent makes a token from (czxid of the lock's parent, cversion of the parent): within one life of the parent cversion counts, across
// lives the parent's czxid orders. Both must come from the Stat of the one getChildren reply in which the caller saw its own node first in
// the queue; then the next holder's pair is larger, since its reply shows the deletion of this node.
//
// cversion counts every arrival and departure of a child in 32 bits. The range after its wrap (negative) is refused: delete the parent when
// no one waits, or use FromCzxid, which has no such end. A parent that goes on to 2^32 changes comes back to positive numbers and cannot be told
// apart; FromCzxid is the better fence wherever it can be had. The scope of these tokens is PairScopeOf: they never meet czxid tokens.
func FromParent(l Lineage, lockPath string, mode Mode, parentCzxid int64, cversion int32) (Token, error) {
	scope, err := PairScopeOf(l.Cluster, lockPath)
	if err != nil {
		return Token{}, err
	}
	switch {
	case parentCzxid <= 0:
		return Token{}, malformed("czxid %d of the parent %s: a zxid is positive", parentCzxid, lockPath)
	case cversion < 0:
		return Token{}, malformed("cversion %d of %s has wrapped after 2^31 changes: it no longer orders the grants; re-create the parent or use the czxid of the lock node", cversion, lockPath)
	case cversion == 0:
		return Token{}, malformed("cversion 0 of %s: the parent has never had a child, so nobody holds this lock", lockPath)
	}
	return build(l, lockPath, scope, mode, parentCzxid, uint32(cversion))
}

// FromCversion refuses, and says why: cversion alone is no fence.
func FromCversion(cversion int32) (Token, error) {
	return Token{}, malformed("cversion %d alone is no fence: it starts again from 0 when the parent is deleted and created anew (Curator does so on purpose), and wraps after 2^31 changes; use FromCzxid, or FromParent with the parent's czxid", cversion)
}

func build(l Lineage, lockPath string, scope ID, mode Mode, fence int64, sub uint32) (Token, error) {
	if err := l.Valid(); err != nil {
		return Token{}, err
	}
	t := Token{Cluster: l.Cluster, Incarnation: l.Incarnation, Scope: scope, Fence: fence, Sub: sub, Mode: mode, Audit: Audit{Path: lockPath}}
	return t, t.orNothing()
}
