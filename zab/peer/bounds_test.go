package peer

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/paddock-zk/paddock/zab"
)

// idle is a peer whose core loop takes no turn until the test says so.
func idle(t *testing.T) (*Peer, Steps) {
	t.Helper()
	w := newWorld(t, 1, zab.Limits{})
	p, err := New(Config{Core: zab.Config{ID: 1, Ensemble: w.ensemble, Rand: rand.NewPCG(1, 1)}, Log: newDisk()})
	if err != nil {
		t.Fatal(err)
	}
	return p, p.ByHand(Environment{Machine: &machine{w: w, id: 1}})
}

// A core loop that is held up is not buried: what is large waits outside, what is small is dropped, proposals and calls are refused.
func TestMailboxIsBounded(t *testing.T) {
	p, s := idle(t)
	for range mailboxItems {
		p.Deliver(zab.Message{Type: zab.MsgPing})
		p.Touch(nil)
	}
	p.Deliver(zab.Message{Type: zab.MsgPing})
	refused := false
	p.ReadIndex(func(err error) { refused = errors.Is(err, zab.ErrLimit) })
	if !refused {
		t.Error("a call more is taken")
	}
	if err := p.Propose(make([][]byte, mailboxItems)); err != nil {
		t.Error(err)
	}
	if err := p.Propose(make([][]byte, 1)); !errors.Is(err, zab.ErrLimit) {
		t.Errorf("a proposal more: %v", err)
	}
	var m Mail
	if s.Take(&m); len(m.Messages) != mailboxItems {
		t.Errorf("%d messages wait", len(m.Messages))
	}
	large := zab.Message{Type: zab.MsgForward, Payloads: [][]byte{make([]byte, mailboxBytes)}}
	p.Deliver(large)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Deliver(large)
	}()
	select {
	case <-done:
		t.Error("a large message finds room where there is none")
	default:
	}
	for taken := 0; taken < 2; taken += len(m.Messages) {
		s.Take(&m)
	}
	<-done
	p.Deliver(large)
	go p.refuseAll()
	p.Deliver(large) // the end sets it free
}

// Reports of other servers do not pile up before a state machine that is held up.
func TestDeliveriesAreBounded(t *testing.T) {
	p, s := idle(t)
	for range 100 {
		s.Hand(&zab.Ready{Inbox: []zab.Delivery{{Kind: zab.DeliverTouch, Data: make([]byte, 1<<20)}}})
	}
	if n := len(p.applyQ.items); n < 10 || n > 20 {
		t.Errorf("%d MiB wait", n)
	}
	s.Apply()
	if n := p.delivering.Load(); n != 0 {
		t.Errorf("%d bytes are counted, and nothing waits", n)
	}
}
