package transport

import (
	"net"

	"github.com/paddock-zk/paddock/zab/lineage"
)

// Name tells the lineage of this server's history, once it has one. Links to servers that have shown another are closed: they were let in while nothing was
// known that they contradict. source is what the state was copied from; the zero value if it was not.
func (t *Transport) Name(l lineage.Lineage, source lineage.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.me.Lineage, t.me.Source = l, source
	for id, h := range t.heard {
		if h.to = t.me.ID; h.check(t.me) == nil {
			continue
		}
		for c, from := range t.in {
			if from == id {
				c.Close()
			}
		}
		if pair, ok := t.links[id]; ok && t.ctx.Err() == nil {
			pair[0].cancel()
			pair[1].cancel()
			t.open(id, pair[0].addresses())
		}
	}
}

func (t *Transport) identity() Identity {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.me
}

// shown notes what a server has said of itself, and judges it again: meanwhile this server may have learned what it is.
func (t *Transport) shown(h hello, accepted net.Conn) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if accepted != nil {
		t.in[accepted] = h.from
	}
	t.heard[h.from] = h
	h.to = t.me.ID
	return h.check(t.me)
}
