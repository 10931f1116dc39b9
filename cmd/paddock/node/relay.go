package node

import (
	"errors"
	"sync/atomic"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/peer"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// relay is the peer as the server sees it. The server must exist before the peer, which calls it from its first moment on, so the
// peer is filled in a moment later; nothing is asked before SoftStateChanged says that the ensemble is active.
type relay struct {
	to     atomic.Pointer[peer.Peer]
	linked chan struct{} // closed: it has its peer
}

func newRelay() *relay { return &relay{linked: make(chan struct{})} }

var errNoPeer = errors.New("the peer is not running yet")

func (r *relay) set(p *peer.Peer) {
	r.to.Store(p)
	close(r.linked)
}

func (r *relay) Propose(payloads [][]byte) error {
	if p := r.to.Load(); p != nil {
		return p.Propose(payloads)
	}
	return errNoPeer
}

func (r *relay) ReadIndex(done func(error)) {
	if p := r.to.Load(); p != nil {
		p.ReadIndex(done)
		return
	}
	done(errNoPeer)
}

func (r *relay) Ask(data []byte, done func([]byte, error)) {
	if p := r.to.Load(); p != nil {
		p.Ask(data, done)
		return
	}
	done(nil, errNoPeer)
}

func (r *relay) Answer(to zab.PeerID, ctx uint64, data []byte) {
	if p := r.to.Load(); p != nil {
		p.Answer(to, ctx, data)
	}
}

func (r *relay) Touch(data []byte) {
	if p := r.to.Load(); p != nil {
		p.Touch(data)
	}
}

func (r *relay) SetDigest(z zxid.ID, digest uint64) {
	if p := r.to.Load(); p != nil {
		p.SetDigest(z, digest)
	}
}

func (r *relay) Reconfig(next zab.Ensemble, extra []byte, done func(error)) {
	if p := r.to.Load(); p != nil {
		p.Reconfig(next, extra, done)
		return
	}
	done(errNoPeer)
}

func (r *relay) Status() zab.Status {
	if p := r.to.Load(); p != nil {
		return p.Status()
	}
	return zab.Status{}
}
