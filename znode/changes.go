package znode

import (
	"slices"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// changeFeed lists what changed since the last drain, each record about once.
type changeFeed struct {
	nodes    []nodeID
	sessions []session.ID
	secrets  []string
}

func (s *State) markNode(id nodeID) {
	if n := s.nodes.at(id); n.flags&flagDirty == 0 && s.load == nil {
		n.flags |= flagDirty
		s.feed.nodes = append(s.feed.nodes, id)
	}
}

// markSession must come before the record goes.
func (s *State) markSession(id session.ID, rec *sessionRecord) {
	if !rec.dirty {
		rec.dirty = true
		s.feed.sessions = append(s.feed.sessions, id)
	}
}

// Pending is about the number of records that DrainChanges would hand out.
func (s *State) Pending() int {
	return len(s.feed.nodes) + len(s.feed.sessions) + len(s.feed.secrets) + len(s.acls.dirty)
}

// DrainChanges hands out every record that changed since the last call (first call: since the state was made or loaded), as one
// consistent image at the returned zxid. Keys are at most 256 bytes. key and value are valid only during the call of put or del; a
// record may be deleted that was never put. It writes to the state: call it where Apply is called.
func (s *State) DrainChanges(put func(key, value []byte), del func(key []byte)) zxid.ID {
	s.DrainSome(s.Pending(), put, del)
	v := s.appendMeta(s.buf[:0])
	put([]byte{recordMeta}, v)
	s.buf = v[:0]
	return s.zxid
}

// DrainSome hands out at most n of the changed records, as DrainChanges does, so that a drain of very many need not hold up everybody in one
// piece. Records that change again are marked again. What several calls have handed out becomes one consistent image with a last call of
// DrainChanges: of a record that came more than once the last one counts.
func (s *State) DrainSome(n int, put func(key, value []byte), del func(key []byte)) {
	n = s.drainACLs(n, put, del)
	n = s.drainNodes(n, put, del)
	n = s.drainSessions(n, put, del)
	s.drainSecrets(n, put, del)
}

// cut takes up to n off the end of a list, and says how many more may be taken.
func cut[T any](list *[]T, n int) (taken []T, left int) {
	k := min(n, len(*list))
	taken = (*list)[len(*list)-k:]
	*list = (*list)[:len(*list)-k]
	return taken, n - k
}

func (s *State) drainACLs(n int, put func(key, value []byte), del func(key []byte)) int {
	var key [8]byte
	k, v := key[:0], s.buf
	ids, left := cut(&s.acls.dirty, n)
	for _, id := range ids {
		e := s.acls.at(id)
		e.dirty = false
		if k = appendKey32(k[:0], recordACL, id); !e.live() {
			del(k)
			continue
		}
		v = appendACL(append(v[:0], recordVersion), e.list)
		put(k, v)
	}
	s.buf = v[:0]
	return left
}

func (s *State) drainNodes(n int, put func(key, value []byte), del func(key []byte)) int {
	var key [8]byte
	k, v := key[:0], s.buf
	ids, left := cut(&s.feed.nodes, n)
	for _, id := range ids {
		n := s.nodes.at(id)
		n.flags &^= flagDirty
		if k = appendKey32(k[:0], recordNode, id); n.flags&flagUsed == 0 {
			del(k)
			continue
		}
		v = s.appendNode(v[:0], n)
		put(k, v)
	}
	s.buf = v[:0]
	return left
}

func (s *State) drainSessions(n int, put func(key, value []byte), del func(key []byte)) int {
	var key [16]byte
	v := s.buf
	ids, left := cut(&s.feed.sessions, n)
	for _, id := range ids {
		k := appendSessionKey(key[:0], id)
		rec := s.sessions[id]
		if rec == nil {
			del(k)
			continue
		}
		rec.dirty = false
		v = appendSession(v[:0], rec)
		put(k, v)
	}
	s.buf = v[:0]
	return left
}

func (s *State) drainSecrets(n int, put func(key, value []byte), del func(key []byte)) {
	var key [256]byte
	names, _ := cut(&s.feed.secrets, n)
	for _, name := range names {
		k := append(append(key[:0], recordSecret), name...)
		if data, ok := s.secrets[name]; ok {
			v := append(append(s.buf[:0], recordVersion), data...)
			put(k, v)
			s.buf = v[:0]
		} else {
			del(k)
		}
	}
	if len(s.feed.secrets) == 0 {
		s.feed.secrets = nil // the names may go
	}
}

// MarkAllChanged makes the next DrainChanges hand out everything (an image that came from elsewhere goes to an empty store).
func (s *State) MarkAllChanged() {
	for id := openACL + 1; id < s.acls.top; id++ {
		if s.acls.chunks[id/aclChunk] != nil && s.acls.at(id).live() {
			s.acls.mark(id)
		}
	}
	s.nodes.each(func(id nodeID, _ *node) { s.markNode(id) })
	for id, rec := range s.sessions {
		s.markSession(id, rec)
	}
	s.feed.secrets = s.feed.secrets[:0]
	for name := range s.secrets {
		s.feed.secrets = append(s.feed.secrets, name)
	}
}

// Dump hands out every record, in order of keys but for sessions: a full image at LastZxid. It stops at the first error. It only
// reads. key and value are valid only during the call of put.
func (s *State) Dump(put func(key, value []byte) error) error {
	var k, v []byte
	var err error
	emit := func() {
		if err == nil {
			err = put(k, v)
		}
	}
	for id := openACL + 1; id < s.acls.top; id++ {
		if s.acls.chunks[id/aclChunk] == nil || !s.acls.at(id).live() {
			continue
		}
		k, v = appendKey32(k[:0], recordACL, id), appendACL(append(v[:0], recordVersion), s.acls.list(id))
		emit()
	}
	k, v = append(k[:0], recordMeta), s.appendMeta(v[:0])
	emit()
	s.nodes.each(func(id nodeID, n *node) {
		if err == nil {
			k, v = appendKey32(k[:0], recordNode, id), s.appendNode(v[:0], n)
			emit()
		}
	})
	for _, name := range sortedKeys(s.secrets) {
		k, v = append(append(k[:0], recordSecret), name...), append(append(v[:0], recordVersion), s.secrets[name]...)
		emit()
	}
	for id, rec := range s.sessions {
		k, v = appendSessionKey(k[:0], id), appendSession(v[:0], rec)
		emit()
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
