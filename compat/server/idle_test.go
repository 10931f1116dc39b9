package server_test

import (
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab"
)

// TestLeaderServes: with leaderServes=no a server turns clients away while it leads, and at once: no handshake waits for it, and it never begins read-only
// mode. It reports all the same. The others serve, and so does it when it follows.
func TestLeaderServes(t *testing.T) {
	w := newWorld(t, 2, func(o *server.Options) { o.Features.LeaderIdle, o.Features.ReadOnlyMode = true, true })
	pass := func(d time.Duration) {
		w.clock.advance(d)
		w.nodes[0].Tick()
		w.nodes[1].Tick()
		w.history.Settle()
	}
	refused := func(what string) {
		t.Helper()
		c := w.dial(0)
		c.send((&wire.ConnectRequest{Timeout: 4000, Password: make([]byte, wire.PasswordSize), ReadOnly: true}).Append(nil))
		if _, err := c.next(soon); says(err) != "closed\n" {
			t.Errorf("%s: a client of the leader is answered (%v)", what, err)
		}
		if r := w.nodes[0].Report(0); !r.Serving || !r.Idle || r.Data.ReadOnly {
			t.Errorf("%s: the leader reports %+v", what, r)
		}
	}
	refused("at the start")
	h, _, _ := byHand(t, w, 1, wire.ConnectRequest{Timeout: 10000, Password: make([]byte, wire.PasswordSize)})
	pass(10 * time.Second)
	refused("later")

	leader := w.nodes[0].member
	leader.Soft(zab.SoftState{Role: zab.Following, Leader: 2, Epoch: 2, Active: true, Confirmed: true, Link: 1})
	mine, _, _ := byHand(t, w, 0, wire.ConnectRequest{Timeout: 4000, Password: make([]byte, wire.PasswordSize)})
	leader.Soft(leader.Active())
	if mine.Step(); !mine.Over() {
		t.Error("a client of a server that begins to lead stays with it")
	}
	refused("as the leader again")
	if h.Over() {
		t.Error("a client of the other server was disconnected")
	}
}
