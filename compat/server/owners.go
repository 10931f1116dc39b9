package server

import (
	"sync"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
)

// owners is what the leader knows about sessions that were attached again: through which server each of them speaks now. A session that
// never moved is not in it. It has a lock of its own, which nobody holds for longer than one look takes, because Vet runs on the goroutine of
// the protocol: heartbeats would wait behind whoever walks all sessions.
type owners struct {
	mu sync.Mutex
	of map[session.ID]zab.PeerID
}

// set notes that a session speaks through a server.
func (o *owners) set(id session.ID, server zab.PeerID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == nil {
		o.of = map[session.ID]zab.PeerID{}
	}
	o.of[id] = server
}

// forget drops a session that has ended.
func (o *owners) forget(id session.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.of, id)
}

// reset drops all: this server begins to lead, or has stopped leading.
func (o *owners) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of = nil
}

// moved says whether a session speaks through another server than this one.
func (o *owners) moved(id session.ID, from zab.PeerID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	server, known := o.of[id]
	return known && server != from
}
