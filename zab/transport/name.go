package transport

import (
	"net"
	"strconv"

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
	if at := reachable(h.where, accepted); at != "" && t.admitsAll() {
		t.said[h.from] = []string{at}
	}
	h.to = t.me.ID
	return h.check(t.me)
}

// reachable is where a server says that it is; if what it says is good only on its own machine, it is where it dialled from. "" if that is no address.
func reachable(where string, from net.Conn) string {
	host, port, err := net.SplitHostPort(where)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 {
		return ""
	}
	if ip := net.ParseIP(host); (host == "" || host == "localhost" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback())) && from != nil {
		if host, _, err = net.SplitHostPort(from.RemoteAddr().String()); err != nil {
			return ""
		}
	}
	return net.JoinHostPort(host, port)
}
