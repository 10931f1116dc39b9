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
	var key [256]byte
	k, v := key[:0], s.buf
	for _, id := range s.acls.dirty {
		e := s.acls.at(id)
		e.dirty = false
		if k = appendKey32(k[:0], recordACL, id); !e.live() {
			del(k)
			continue
		}
		v = appendACL(append(v[:0], recordVersion), e.list)
		put(k, v)
	}
	for _, id := range s.feed.nodes {
		n := s.nodes.at(id)
		n.flags &^= flagDirty
		if k = appendKey32(k[:0], recordNode, id); n.flags&flagUsed == 0 {
			del(k)
			continue
		}
		v = s.appendNode(v[:0], n)
		put(k, v)
	}
	v = s.drainSessions(v, put, del)
	for _, name := range s.feed.secrets {
		k = append(append(k[:0], recordSecret), name...)
		if data, ok := s.secrets[name]; ok {
			v = append(append(v[:0], recordVersion), data...)
			put(k, v)
		} else {
			del(k)
		}
	}
	v = s.appendMeta(v[:0])
	put([]byte{recordMeta}, v)
	s.buf = v[:0]
	s.acls.dirty, s.feed = s.acls.dirty[:0], changeFeed{nodes: s.feed.nodes[:0], sessions: s.feed.sessions[:0]}
	return s.zxid
}

func (s *State) drainSessions(v []byte, put func(key, value []byte), del func(key []byte)) []byte {
	var key [16]byte
	for _, id := range s.feed.sessions {
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
	return v
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
