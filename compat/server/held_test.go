package server

import (
	"testing"

	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab"
)

// A connect request that comes while leadership is handed over is held for a moment, and is served by the next leader's ensemble.
func TestAHandshakeWaitsForAHandover(t *testing.T) {
	now := int64(1000)
	s, o := scripted(t, 2, &now)
	newcomer := func() *listener.Hand {
		return hello(s, wire.ConnectRequest{Timeout: 4000, Password: make([]byte, wire.PasswordSize)})
	}
	down := func() { s.SoftStateChanged(zab.SoftState{}) }
	pass := func(ms int64) { now += ms; s.Tick() }
	if h := newcomer(); !h.Over() {
		t.Error("a request is held by a server that has never served")
	}
	activate(s)
	silent := listener.New(s, listener.Options{}).Hand(fromHere)
	down()
	if silent.Step(); silent.Over() {
		t.Error("a connection that has said nothing yet is closed with the others")
	}
	h := newcomer()
	pass(holdMs - 1)
	if h.Step(); h.Over() || h.Due() || len(o.proposed) != 0 {
		t.Fatal("the request is not held")
	}
	activate(s)
	if h.Step(); h.Over() || len(o.proposed) != 1 {
		t.Fatalf("after the handover: over %v, %d sessions proposed", h.Over(), len(o.proposed))
	}
	down()
	if h.Step(); !h.Over() {
		t.Error("a connection that waits for its session outlives the leader")
	}
	h = newcomer()
	if pass(holdMs); !h.Due() {
		t.Fatal("the request is held for ever")
	}
	if h.Step(); !h.Over() {
		t.Error("the request is not refused after the wait")
	}
	if h := newcomer(); !h.Over() {
		t.Error("a request that comes later is held too")
	}
	activate(s)
	down()
	for range mostHeld {
		if h := newcomer(); h.Over() {
			t.Fatal("a request is not held")
		}
	}
	if h := newcomer(); !h.Over() {
		t.Error("there is no limit to how many are held")
	}
}
